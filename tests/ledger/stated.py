"""Facts of a loan as core banking would state them: the test's own way from a fact to the event that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ledger.domain.facts import (
    Charge,
    Chargeback,
    Closure,
    Instalment,
    LoanFacts,
    Pause,
    RateChange,
    Repayment,
    Reschedule,
    Terms,
)
from spine.envelope import Envelope
from spine.events.corebanking import (
    AllocationTerms,
    ChargeAdded,
    DelinquencyPaused,
    DelinquencyResumed,
    LoanClosed,
    LoanImported,
    LoanOpened,
    LoanRescheduled,
    LoanTerms,
    PaidPart,
    PenaltyTerms,
    RateChanged,
)
from spine.events.corebanking import Instalment as StatedInstalment
from spine.events.payments import RepaymentChargedBack, RepaymentPosted, RepaymentReversed
from spine.events.registry import Event, decode, encode
from spine.money import format_minor
from spine.service import Received


@dataclass(frozen=True, slots=True)
class Reversal:
    repayment_id: str
    on: date


@dataclass(frozen=True, slots=True)
class Resume:
    on: date


Fact = (
    LoanFacts
    | Repayment
    | Reversal
    | Charge
    | Chargeback
    | Reschedule
    | RateChange
    | Pause
    | Resume
    | Closure
)


@dataclass(frozen=True, slots=True)
class Stated:
    """A fact of a loan, and the event in which it arrives."""

    loan_id: str
    borrower_id: str
    currency: str
    fact: Fact
    received: Received

    @property
    def key(self) -> tuple[str, str]:
        return self.received.envelope.source, self.received.envelope.id

    @property
    def content(self) -> tuple[str, bytes]:
        return self.received.envelope.type, self.received.body


def stated(
    loan_id: str, borrower_id: str, fact: Fact, *, id: str, at: datetime | None = None, currency: str = "CNY"
) -> Stated:
    """The fact in an event as the consumer hands it on: decoded from its body."""
    event = _event({"loan_id": loan_id, "borrower_id": borrower_id}, fact, currency)
    body = encode(event)
    envelope = Envelope(id=id, source="core", type=event.TYPE, subject=loan_id, time=at)
    received = Received(event.TOPIC, 0, -1, envelope, decode(type(event), body), body)
    return Stated(loan_id, borrower_id, currency, fact, received)


def _event(names: dict[str, Any], fact: Fact, currency: str) -> Event:
    match fact:
        case LoanFacts():
            return _contract(names, fact)
        case Repayment(id, amount, value_date, posted_at):
            return RepaymentPosted(
                **names,
                repayment_id=id,
                amount=format_minor(amount, currency),
                currency=currency,
                value_date=value_date,
                posted_at=posted_at,
            )
        case Reversal(id, on):
            return RepaymentReversed(**names, repayment_id=id, reversed_on=on, reason="returned")
        case Chargeback(id, amount, on):
            return RepaymentChargedBack(
                **names, repayment_id=id, amount=format_minor(amount, currency), on=on
            )
        case Charge(id, kind, amount, due_on):
            text = format_minor(amount, currency)
            return ChargeAdded(**names, charge_id=id, kind=kind.value, amount=text, due_on=due_on)
        case Reschedule(effective_on, keep, schedule):
            return LoanRescheduled(
                **names,
                effective_on=effective_on,
                reason="agreed",
                keep=keep,
                schedule=_rows(schedule, currency),
            )
        case RateChange(effective_on, rate):
            return RateChanged(**names, effective_on=effective_on, annual_rate=str(rate))
        case Pause(from_on, to_on):
            return DelinquencyPaused(**names, from_on=from_on, to_on=to_on)
        case Resume(on):
            return DelinquencyResumed(**names, on=on)
        case Closure(on, reason):
            return LoanClosed(**names, closed_on=on, reason=reason.value)


def _contract(names: dict[str, Any], loan: LoanFacts) -> Event:
    currency = loan.currency
    contract: dict[str, Any] = {
        **names,
        "product": loan.product,
        "currency": currency,
        "principal": format_minor(loan.principal, currency),
        "annual_rate": str(loan.annual_rate),
        "opened_on": loan.opened_on,
        "schedule": _rows(loan.schedule, currency),
        "terms": _terms(loan.terms, currency),
    }
    if not loan.paid_before:
        return LoanOpened(**contract)
    paid = tuple(
        PaidPart(
            seq=part.seq,
            principal=format_minor(part.principal, currency),
            interest=format_minor(part.interest, currency),
            fee=format_minor(part.fee, currency),
        )
        for part in loan.paid_before
    )
    return LoanImported(**contract, as_of=loan.opened_on, paid=paid)


def _rows(schedule: Sequence[Instalment], currency: str) -> tuple[StatedInstalment, ...]:
    return tuple(
        StatedInstalment(
            seq=row.seq,
            due_on=row.due_on,
            principal=format_minor(row.principal, currency),
            interest=format_minor(row.interest, currency),
            fee=format_minor(row.fee, currency),
        )
        for row in schedule
    )


def _terms(terms: Terms, currency: str) -> LoanTerms:
    rule = terms.penalty
    return LoanTerms(
        grace_days=terms.grace_days,
        grace_rule=terms.grace_rule.value,
        holiday_rule=terms.holiday_rule.value,
        calendar="CN",
        day_count=360 if terms.day_count == 360 else 365,
        penalty=PenaltyTerms(
            multiplier=None if rule.annual_rate is not None else str(rule.multiplier),
            annual_rate=None if rule.annual_rate is None else str(rule.annual_rate),
            compound_on_interest=rule.compound_on_interest,
            all_in_cap=None if rule.all_in_cap is None else str(rule.all_in_cap),
        ),
        allocation=AllocationTerms(
            shape=terms.shape.value, order=tuple(component.value for component in terms.order)
        ),
        tolerance=format_minor(terms.tolerance, currency),
        overpayment=terms.overpayment.value,
    )
