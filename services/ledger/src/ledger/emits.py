"""What the ledger says: builders of its own events from facts and positions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from ledger.domain.facts import LoanFacts, Repayment
from ledger.domain.position import Position
from ledger.figures import overdue
from ledger.standing import Changes
from spine.events.corebanking import LoanOpened, RepaymentReversed
from spine.events.ledger import (
    LEDGER,
    ArrearsChanged,
    BusinessDateClosed,
    LedgerRepaymentReversed,
    LedgerTick,
    LoanCured,
    LoanOverdue,
    LoanRegistered,
    LoanSettled,
    Overdue,
    RepaymentReceived,
)
from spine.events.registry import Event, event_class
from spine.money import format_minor

EMITS: tuple[type[Event], ...] = (
    LoanRegistered,
    RepaymentReceived,
    LedgerRepaymentReversed,
    LoanOverdue,
    ArrearsChanged,
    LoanCured,
    LoanSettled,
    BusinessDateClosed,
    LedgerTick,
    event_class(LEDGER, "dead_letter.opened.v1"),
    event_class(LEDGER, "dead_letter.resolved.v1"),
)


def registered(event: LoanOpened) -> LoanRegistered:
    """The ledger took a loan into its books, with the schedule as it was stated."""
    return LoanRegistered(
        borrower_id=event.borrower_id,
        loan_id=event.loan_id,
        product=event.product,
        currency=event.currency,
        principal=event.principal,
        opened_on=event.opened_on,
        schedule=event.schedule,
    )


def received(loan: LoanFacts, repayment: Repayment) -> RepaymentReceived:
    """Money was taken into the books."""
    return RepaymentReceived(
        borrower_id=loan.borrower_id,
        loan_id=loan.loan_id,
        repayment_id=repayment.id,
        amount=format_minor(repayment.amount, loan.currency),
        currency=loan.currency,
        value_date=repayment.value_date,
        posted_at=repayment.posted_at,
    )


def reversed_(loan: LoanFacts, repayment: Repayment, event: RepaymentReversed) -> LedgerRepaymentReversed:
    """A repayment in the books was taken back; the amount is that of the repayment."""
    return LedgerRepaymentReversed(
        borrower_id=loan.borrower_id,
        loan_id=loan.loan_id,
        repayment_id=repayment.id,
        amount=format_minor(repayment.amount, loan.currency),
        currency=loan.currency,
        reversed_on=event.reversed_on,
        reason=event.reason,
    )


def of_changes(loan: LoanFacts, position: Position, changes: Changes) -> Iterator[Event]:
    """The events that tell what became true of a loan's arrears."""
    if changes.overdue:
        yield LoanOverdue(**_arrears(loan, position))
    if changes.changed:
        yield ArrearsChanged(**_arrears(loan, position))
    if changes.cured:
        yield LoanCured(
            **_names(loan),
            as_of=position.as_of,
            outstanding_principal=format_minor(position.outstanding_principal, loan.currency),
        )
    if changes.settled:
        yield LoanSettled(**_names(loan), as_of=position.as_of)


def closed(on: date) -> BusinessDateClosed:
    """A business date was closed: all that it brought has been told."""
    return BusinessDateClosed(date=on)


def _names(loan: LoanFacts) -> dict[str, Any]:
    return {
        "borrower_id": loan.borrower_id,
        "loan_id": loan.loan_id,
        "product": loan.product,
        "currency": loan.currency,
    }


def _arrears(loan: LoanFacts, position: Position) -> dict[str, Any]:
    return {
        **_names(loan),
        "as_of": position.as_of,
        "dpd": position.dpd,
        "dpd_zero_on": position.dpd_zero_on,
        "oldest_unpaid_due_on": position.oldest_unpaid_due_on,
        "overdue": Overdue(**overdue(position.overdue, loan.currency)),
        "outstanding_principal": format_minor(position.outstanding_principal, loan.currency),
        "resumes_on": position.resumes_on,
    }
