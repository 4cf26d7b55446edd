"""What the REST door shows of loans and their money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from typing_extensions import TypedDict

from ledger.account import Account
from ledger.classes import Classes, ClassFigures
from ledger.domain.breakdown import Breakdown
from ledger.domain.position import LoanStatus, Position
from ledger.domain.schedule import schedule_on
from ledger.domain.settlement import settled_on
from ledger.figures import OverdueFigures, overdue
from ledger.itemised import BreakdownFigures, itemised
from ledger.phrases import Locale
from ledger.sentences import sentences
from ledger.standing import days_past_due
from ledger.views import watch
from ledger.views.cursors import following
from spine.money import format_minor


class ScheduleRow(TypedDict):
    seq: int
    due_on: date
    principal: str
    interest: str
    fee: str


class Loan(TypedDict):
    """A loan with its schedule and figures on `as_of`.

    `terms` as the contract states them, completed by the product's. `in_transit`: money that may be on its way.
    `settled_on`: since when nothing has been owed, by the value dates of the money; None for a loan not settled.
    """

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
    settled_on: date | None
    next_transition_on: date | None
    in_transit: list[watch.TransitItem]
    statement: watch.StatementItem | None
    classification: ClassFigures
    version: int


class LoanBreakdown(BreakdownFigures):
    """A breakdown, and the same in sentences that a borrower can follow."""

    locale: Locale
    sentences: list[str]


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


def loan(row: Any, account: Account, now: Position, classes: Classes) -> Loan:
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
            for each in sorted(schedule_on(facts, now.as_of), key=lambda each: (each.due_on, each.seq))
        ],
        as_of=now.as_of,
        status=now.status,
        dpd=now.dpd,
        dpd_zero_on=now.dpd_zero_on,
        oldest_unpaid_due_on=now.oldest_unpaid_due_on,
        overdue=overdue(now.overdue, currency),
        outstanding_principal=format_minor(now.outstanding_principal, currency),
        settled_on=settled_on(facts, now.as_of),
        next_transition_on=row.next_transition_on,
        in_transit=watch.transits((each for each in account.transits.values() if not each.is_over), currency),
        statement=watch.statement(facts.loan_id, currency, account.statement) if account.statement else None,
        classification=classes.figures(facts, now),
        version=row.version,
    )


def loan_breakdown(found: Breakdown, locale: Locale) -> LoanBreakdown:
    return LoanBreakdown(**itemised(found), locale=locale, sentences=sentences(found, locale))


def loan_page(rows: Sequence[Any], open_on: date, limit: int, *, by_dpd: bool) -> LoanPage:
    items = [
        LoanItem(
            loan_id=row.loan_id,
            borrower_id=row.borrower_id,
            product=row.product,
            currency=row.currency,
            status=LoanStatus(row.status),
            dpd=days_past_due(max(open_on, row.as_of), row.as_of, row.dpd_zero_on, row.dpd_anchor_on),
            dpd_zero_on=row.dpd_zero_on,
            oldest_unpaid_due_on=row.oldest_unpaid_due_on,
            overdue_principal=format_minor(row.overdue_principal_minor, row.currency),
            overdue_interest=format_minor(row.overdue_interest_minor, row.currency),
            overdue_fee=format_minor(row.overdue_fee_minor, row.currency),
            outstanding_principal=format_minor(row.outstanding_principal_minor, row.currency),
        )
        for row in rows
    ]
    next_cursor = following(rows, limit, _place_by_dpd if by_dpd else _place)
    return LoanPage(as_of=open_on, items=items, next_cursor=next_cursor)


def _place(row: Any) -> tuple[str, ...]:
    return (row.loan_id,)


def _place_by_dpd(row: Any) -> tuple[str, ...]:
    return (row.dpd_anchor_on.isoformat(), row.loan_id)


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
    next_cursor = following(rows, limit, lambda row: (row.value_date.isoformat(), row.repayment_id))
    return RepaymentPage(items=items, next_cursor=next_cursor)
