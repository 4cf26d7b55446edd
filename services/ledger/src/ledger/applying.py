"""Applies what is stated of a loan to its facts, one event after another: alike in the service and for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ledger.contract import bounded, instalments_of, paid_parts_of, repayment_of, within_rate_limit
from ledger.domain.facts import (
    Charge,
    Chargeback,
    ChargeKind,
    Closure,
    ClosureReason,
    LoanFacts,
    Pause,
    RateChange,
    Reschedule,
    Waiver,
)
from spine.business_days import business_date
from spine.errors import BadAmount, EventRefused, WrongCurrency
from spine.events.agreements import WaiverApproved, WaiverLapsed
from spine.events.corebanking import (
    ChargeAdded,
    DelinquencyPaused,
    DelinquencyResumed,
    LoanClosed,
    LoanImported,
    LoanRescheduled,
    RateChanged,
    check_schedule,
)
from spine.events.payments import RepaymentChargedBack, RepaymentPosted, RepaymentReversed
from spine.events.registry import Event
from spine.events.stager import HoldLifted, HoldPlaced


class Contradiction(EventRefused):
    """The event contradicts what is on the books; look at both and send what is right under a new id."""

    code = "conflict"
    status = 409


class ComesTooEarly(Exception):
    """What the event is about has not arrived yet. `waits_for` says what: "repayment:<id>"."""

    def __init__(self, waits_for: str) -> None:
        super().__init__(waits_for)
        self.waits_for = waits_for


#: Facts that change a loan besides its opening and its money; they are kept as they were stated.
AMENDMENTS: Final = (
    LoanRescheduled,
    LoanClosed,
    RateChanged,
    ChargeAdded,
    RepaymentChargedBack,
    DelinquencyPaused,
    DelinquencyResumed,
)


def apply(loan: LoanFacts, event: Event, *, stated_at: datetime | None, zone: ZoneInfo) -> LoanFacts:
    """The loan with one more fact. `stated_at`: the envelope's time, which breaks ties of one day.

    Raises Contradiction, WrongCurrency, BadAmount, or ComesTooEarly for the reversal of unknown money.
    """
    check_borrower(loan, event)
    return _APPLY[type(event)](loan, event, stated_at, zone)


def check_borrower(loan: LoanFacts, event: Event) -> None:
    """A loan keeps its borrower. Raises Contradiction."""
    if event.key != loan.borrower_id:
        raise Contradiction(
            f"loan {loan.loan_id} has another borrower; a loan keeps its own", field="borrower_id"
        )


def amend(loan: LoanFacts, stated: Sequence[tuple[Event, datetime | None]], zone: ZoneInfo) -> LoanFacts:
    """The loan with the facts kept of it, in the order in which they came."""
    for event, stated_at in stated:
        loan = _APPLY[type(event)](loan, event, stated_at, zone)
    return loan


def _posted(loan: LoanFacts, event: RepaymentPosted, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    if event.currency != loan.currency:
        raise WrongCurrency(
            f"currency: {event.currency} given, loan {event.loan_id} is in {loan.currency}", field="currency"
        )
    if any(known.id == event.repayment_id for known in loan.repayments):
        raise Contradiction(
            f"repayment {event.repayment_id} was posted before by another event", field="repayment_id"
        )
    return replace(loan, repayments=(*loan.repayments, repayment_of(event)))


def _reversed(loan: LoanFacts, event: RepaymentReversed, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    known = next((each for each in loan.repayments if each.id == event.repayment_id), None)
    if known is None:
        raise ComesTooEarly(f"repayment:{event.repayment_id}")
    if known.reversed_on is not None:
        raise Contradiction(
            f"repayment {known.id} was reversed before by another event", field="repayment_id"
        )
    gone = replace(known, reversed_on=event.reversed_on)
    return replace(loan, repayments=tuple(gone if each is known else each for each in loan.repayments))


def _charged_back(
    loan: LoanFacts, event: RepaymentChargedBack, _: datetime | None, __: ZoneInfo
) -> LoanFacts:
    back = Chargeback(event.repayment_id, bounded(event.amount, loan.currency), event.on)
    return replace(loan, chargebacks=(*loan.chargebacks, back))


def _charged(loan: LoanFacts, event: ChargeAdded, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    if any(known.id == event.charge_id for known in loan.charges):
        raise Contradiction(f"charge {event.charge_id} was added before by another event", field="charge_id")
    charge = Charge(
        event.charge_id, ChargeKind(event.kind), bounded(event.amount, loan.currency), event.due_on
    )
    return replace(loan, charges=(*loan.charges, charge))


def _rescheduled(
    loan: LoanFacts, event: LoanRescheduled, stated_at: datetime | None, _: ZoneInfo
) -> LoanFacts:
    check_schedule(event.schedule, loan.currency)
    rows = instalments_of(event.schedule, loan.currency)
    if not rows and not any(seq in event.keep for seq in _seqs_of(loan)):
        raise Contradiction("keep: of what is kept nothing is known, and the schedule is empty", field="keep")
    change = Reschedule(event.effective_on, tuple(event.keep), rows, stated_at, event.reason)
    return replace(loan, reschedules=(*loan.reschedules, change))


def _seqs_of(loan: LoanFacts) -> Iterator[int]:
    """The numbers of all instalments that were ever stated of a loan."""
    for rows in (loan.schedule, *(change.schedule for change in loan.reschedules)):
        yield from (row.seq for row in rows)


def _closed(loan: LoanFacts, event: LoanClosed, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    return replace(loan, closures=(*loan.closures, Closure(event.closed_on, ClosureReason(event.reason))))


def _rate_changed(loan: LoanFacts, event: RateChanged, stated_at: datetime | None, _: ZoneInfo) -> LoanFacts:
    rate = Decimal(event.annual_rate)
    if not within_rate_limit(rate, loan.terms.penalty):
        raise BadAmount("annual_rate: with penalty it is beyond what a loan can be", field="annual_rate")
    change = RateChange(event.effective_on, rate, stated_at)
    return replace(loan, rate_changes=(*loan.rate_changes, change))


def _paused(loan: LoanFacts, event: DelinquencyPaused, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    return replace(loan, pauses=(*loan.pauses, Pause(event.from_on, event.to_on)))


def _resumed(loan: LoanFacts, event: DelinquencyResumed, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    return replace(loan, resumed_on=(*loan.resumed_on, event.on))


def _imported(loan: LoanFacts, event: LoanImported, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    return replace(loan, paid_before=paid_parts_of(event))


def _hold_placed(loan: LoanFacts, event: HoldPlaced, _: datetime | None, zone: ZoneInfo) -> LoanFacts:
    until = business_date(event.until, zone) if event.until is not None else None
    freeze = Pause(business_date(event.placed_at, zone), until, event.hold_id)
    others = tuple(each for each in loan.freezes if each.id != event.hold_id)
    return replace(loan, freezes=(*others, freeze))


def _hold_lifted(loan: LoanFacts, event: HoldLifted, _: datetime | None, zone: ZoneInfo) -> LoanFacts:
    lifted_on = business_date(event.lifted_at, zone)
    return replace(
        loan,
        freezes=tuple(
            replace(each, to_on=max(each.from_on, min(lifted_on, each.to_on or lifted_on)))
            if each.id == event.hold_id
            else each
            for each in loan.freezes
        ),
    )


def _waived(loan: LoanFacts, event: WaiverApproved, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    if event.currency != loan.currency:
        raise WrongCurrency(
            f"currency: {event.currency} given, loan {event.loan_id} is in {loan.currency}", field="currency"
        )
    stated = event.waived
    amounts = tuple(
        bounded(each, loan.currency)
        for each in (stated.fee, stated.penalty, stated.compound, stated.interest, stated.principal)
    )
    return _with_waiver(
        loan, Waiver(event.waiver_id, event.at, event.effective_on, amounts, event.kind == "settlement")
    )


def _lapsed(loan: LoanFacts, event: WaiverLapsed, _: datetime | None, __: ZoneInfo) -> LoanFacts:
    return _with_waiver(loan, Waiver(event.waiver_id, event.at, None, ()))


def _with_waiver(loan: LoanFacts, waiver: Waiver) -> LoanFacts:
    """Of a waiver the newest word counts, in whatever order the words come; of two at once that it lapsed."""
    known = next((each for each in loan.waivers if each.id == waiver.id), None)
    if known is not None and _word_at(known) >= _word_at(waiver):
        return loan
    return replace(loan, waivers=(*(each for each in loan.waivers if each is not known), waiver))


def _word_at(waiver: Waiver) -> tuple[datetime, bool]:
    return waiver.at, waiver.effective_on is None


_APPLY: Final[dict[type[Event], Callable[[LoanFacts, Any, datetime | None, ZoneInfo], LoanFacts]]] = {
    RepaymentPosted: _posted,
    RepaymentReversed: _reversed,
    RepaymentChargedBack: _charged_back,
    ChargeAdded: _charged,
    LoanRescheduled: _rescheduled,
    LoanClosed: _closed,
    RateChanged: _rate_changed,
    DelinquencyPaused: _paused,
    DelinquencyResumed: _resumed,
    LoanImported: _imported,
    HoldPlaced: _hold_placed,
    HoldLifted: _hold_lifted,
    WaiverApproved: _waived,
    WaiverLapsed: _lapsed,
}
