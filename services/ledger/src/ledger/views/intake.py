"""What the REST door shows of what came in: answers, the quarantine, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from typing_extensions import TypedDict

from ledger.books import Outcome
from ledger.views.cursors import following
from spine.envelope import Envelope


class Taken(TypedDict):
    """An event that was taken in, or was before (`known`)."""

    source: str
    id: str
    outcome: Outcome


class QuarantineItem(TypedDict):
    """An event put aside; `offset` is -1 for one that came over REST."""

    id: str
    topic: str
    partition: int
    offset: int
    borrower_id: str | None
    loan_id: str | None
    type: str | None
    code: str
    message: str
    opened_at: datetime


class QuarantinePage(TypedDict):
    items: list[QuarantineItem]
    next_cursor: str | None


class QuarantinedEvent(QuarantineItem):
    """One of them, with the body as it came (None where it was not kept) and how it was resolved."""

    body: str | None
    resolved_at: datetime | None
    resolution: str | None


class ParkedItem(TypedDict):
    """An event that waits: `waits_for` is "loan" or "repayment:<id>"."""

    id: int
    source: str
    event_id: str
    loan_id: str
    type: str
    waits_for: str
    parked_at: datetime


class ParkedPage(TypedDict):
    items: list[ParkedItem]
    next_cursor: str | None


def quarantined(row: Any) -> QuarantineItem:
    return QuarantineItem(
        id=row.id,
        topic=row.topic,
        partition=row.partition,
        offset=row.record_offset,
        borrower_id=row.key,
        loan_id=row.subject,
        type=row.type,
        code=row.code,
        message=row.message,
        opened_at=row.opened_at,
    )


def quarantined_event(row: Any) -> QuarantinedEvent:
    body = bytes(row.body).decode(errors="replace") if row.body is not None else None
    return QuarantinedEvent(
        **quarantined(row), body=body, resolved_at=row.resolved_at, resolution=row.resolution
    )


def quarantine_page(rows: Sequence[Any], limit: int) -> QuarantinePage:
    next_cursor = following(rows, limit, lambda row: (row.opened_at.isoformat(), row.id))
    return QuarantinePage(items=[quarantined(row) for row in rows], next_cursor=next_cursor)


def parked_page(rows: Sequence[Any], limit: int) -> ParkedPage:
    items = [
        ParkedItem(
            id=row.id,
            source=row.source,
            event_id=row.event_id,
            loan_id=row.loan_id,
            type=_type_of(row.headers),
            waits_for=row.waits_for,
            parked_at=row.parked_at,
        )
        for row in rows
    ]
    return ParkedPage(items=items, next_cursor=following(rows, limit, lambda row: (str(row.id),)))


def _type_of(headers: bytes) -> str:
    return Envelope.from_headers(msgspec.json.decode(headers, type=list[tuple[str, bytes]])).type
