"""The ledger's REST door: events in; loans, arrears, money, the business date and the quarantine out."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from ledger import bulk, closing, cursors, views
from ledger.books import Outcome
from ledger.domain.position import LoanStatus, position
from ledger.door import read_event, status_of
from ledger.figures import ArrearsFigures, arrears
from ledger.handlers.core_facts import Intake, take
from ledger.store import day, loans, reads
from spine.database import Runtime, Tx
from spine.errors import NotFound, TooLarge
from spine.http import MAX_BODY_BYTES, problem, runtime_of

router = APIRouter()

Limit = Annotated[int, Query(ge=1, le=500)]
RuntimeOf = Annotated[Runtime, Depends(runtime_of)]


def intake_of(request: Request) -> Intake:
    """The house's rules, as the composition root loaded them."""
    intake: Intake = request.app.state.intake
    return intake


IntakeOf = Annotated[Intake, Depends(intake_of)]


_EVENTS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": {"type": "object"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


@router.post("/v1/events", status_code=201, response_model=views.Taken, openapi_extra=_EVENTS_BODY)
async def post_events(request: Request, runtime: RuntimeOf, intake: IntakeOf) -> Response:
    """One structured CloudEvent of core banking; or many, one a line, as `application/x-ndjson`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == bulk.BulkIntake.media_type:
        return bulk.BulkIntake(runtime, intake)
    received = read_event(await _body(request), intake.house, runtime.partitions)
    [answer] = await runtime.run(lambda tx: take(tx, [received], to=intake))
    status = status_of(answer)
    if answer.outcome is Outcome.REFUSED:
        return problem(status, answer.code or "refused", answer.message or "", field=answer.field)
    envelope = received.envelope
    return JSONResponse({"source": envelope.source, "id": envelope.id, "outcome": answer.outcome}, status)


async def _body(request: Request) -> bytes:
    """The body of a request that is not a bulk one, whose limit is the usual one."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"One event is at most {MAX_BODY_BYTES} bytes.", limit_bytes=MAX_BODY_BYTES)
    return bytes(body)


@router.get("/v1/loans")
async def list_loans(
    runtime: RuntimeOf,
    intake: IntakeOf,
    status: LoanStatus | None = None,
    dpd_min: Annotated[int | None, Query(ge=1, le=36_500)] = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> views.LoanPage:
    """Loans in order of their ids; `dpd_min` on the open business date."""
    after = cursors.decode(cursor, 1)[0] if cursor else None
    async with runtime.transaction() as tx:
        open_on = await day.hold_open_date(tx, intake.house)
        rows = await reads.list_loans(
            tx,
            status=status.value if status else None,
            dpd_zero_by=views.days_before(open_on, dpd_min),
            after=after,
            limit=limit,
        )
    return views.loan_page(rows, open_on, limit)


@router.get("/v1/loans/{loan_id}", response_model=views.Loan)
async def get_loan(request: Request, loan_id: str, runtime: RuntimeOf, intake: IntakeOf) -> Response:
    """A loan with its schedule, terms and figures on the open business date."""
    async with runtime.transaction() as tx:
        open_on = await day.hold_open_date(tx, intake.house)
        row = await _row(tx, loan_id)
        account = (await loans.accounts(tx, [row], intake.terms))[loan_id]
    now = position(account.facts, max(open_on, account.standing.as_of))
    etag = f'"{account.version}-{now.as_of}"'
    if etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers={"ETag": etag})
    return views.json_response(views.loan(row, account, now), etag)


@router.get("/v1/loans/{loan_id}/arrears")
async def get_arrears(
    loan_id: str,
    runtime: RuntimeOf,
    intake: IntakeOf,
    as_of: date | None = None,
    known_at: AwareDatetime | None = None,
) -> ArrearsFigures:
    """The arrears of a loan on a date (default: the open business date), as they were known at an instant."""
    async with runtime.transaction() as tx:
        open_on = await day.hold_open_date(tx, intake.house)
        row = await _row(tx, loan_id)
        if known_at is not None and row.recorded_at > known_at:
            raise NotFound(f"loan {loan_id} was not known at {known_at.isoformat()}", loan_id=loan_id)
        account = (await loans.accounts(tx, [row], intake.terms, known_at=known_at))[loan_id]
    on = as_of or max(open_on, account.standing.as_of)
    if on < account.facts.opened_on:
        raise NotFound(f"loan {loan_id} was opened on {account.facts.opened_on}", loan_id=loan_id)
    return arrears(account.facts, position(account.facts, on))


@router.get("/v1/loans/{loan_id}/repayments")
async def list_repayments(
    loan_id: str, runtime: RuntimeOf, cursor: str | None = None, limit: Limit = 100
) -> views.RepaymentPage:
    """Money of a loan in order of value date, reversed money included."""
    after = views.dated_key(cursors.decode(cursor, 2)) if cursor else None
    async with runtime.transaction() as tx:
        row = await _row(tx, loan_id)
        rows = await reads.list_repayments(tx, loan_id, after=after, limit=limit)
    return views.repayment_page(rows, row.currency, limit)


class CloseRequest(BaseModel):
    """The business date to close."""

    model_config = ConfigDict(extra="forbid")
    date: date


@router.post("/v1/business-date/close")
async def close_business_date(body: CloseRequest, runtime: RuntimeOf, intake: IntakeOf) -> views.Closed:
    """Closes the open business date when it is over; closing it again answers the same."""
    done = await closing.close(runtime, intake, body.date)
    return views.Closed(closed=done.closed, open_on=done.open_on)


@router.get("/v1/business-date")
async def get_business_date(runtime: RuntimeOf, intake: IntakeOf) -> views.BusinessDate:
    """The open business date, when it will be closed, and how the last close went."""
    async with runtime.transaction() as tx:
        open_on = await day.hold_open_date(tx, intake.house)
        run = await day.last_run(tx)
    return views.business_date(open_on, intake.house.closes_at(open_on), run)


@router.get("/v1/quarantine")
async def list_quarantine(
    runtime: RuntimeOf, cursor: str | None = None, limit: Limit = 100
) -> views.QuarantinePage:
    """Events that were put aside and hold their loans until someone resolves them, oldest first."""
    after = views.timed_key(cursors.decode(cursor, 2)) if cursor else None
    async with runtime.transaction() as tx:
        rows = await reads.list_quarantine(tx, after=after, limit=limit)
    return views.quarantine_page(rows, limit)


async def _row(tx: Tx, loan_id: str) -> Any:
    row = None if "\x00" in loan_id else await loans.find(tx, loan_id)
    if row is None:
        raise NotFound(f"no loan {loan_id}", loan_id=loan_id)
    return row
