"""Builds what the ledger tells of a loan, from the few things a test cares about."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from spine.events.ledger import ArrearsChanged, LoanCured, LoanOverdue, LoanSettled, Overdue

DUE_ON = date(2026, 11, 10)
OVERDUE = Overdue(
    principal="900.00", interest="100.00", fee="0.00", penalty="1.35", compound="0.00", total="1001.35"
)


def loan_overdue(
    loan_id: str = "L1", borrower_id: str = "B1", *, zero_on: date | None = DUE_ON, as_of: date | None = None
) -> LoanOverdue:
    """A loan overdue since `zero_on`, told for the day after unless `as_of` says otherwise."""
    told_for = as_of or (zero_on or DUE_ON) + timedelta(days=1)
    return LoanOverdue(
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="consumer",
        currency="CNY",
        as_of=told_for,
        dpd=(told_for - (zero_on or DUE_ON)).days,
        dpd_zero_on=zero_on,
        oldest_unpaid_due_on=zero_on,
        overdue=OVERDUE,
        outstanding_principal="9000.00",
    )


def arrears_changed(
    loan_id: str = "L1", borrower_id: str = "B1", *, zero_on: date, as_of: date
) -> ArrearsChanged:
    """A part payment moved the oldest unpaid due date."""
    return ArrearsChanged(
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="consumer",
        currency="CNY",
        as_of=as_of,
        dpd=(as_of - zero_on).days,
        dpd_zero_on=zero_on,
        oldest_unpaid_due_on=zero_on,
        overdue=OVERDUE,
        outstanding_principal="8000.00",
    )


def loan_cured(loan_id: str = "L1", borrower_id: str = "B1", *, as_of: date) -> LoanCured:
    """Nothing counts as past due any more."""
    return LoanCured(
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="consumer",
        currency="CNY",
        as_of=as_of,
        outstanding_principal="8000.00",
    )


def loan_settled(
    loan_id: str = "L1",
    borrower_id: str = "B1",
    *,
    as_of: date,
    reason: Literal["paid", "closed", "sold"] = "paid",
) -> LoanSettled:
    """Nothing is owed here any more: nothing is unpaid, or core banking says so."""
    return LoanSettled(
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="consumer",
        currency="CNY",
        as_of=as_of,
        reason=reason,
    )
