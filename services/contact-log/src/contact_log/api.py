"""The contact log's REST door: contacts reported by people, and what is on record, newest first."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contact_log import handlers, store
from contact_log.domain.entry import Direction
from contact_log.domain.place import Place
from contact_log.domain.report import Channel, Details, ReportedOutcome, Sign, reported_entry
from contact_log.views import Complaint, Complaints, Contacts, Count, Counts, Recorded, Timeline, page
from spine.database import Runtime, Tx
from spine.errors import BadRequest, NotFound
from spine.http import runtime_of

router = APIRouter(prefix="/v1", tags=["contacts"])

#: Counting reads every entry of the span.
MAX_COUNTED: Final = timedelta(days=31)
_ID: Final = r"^[^\x00-\x1f\x7f]+$"

FromRuntime = Annotated[Runtime, Depends(runtime_of)]
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=_ID)]
#: What the database can hold in any zone.
Instant = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
]
Since = Annotated[Instant | None, Query(alias="from", description="from this instant on")]
Before = Annotated[Instant | None, Query(alias="to", description="before this instant")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")]
By = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Limit = Annotated[int, Query(ge=1, le=500)]


class SpanTooLong(BadRequest):
    """Counts are made over at most 31 days."""

    code = "span_too_long"


class ReportedContact(BaseModel):
    """A contact that a person made or received. `by` is the reporter's opaque id; `note` holds no personal data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    borrower_id: Id
    loan_id: Id | None = None
    channel: Channel
    direction: Direction
    outcome: ReportedOutcome
    at: Instant
    by: By
    note: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    contact_ref: Id | None = None
    party_id: Id | None = None
    amount: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,3})?$")] | None = None
    promised_on: Annotated[date, Field(ge=date(1970, 1, 1), lt=date(9000, 1, 1))] | None = None
    verified: bool | None = None
    sign: Sign | None = None
    permit_id: Id | None = None
    recording_ref: Id | None = None

    def details(self) -> Details:
        """What belongs to some outcomes alone."""
        return Details(
            contact_ref=self.contact_ref,
            party_id=self.party_id,
            amount=self.amount,
            promised_on=self.promised_on,
            verified=self.verified,
            sign=self.sign,
            permit_id=self.permit_id,
            recording_ref=self.recording_ref,
        )


class Answered(BaseModel):
    """Who answered a complaint, as an opaque id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: By


@router.post("/contacts", status_code=201, responses={200: {"model": Recorded, "description": "As before"}})
async def report_contact(
    contact: ReportedContact,
    response: Response,
    runtime: FromRuntime,
    idempotency_key: Annotated[
        str, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=_ID)
    ],
) -> Recorded:
    """Puts a contact on record: 201 new, 200 the same again, 409 another one under the same key."""

    async def keep(tx: Tx) -> tuple[str, bool]:
        entry = reported_entry(
            idempotency_key,
            # What was not said is left out, so that a report from before there was such a field is the same one.
            _stated(contact),
            borrower_id=contact.borrower_id,
            loan_id=contact.loan_id,
            channel=contact.channel,
            direction=contact.direction,
            outcome=contact.outcome,
            at=contact.at,
            by=contact.by,
            note=contact.note,
            now=tx.now,
            details=contact.details(),
        )
        return entry.contact_id, await handlers.keep_report(tx, entry)

    contact_id, new = await runtime.run(keep)
    response.status_code = 201 if new else 200
    return Recorded(contact_id=contact_id)


def _stated(contact: ReportedContact) -> dict[str, Any]:
    body = contact.model_dump(mode="json")
    later = set(Details.__dataclass_fields__)
    return {name: value for name, value in body.items() if name not in later or value is not None}


@router.get("/contacts", response_class=Response, responses={200: {"model": Contacts}})
async def list_contacts(
    runtime: FromRuntime,
    borrower_id: Annotated[str | None, Query(max_length=200, pattern=_ID)] = None,
    since: Since = None,
    before: Before = None,
    channel: Channel | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Entries, newest first."""
    asked = store.Asked(borrower_id, channel.value if channel else None, since, before)
    after = Place.from_cursor(cursor) if cursor else None
    async with runtime.transaction() as tx:
        kept = await store.newest(tx, asked, after, limit + 1)
    return page(kept, limit)


@router.get("/contacts/counts")
async def count_contacts(
    runtime: FromRuntime,
    since: Annotated[Instant, Query(alias="from")],
    before: Annotated[Instant, Query(alias="to")],
    channel: Channel | None = None,
) -> Counts:
    """Entries by channel, direction and outcome over at most 31 days."""
    if before - since > MAX_COUNTED:
        raise SpanTooLong()
    async with runtime.transaction() as tx:
        counted = await store.counts(tx, store.Asked(None, channel.value if channel else None, since, before))
    return Counts(items=[Count(channel=c, direction=d, outcome=o, count=count) for c, d, o, count in counted])


@router.get(
    "/borrowers/{borrower_id}/timeline", response_class=Response, responses={200: {"model": Timeline}}
)
async def timeline(
    borrower_id: Annotated[str, Path(max_length=200, pattern=_ID)],
    runtime: FromRuntime,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """All that happened between the lender and a borrower, newest first; 404 when nothing ever did."""
    after = Place.from_cursor(cursor) if cursor else None
    async with runtime.transaction() as tx:
        entries = await store.entries_of(tx, borrower_id)
        kept = await store.newest(tx, store.Asked(borrower_id), after, limit + 1)
    if entries is None:
        raise NotFound(f"no contact with borrower {borrower_id}", borrower_id=borrower_id)
    return page(kept, limit, borrower_id=borrower_id, entries=entries)


@router.get("/complaints")
async def list_complaints(
    runtime: FromRuntime,
    borrower_id: Annotated[str | None, Query(max_length=200, pattern=_ID)] = None,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
    limit: Limit = 100,
) -> Complaints:
    """Complaints, the oldest first: the one that waits longest."""
    async with runtime.transaction() as tx:
        found = await store.complaints(tx, borrower_id=borrower_id, is_open=is_open, limit=limit)
    return Complaints(items=[Complaint(**asdict(complaint)) for complaint in found])


@router.post("/complaints/{complaint_id}/close")
async def close_complaint(complaint_id: uuid.UUID, answered: Answered, runtime: FromRuntime) -> Complaint:
    """A complaint was answered; closing it again changes nothing."""
    closed = await runtime.run(lambda tx: handlers.close_complaint(tx, str(complaint_id), by=answered.by))
    return Complaint(**asdict(closed))
