"""What the ledger says: builders of its own events from facts and positions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final, Literal

import msgspec

from ledger.domain.facts import Chargeback, Instalment, LoanFacts, Repayment
from ledger.domain.position import LoanStatus, Position, is_closed
from ledger.domain.schedule import schedule_on
from ledger.domain.statement_check import CheckState, Figures, Statement
from ledger.domain.transit import Transit, TransitState
from ledger.standing import Changes
from spine.events.corebanking import Instalment as StatedInstalment
from spine.events.corebanking import LoanContract, LoanImported, LoanRescheduled
from spine.events.ledger import (
    LEDGER,
    ArrearsChanged,
    BusinessDateClosed,
    LedgerLoanRescheduled,
    LedgerRepaymentChargedBack,
    LedgerRepaymentReversed,
    LedgerTick,
    LoanCured,
    LoanOverdue,
    LoanRegistered,
    LoanSettled,
    Overdue,
    PaymentInTransit,
    PaymentTransitEnded,
    RepaymentReceived,
    StatedArrears,
    StatementMatched,
    StatementMismatch,
    TakenOver,
)
from spine.events.payments import RepaymentReversed
from spine.events.registry import Event, event_class
from spine.money import format_minor

EMITS: tuple[type[Event], ...] = (
    LoanRegistered,
    LedgerLoanRescheduled,
    RepaymentReceived,
    LedgerRepaymentReversed,
    LedgerRepaymentChargedBack,
    LoanOverdue,
    ArrearsChanged,
    LoanCured,
    LoanSettled,
    StatementMismatch,
    StatementMatched,
    PaymentInTransit,
    PaymentTransitEnded,
    BusinessDateClosed,
    LedgerTick,
    event_class(LEDGER, "dead_letter.opened.v1"),
    event_class(LEDGER, "dead_letter.resolved.v1"),
)


def registered(event: LoanContract) -> LoanRegistered:
    """The ledger took a loan into its books, with the schedule as it was stated."""
    return LoanRegistered(
        borrower_id=event.borrower_id,
        loan_id=event.loan_id,
        product=event.product,
        currency=event.currency,
        principal=event.principal,
        opened_on=event.opened_on,
        schedule=event.schedule,
        taken_over=_taken_over(event) if isinstance(event, LoanImported) else None,
    )


def _taken_over(event: LoanImported) -> TakenOver:
    return TakenOver(
        as_of=event.as_of,
        paid=event.paid,
        episode_began_on=event.episode_began_on,
        contact_history=event.contact_history,
    )


def rescheduled(loan: LoanFacts, event: LoanRescheduled) -> LedgerLoanRescheduled:
    """A loan has another schedule; the whole of it as of the day it takes effect."""
    return LedgerLoanRescheduled(
        borrower_id=loan.borrower_id,
        loan_id=loan.loan_id,
        product=loan.product,
        currency=loan.currency,
        effective_on=event.effective_on,
        reason=event.reason,
        schedule=tuple(_stated(row, loan.currency) for row in schedule_on(loan, event.effective_on)),
    )


def _stated(row: Instalment, currency: str) -> StatedInstalment:
    return StatedInstalment(
        seq=row.seq,
        due_on=row.due_on,
        principal=format_minor(row.principal, currency),
        interest=format_minor(row.interest, currency),
        fee=format_minor(row.fee, currency),
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


def charged_back(loan: LoanFacts, back: Chargeback) -> LedgerRepaymentChargedBack:
    """The payer's bank took money back, the whole of a repayment or a part."""
    return LedgerRepaymentChargedBack(
        borrower_id=loan.borrower_id,
        loan_id=loan.loan_id,
        repayment_id=back.repayment_id,
        amount=format_minor(back.amount, loan.currency),
        currency=loan.currency,
        charged_back_on=back.on,
    )


def of_changes(loan: LoanFacts, position: Position, changes: Changes) -> Iterator[Event]:
    """The events that tell what became true of a loan's arrears."""
    if changes.overdue:
        yield _arrears(LoanOverdue, loan, position)
    if changes.changed:
        yield _arrears(ArrearsChanged, loan, position)
    if changes.cured:
        yield LoanCured(
            **_names(loan),
            as_of=position.as_of,
            outstanding_principal=format_minor(position.outstanding_principal, loan.currency),
        )
    if changes.settled:
        yield LoanSettled(**_names(loan), as_of=position.as_of, reason=_reason(loan, position))


def _reason(loan: LoanFacts, position: Position) -> Literal["paid", "closed", "sold"]:
    if position.status is LoanStatus.SOLD:
        return "sold"
    return "closed" if is_closed(loan, position.as_of) else "paid"


def taken_over(overdue: LoanOverdue, event: LoanImported) -> LoanOverdue:
    """A loan that came in with its arrears: since when, so that nobody takes them for new ones."""
    return msgspec.structs.replace(
        overdue, taken_over_on=event.as_of, episode_began_on=event.episode_began_on
    )


def statement_checked(loan: LoanFacts, statement: Statement) -> StatementMismatch | StatementMatched:
    """How a statement compares with the books; resolved by a person counts as matched."""
    compared: dict[str, Any] = {
        "borrower_id": loan.borrower_id,
        "loan_id": loan.loan_id,
        "currency": loan.currency,
        "as_of": statement.as_of,
        "stated": _arrears_stated(statement.stated, loan.currency),
        "ledger": _arrears_stated(statement.ledger, loan.currency),
    }
    if statement.state is CheckState.MISMATCH:
        return StatementMismatch(**compared, differences=statement.differences)
    return StatementMatched(**compared, resolution=statement.resolution)


def _arrears_stated(figures: Figures, currency: str) -> StatedArrears:
    return StatedArrears(
        days_past_due=figures.days_past_due,
        overdue_principal=format_minor(figures.overdue_principal, currency),
        overdue_interest=format_minor(figures.overdue_interest, currency),
        penalty=format_minor(figures.penalty, currency) if figures.penalty is not None else None,
    )


def in_transit(loan: LoanFacts, transit: Transit) -> PaymentInTransit:
    """Money may be on its way."""
    assert transit.since is not None and transit.until is not None
    return PaymentInTransit(
        borrower_id=loan.borrower_id,
        loan_id=loan.loan_id,
        transit_id=transit.id,
        kind=transit.kind.value,
        currency=loan.currency,
        since=transit.since,
        until=transit.until,
        amount=format_minor(transit.amount, loan.currency) if transit.amount is not None else None,
        origin=transit.reference,
    )


def transit_ended(loan: LoanFacts, transit: Transit, at: datetime) -> PaymentTransitEnded:
    """Money that may have been on its way arrived, failed or did not come."""
    return PaymentTransitEnded(
        borrower_id=loan.borrower_id,
        loan_id=loan.loan_id,
        transit_id=transit.id,
        kind=transit.kind.value,
        outcome=_OUTCOMES[transit.state],
        ended_at=at,
        repayment_id=transit.repayment_id,
        reason=transit.reason,
        origin=transit.reference,
    )


_OUTCOMES: Final[dict[TransitState, Literal["posted", "failed", "expired"]]] = {
    TransitState.POSTED: "posted",
    TransitState.FAILED: "failed",
    TransitState.EXPIRED: "expired",
}


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


def _arrears(
    kind: type[LoanOverdue] | type[ArrearsChanged], loan: LoanFacts, position: Position
) -> LoanOverdue | ArrearsChanged:
    due, currency = position.overdue, loan.currency
    return kind(
        borrower_id=loan.borrower_id,
        loan_id=loan.loan_id,
        product=loan.product,
        currency=currency,
        as_of=position.as_of,
        dpd=position.dpd,
        dpd_zero_on=position.dpd_zero_on,
        oldest_unpaid_due_on=position.oldest_unpaid_due_on,
        overdue=Overdue(
            principal=format_minor(due.principal, currency),
            interest=format_minor(due.interest, currency),
            fee=format_minor(due.fee, currency),
            penalty=format_minor(due.penalty, currency),
            compound=format_minor(due.compound, currency),
            total=format_minor(due.total, currency),
        ),
        outstanding_principal=format_minor(position.outstanding_principal, currency),
        resumes_on=position.resumes_on,
        status="written_off" if position.status is LoanStatus.WRITTEN_OFF else "overdue",
    )
