"""Loans over REST: lists, one loan, its arrears on two clocks and line by line, its money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from ledger.account import Account
from ledger.api.asking import ClassesOf, IntakeOf, Limit, RuntimeOf, known_already, loan_row, tagged
from ledger.domain.breakdown import breakdown
from ledger.domain.position import LoanStatus, position
from ledger.figures import ArrearsFigures, arrears
from ledger.handlers.core_facts import Intake
from ledger.phrases import Locale
from ledger.store import day, loans, reads
from ledger.views import cursors
from ledger.views import loans as views
from spine.database import Runtime
from spine.errors import BadRequest, NotFound

router = APIRouter()


@router.get("/v1/loans")
async def list_loans(
    runtime: RuntimeOf,
    intake: IntakeOf,
    status: LoanStatus | None = None,
    borrower_id: str | None = None,
    dpd_min: Annotated[int | None, Query(ge=0, le=36_500)] = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> views.LoanPage:
    """Loans by id; with `dpd_min` those past due on the open business date, the longest past due first."""
    if borrower_id is not None and "\x00" in borrower_id:
        raise BadRequest("borrower_id: a NUL is not allowed", field="borrower_id")
    wanted = status.value if status else None
    async with runtime.transaction() as tx:
        open_on = await day.hold_open_date(tx, intake.house)
        if not dpd_min:
            rows = await reads.list_loans(
                tx, status=wanted, borrower_id=borrower_id, after=cursors.one(cursor), limit=limit
            )
        else:
            rows = await reads.list_arrears(
                tx,
                open_on=open_on,
                dpd_min=dpd_min,
                status=wanted,
                borrower_id=borrower_id,
                after=cursors.dated(cursor),
                limit=limit,
            )
    return views.loan_page(rows, open_on, limit, by_dpd=bool(dpd_min))


@router.get("/v1/loans/{loan_id}", response_model=views.Loan)
async def get_loan(
    request: Request, loan_id: str, runtime: RuntimeOf, intake: IntakeOf, classes: ClassesOf
) -> Response:
    """A loan with its schedule, terms, figures and asset class on the open business date."""
    async with runtime.transaction() as tx:
        open_on = await day.hold_open_date(tx, intake.house)
        row = await loan_row(tx, loan_id)
        account = (await loans.accounts(tx, [row], intake.terms))[loan_id]
    on = max(open_on, account.standing.as_of)
    etag = f'"{account.version}-{on}-{classes.digest[:12]}"'
    known = known_already(request, etag)
    return known or tagged(views.loan(row, account, position(account.facts, on), classes), etag)


@router.get("/v1/loans/{loan_id}/arrears", response_model=ArrearsFigures)
async def get_arrears(
    request: Request,
    loan_id: str,
    runtime: RuntimeOf,
    intake: IntakeOf,
    as_of: date | None = None,
    known_at: AwareDatetime | None = None,
) -> Response:
    """The arrears of a loan on a date (default: the open business date), as they were known at an instant."""
    asked = await _asked(runtime, intake, loan_id, as_of, known_at)
    facts, on = asked.account.facts, asked.on
    return known_already(request, asked.etag()) or tagged(arrears(facts, position(facts, on)), asked.etag())


@router.get("/v1/loans/{loan_id}/breakdown", response_model=views.LoanBreakdown)
async def get_breakdown(
    request: Request,
    loan_id: str,
    runtime: RuntimeOf,
    intake: IntakeOf,
    as_of: date | None = None,
    known_at: AwareDatetime | None = None,
    locale: Locale = Locale.ZH_CN,
) -> Response:
    """The same figures line by line: what accrued on what at which rate, where the money went; and in words."""
    asked = await _asked(runtime, intake, loan_id, as_of, known_at)
    etag = asked.etag(locale)
    known = known_already(request, etag)
    return known or tagged(views.loan_breakdown(breakdown(asked.account.facts, asked.on), locale), etag)


@router.get("/v1/loans/{loan_id}/repayments")
async def list_repayments(
    loan_id: str, runtime: RuntimeOf, cursor: str | None = None, limit: Limit = 100
) -> views.RepaymentPage:
    """Money of a loan in order of value date, reversed money included."""
    async with runtime.transaction() as tx:
        row = await loan_row(tx, loan_id)
        rows = await reads.list_repayments(tx, loan_id, after=cursors.dated(cursor), limit=limit)
    return views.repayment_page(rows, row.currency, limit)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A loan as it was known, and the date that is asked about."""

    account: Account
    on: date
    known_at: datetime | None

    def etag(self, *more: str) -> str:
        known = str(self.known_at.timestamp()) if self.known_at else "now"
        return f'"{"-".join((str(self.account.version), str(self.on), known, *more))}"'


async def _asked(
    runtime: Runtime, intake: Intake, loan_id: str, as_of: date | None, known_at: datetime | None
) -> _Asked:
    """Raises NotFound for a loan that was not known at the instant, or not opened by the date."""
    async with runtime.transaction() as tx:
        open_on = await day.hold_open_date(tx, intake.house)
        row = await loan_row(tx, loan_id)
        if known_at is not None and row.recorded_at > known_at:
            raise NotFound(f"loan {loan_id} was not known at {known_at.isoformat()}", loan_id=loan_id)
        account = (await loans.accounts(tx, [row], intake.terms, known_at=known_at))[loan_id]
    on = as_of or max(open_on, account.standing.as_of)
    if on < account.facts.opened_on:
        raise NotFound(f"loan {loan_id} was opened on {account.facts.opened_on}", loan_id=loan_id)
    return _Asked(account, on, known_at)
