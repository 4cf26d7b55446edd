"""The figures of a loan as others read them: the object that REST and the command line both answer."""

from __future__ import annotations

from datetime import date

from typing_extensions import TypedDict

from ledger.domain.facts import LoanFacts
from ledger.domain.position import Amounts, LoanStatus, Position
from spine.money import format_minor


class OverdueFigures(TypedDict):
    """Decimal strings by component."""

    principal: str
    interest: str
    fee: str
    penalty: str
    compound: str
    total: str


class ArrearsFigures(TypedDict):
    """The arrears of a loan at the end of a date."""

    loan_id: str
    borrower_id: str
    currency: str
    as_of: date
    status: LoanStatus
    dpd: int
    past_due_days: int
    oldest_unpaid_due_on: date | None
    overdue: OverdueFigures
    outstanding_principal: str
    overpaid: str
    in_grace: bool
    paused: bool


def arrears(loan: LoanFacts, position: Position) -> ArrearsFigures:
    """The figures of a position, in the order of the contract."""
    currency = loan.currency
    return ArrearsFigures(
        loan_id=loan.loan_id,
        borrower_id=loan.borrower_id,
        currency=currency,
        as_of=position.as_of,
        status=position.status,
        dpd=position.dpd,
        past_due_days=position.past_due_days,
        oldest_unpaid_due_on=position.oldest_unpaid_due_on,
        overdue=overdue(position.overdue, currency),
        outstanding_principal=format_minor(position.outstanding_principal, currency),
        overpaid=format_minor(position.overpaid, currency),
        in_grace=position.in_grace,
        paused=position.paused,
    )


def overdue(due: Amounts, currency: str) -> OverdueFigures:
    """Amounts by component as decimal strings, and their total."""
    return OverdueFigures(
        principal=format_minor(due.principal, currency),
        interest=format_minor(due.interest, currency),
        fee=format_minor(due.fee, currency),
        penalty=format_minor(due.penalty, currency),
        compound=format_minor(due.compound, currency),
        total=format_minor(due.total, currency),
    )
