"""What the REST door shows: typed answers built from rows and positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from starlette.responses import Response
from typing_extensions import TypedDict

from ledger import cursors
from ledger.account import Account
from ledger.books import Outcome
from ledger.domain.position import LoanStatus, Position
from ledger.figures import OverdueFigures, overdue
from ledger.store.day import CloseRun
from spine.errors import BadRequest
from spine.money import format_minor


class Taken(TypedDict):
    """An event that was taken in, or was before (`known`)."""

    source: str
    id: str
    outcome: Outcome


class ScheduleRow(TypedDict):
    seq: int
    due_on: date
    principal: str
    interest: str
    fee: str


class Loan(TypedDict):
    """A loan with its figures on `as_of`. `terms` as the contract states them, completed by the product's."""

    loan_id: str
    borrower_id: str
    product: str
    currency: str
    principal: str
    annual_rate: str
    opened_on: date
    terms: dict[str, Any]
    schedule: list[ScheduleRow]
    as_of: date
    status: LoanStatus
    dpd: int
    dpd_zero_on: date | None
    oldest_unpaid_due_on: date | None
    overdue: OverdueFigures
    outstanding_principal: str
    next_transition_on: date | None
    version: int


class LoanItem(TypedDict):
    """A loan in a list: what changes from day to day (penalty) is left to the loan itself."""

    loan_id: str
    borrower_id: str
    product: str
    currency: str
    status: LoanStatus
    dpd: int
    dpd_zero_on: date | None
    oldest_unpaid_due_on: date | None
    overdue_principal: str
    overdue_interest: str
    overdue_fee: str
    outstanding_principal: str


class LoanPage(TypedDict):
    as_of: date
    items: list[LoanItem]
    next_cursor: str | None


class RepaymentItem(TypedDict):
    repayment_id: str
    amount: str
    currency: str
    value_date: date
    posted_at: datetime
    channel: str | None
    recorded_at: datetime
    reversed_on: date | None
    reversal_reason: str | None
    reversal_recorded_at: datetime | None


class RepaymentPage(TypedDict):
    items: list[RepaymentItem]
    next_cursor: str | None


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


class Closed(TypedDict):
    closed: date
    open_on: date


class LastClose(TypedDict):
    business_date: date
    started_at: datetime
    finished_at: datetime | None
    loans_visited: int
    loans_changed: int


class BusinessDate(TypedDict):
    open_on: date
    closes_at: datetime
    last_close: LastClose | None


def json_response(body: Loan, etag: str) -> Response:
    """A JSON answer with its ETag."""
    return Response(msgspec.json.encode(body), media_type="application/json", headers={"ETag": etag})


def loan(row: Any, account: Account, now: Position) -> Loan:
    facts = account.facts
    currency = facts.currency
    return Loan(
        loan_id=facts.loan_id,
        borrower_id=facts.borrower_id,
        product=facts.product,
        currency=currency,
        principal=format_minor(facts.principal, currency),
        annual_rate=str(facts.annual_rate),
        opened_on=facts.opened_on,
        terms=msgspec.json.decode(row.terms),
        schedule=[
            ScheduleRow(
                seq=each.seq,
                due_on=each.due_on,
                principal=format_minor(each.principal, currency),
                interest=format_minor(each.interest, currency),
                fee=format_minor(each.fee, currency),
            )
            for each in sorted(facts.schedule, key=lambda each: (each.due_on, each.seq))
        ],
        as_of=now.as_of,
        status=now.status,
        dpd=now.dpd,
        dpd_zero_on=now.dpd_zero_on,
        oldest_unpaid_due_on=now.oldest_unpaid_due_on,
        overdue=overdue(now.overdue, currency),
        outstanding_principal=format_minor(now.outstanding_principal, currency),
        next_transition_on=row.next_transition_on,
        version=row.version,
    )


def loan_page(rows: Sequence[Any], open_on: date, limit: int) -> LoanPage:
    items = [
        LoanItem(
            loan_id=row.loan_id,
            borrower_id=row.borrower_id,
            product=row.product,
            currency=row.currency,
            status=LoanStatus(row.status),
            dpd=(max(open_on, row.as_of) - row.dpd_zero_on).days if row.dpd_zero_on else 0,
            dpd_zero_on=row.dpd_zero_on,
            oldest_unpaid_due_on=row.oldest_unpaid_due_on,
            overdue_principal=format_minor(row.overdue_principal_minor, row.currency),
            overdue_interest=format_minor(row.overdue_interest_minor, row.currency),
            overdue_fee=format_minor(row.overdue_fee_minor, row.currency),
            outstanding_principal=format_minor(row.outstanding_principal_minor, row.currency),
        )
        for row in rows
    ]
    return LoanPage(as_of=open_on, items=items, next_cursor=_next(rows, limit, lambda row: (row.loan_id,)))


def repayment_page(rows: Sequence[Any], currency: str, limit: int) -> RepaymentPage:
    items = [
        RepaymentItem(
            repayment_id=row.repayment_id,
            amount=format_minor(row.amount_minor, currency),
            currency=currency,
            value_date=row.value_date,
            posted_at=row.posted_at,
            channel=row.channel,
            recorded_at=row.recorded_at,
            reversed_on=row.reversed_on,
            reversal_reason=row.reversal_reason,
            reversal_recorded_at=row.reversal_recorded_at,
        )
        for row in rows
    ]
    following = _next(rows, limit, lambda row: (row.value_date.isoformat(), row.repayment_id))
    return RepaymentPage(items=items, next_cursor=following)


def quarantine_page(rows: Sequence[Any], limit: int) -> QuarantinePage:
    items = [
        QuarantineItem(
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
        for row in rows
    ]
    return QuarantinePage(
        items=items, next_cursor=_next(rows, limit, lambda row: (row.opened_at.isoformat(), row.id))
    )


def business_date(open_on: date, closes_at: datetime, run: CloseRun | None) -> BusinessDate:
    last = None
    if run is not None:
        last = LastClose(
            business_date=run.business_date,
            started_at=run.started_at,
            finished_at=run.finished_at,
            loans_visited=run.loans_visited,
            loans_changed=run.loans_changed,
        )
    return BusinessDate(open_on=open_on, closes_at=closes_at, last_close=last)


def days_before(on: date, days: int | None) -> date | None:
    """The latest `dpd_zero_on` of loans that are at least so many days past due."""
    return None if days is None else on - timedelta(days=days)


def dated_key(key: tuple[str, ...]) -> tuple[date, str]:
    """The key of a repayment's cursor. Raises BadRequest."""
    try:
        return date.fromisoformat(key[0]), key[1]
    except ValueError:
        raise BadRequest("cursor: not one of this list", field="cursor") from None


def timed_key(key: tuple[str, ...]) -> tuple[datetime, str]:
    """The key of a quarantined event's cursor. Raises BadRequest."""
    try:
        at = datetime.fromisoformat(key[0])
    except ValueError:
        raise BadRequest("cursor: not one of this list", field="cursor") from None
    if at.tzinfo is None:
        raise BadRequest("cursor: not one of this list", field="cursor")
    return at, key[1]


def _next(rows: Sequence[Any], limit: int, key: Callable[[Any], tuple[str, ...]]) -> str | None:
    """The cursor of the next page; a page that is not full is the last."""
    return cursors.encode(key(rows[-1])) if len(rows) == limit else None
