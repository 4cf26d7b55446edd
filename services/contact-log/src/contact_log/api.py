"""The contact log's REST door: contacts reported by people, and what is on record, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contact_log import handlers, store
from contact_log.domain.entry import Direction
from contact_log.domain.place import Place
from contact_log.domain.report import Channel, ReportedOutcome, reported_entry
from contact_log.views import Contacts, Count, Counts, Recorded, Timeline, page
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
    by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
    note: Annotated[str, Field(min_length=1, max_length=500)] | None = None


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
            contact.model_dump(mode="json"),
            borrower_id=contact.borrower_id,
            loan_id=contact.loan_id,
            channel=contact.channel,
            direction=contact.direction,
            outcome=contact.outcome,
            at=contact.at,
            by=contact.by,
            note=contact.note,
            now=tx.now,
        )
        return entry.contact_id, await handlers.keep_report(tx, entry)

    contact_id, new = await runtime.run(keep)
    response.status_code = 201 if new else 200
    return Recorded(contact_id=contact_id)


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
