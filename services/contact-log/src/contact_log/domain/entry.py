"""One entry of the contact log: what happened, to whom, when, why, and which event told it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NewType

from spine.events.notifier import FiredRule

ContactId = NewType("ContactId", str)

_NAMESPACE: Final = uuid.UUID("0e4c0a7e-1f0e-4b1d-9d7a-6a5a0f6f2c31")


class Direction(StrEnum):
    """Who began the contact."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row that is written once and never changed.

    `at` is the business instant of the contact. `source` and `source_id` are the CloudEvents source and id of
    the event that told it, or "report" and the request's idempotency key. People appear as opaque references.
    `flag` is what somebody should look into: a call of which there is no recording.
    """

    contact_id: ContactId
    borrower_id: str
    channel: str
    direction: Direction
    outcome: str
    at: datetime
    source: str
    source_id: str
    loan_id: str | None = None
    message_id: str | None = None
    request_id: str | None = None
    attempt_no: int | None = None
    client_ref: str | None = None
    contact_ref: str | None = None
    purpose: str | None = None
    stage: str | None = None
    step: str | None = None
    template: str | None = None
    template_version: int | None = None
    body_sha256: str | None = None
    gateway: str | None = None
    gateway_id: str | None = None
    code: str | None = None
    until: datetime | None = None
    rules: tuple[FiredRule, ...] = ()
    policy: str | None = None
    facts_digest: str | None = None
    reported_by: str | None = None
    note: str | None = None
    request_sha256: str | None = None
    task_id: str | None = None
    permit_id: str | None = None
    recording_ref: str | None = None
    flag: str | None = None
    party_id: str | None = None
    amount: str | None = None
    promised_on: date | None = None
    verified: bool | None = None


def contact_id(*parts: str) -> ContactId:
    """The id that the same fact always has: told twice, it is one entry."""
    return ContactId(str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts))))
