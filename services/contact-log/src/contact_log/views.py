"""What the REST door shows: entries as they are kept, pages of them, and counts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
from fastapi import Response
from pydantic import BaseModel

from contact_log.store import Kept


class Recorded(BaseModel):
    """Where a reported contact is on record."""

    contact_id: str


class Rule(BaseModel):
    """A rule that spoke against a contact."""

    id: str
    verdict: str
    until: datetime | None = None
    citation: str | None = None


class Contact(BaseModel):
    """One entry of the log; what does not apply to it is null."""

    contact_id: str
    borrower_id: str
    loan_id: str | None
    channel: str
    direction: str
    outcome: str
    at: datetime
    recorded_at: datetime
    source: str
    source_id: str
    message_id: str | None
    request_id: str | None
    attempt_no: int | None
    client_ref: str | None
    contact_ref: str | None
    purpose: str | None
    stage: str | None
    step: str | None
    template: str | None
    template_version: int | None
    body_sha256: str | None
    gateway: str | None
    gateway_id: str | None
    code: str | None
    until: datetime | None
    rules: list[Rule]
    policy: str | None
    facts_digest: str | None
    reported_by: str | None
    note: str | None
    task_id: str | None
    permit_id: str | None
    recording_ref: str | None
    flag: str | None
    party_id: str | None
    amount: str | None
    promised_on: date | None
    verified: bool | None


class Complaint(BaseModel):
    """One complaint; open while `closed_at` is null. `complaint_id` is also the entry that told of it."""

    complaint_id: str
    borrower_id: str
    loan_id: str | None
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None


class Complaints(BaseModel):
    """The complaints asked for, the oldest first."""

    items: list[Complaint]


class Contacts(BaseModel):
    """A page of entries, newest first."""

    items: list[Contact]
    next_cursor: str | None


class Timeline(Contacts):
    """A page of a borrower's entries, newest first, and how many there are in all."""

    borrower_id: str
    entries: int


class Count(BaseModel):
    """How many entries share channel, direction and outcome."""

    channel: str
    direction: str
    outcome: str
    count: int


class Counts(BaseModel):
    """Entries counted over a span."""

    items: list[Count]


def page(kept: list[Kept], limit: int, **also: Any) -> Response:
    """A page of at most `limit` entries; one more than that tells that there is a next page.

    Rows are encoded as they are: a model per row would cost more than reading it.
    """
    items = [{**row.entry, "recorded_at": row.recorded_at} for row in kept[:limit]]
    for item in items:
        del item["request_sha256"]
    more = kept[limit - 1].place.cursor() if len(kept) > limit else None
    body = msgspec.json.encode({**also, "items": items, "next_cursor": more})
    return Response(body, media_type="application/json")
