"""What core banking tells of loans: opened or taken over, their terms, and what changes them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from spine.errors import BadAmount, BadSchema
from spine.events.registry import Amount, CurrencyCode, Event, Id, Instant, Rate, event
from spine.money import parse_minor

COREBANKING = "corebanking.v1"

#: No schedule is longer.
MAX_INSTALMENTS: Final = 1_000

Component = Literal["fee", "penalty", "compound", "interest", "principal"]


class Instalment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of a repayment schedule; `due_on` is a business date."""

    seq: Annotated[int, Meta(ge=0, le=10_000)]
    due_on: date
    principal: Amount
    interest: Amount
    fee: Amount = "0"


class PenaltyTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rate rule of penalty interest: a multiplier of the loan's rate, or a rate of its own."""

    multiplier: Rate | None = None
    annual_rate: Rate | None = None
    compound_on_interest: bool = False
    all_in_cap: Rate | None = None


class AllocationTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How money is spread over what is due."""

    shape: Literal["horizontal", "vertical"] = "horizontal"
    order: tuple[Component, ...] = ("fee", "penalty", "compound", "interest", "principal")


class LoanTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Contract terms of a loan; what is absent comes from the product's policy."""

    grace_days: Annotated[int, Meta(ge=0, le=365)] | None = None
    grace_rule: Literal["from_due", "after_grace"] | None = None
    holiday_rule: Literal["none", "next_business_day"] | None = None
    calendar: str | None = None
    day_count: Literal[360, 365] | None = None
    penalty: PenaltyTerms | None = None
    allocation: AllocationTerms | None = None
    tolerance: Amount | None = None
    overpayment: Literal["credit", "prepay"] | None = None


class LoanContract(Event, frozen=True, kw_only=True):
    """What is agreed when a loan is paid out; the principal parts of the schedule sum to the principal."""

    borrower_id: Id
    loan_id: Id
    product: Id
    currency: CurrencyCode
    principal: Amount
    annual_rate: Rate
    opened_on: date
    schedule: Annotated[tuple[Instalment, ...], Meta(min_length=1, max_length=MAX_INSTALMENTS)]
    terms: LoanTerms | None = None

    def check(self) -> None:
        total = check_schedule(self.schedule, self.currency)
        if total != parse_minor(self.principal, self.currency, field="principal"):
            raise BadAmount("schedule: the principal parts do not sum to principal", field="schedule")
        if total == 0:
            raise BadAmount("principal: zero", field="principal")
        if self.terms is not None:
            _check_terms(self.terms, self.currency)


def check_schedule(schedule: tuple[Instalment, ...], currency: str) -> int:
    """The sum of the principal parts. Raises BadSchema for a seq given twice, BadAmount."""
    total = 0
    seen: set[int] = set()
    for number, row in enumerate(schedule):
        where = f"schedule[{number}]"
        if row.seq in seen:
            raise BadSchema(f"{where}.seq: {row.seq} occurs twice", field=f"{where}.seq")
        seen.add(row.seq)
        total += parse_minor(row.principal, currency, field=f"{where}.principal")
        parse_minor(row.interest, currency, field=f"{where}.interest")
        parse_minor(row.fee, currency, field=f"{where}.fee")
    return total


def _check_terms(terms: LoanTerms, currency: str) -> None:
    if terms.tolerance is not None:
        parse_minor(terms.tolerance, currency, field="terms.tolerance")
    penalty = terms.penalty
    if penalty is not None and penalty.multiplier is not None and penalty.annual_rate is not None:
        raise BadSchema("terms.penalty: give multiplier or annual_rate, not both", field="terms.penalty")
    if terms.allocation is not None and (
        len(terms.allocation.order) != 5 or len(set(terms.allocation.order)) != 5
    ):
        raise BadSchema("terms.allocation.order: name each component once", field="terms.allocation.order")


@event(COREBANKING, "loan.opened.v1")
class LoanOpened(LoanContract, frozen=True, kw_only=True):
    """A loan was paid out, with its whole schedule."""


class PaidPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What had been paid on an instalment by the day of the cut-over."""

    seq: int
    principal: Amount = "0"
    interest: Amount = "0"
    fee: Amount = "0"


class PastContact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contact made before the cut-over, so that caps and pauses count it; `address` is a reference."""

    at: Instant
    channel: Annotated[str, Meta(max_length=40)]
    direction: Literal["outbound", "inbound"]
    outcome: Annotated[str, Meta(max_length=40)]
    party_id: Annotated[str, Meta(max_length=200)] | None = None
    purpose: Annotated[str, Meta(max_length=40)] | None = None
    place: Literal["home", "mobile", "work", "other"] | None = None
    address: Annotated[str, Meta(max_length=500)] | None = None
    debts: tuple[str, ...] = ()
    direct_consent: bool = False


@event(COREBANKING, "loan.imported.v1")
class LoanImported(LoanContract, frozen=True, kw_only=True):
    """A running loan was taken over from other books: what had been paid by `as_of`, and what was said."""

    as_of: date
    paid: Annotated[tuple[PaidPart, ...], Meta(max_length=MAX_INSTALMENTS)]
    episode_began_on: date | None = None
    contact_history: Annotated[tuple[PastContact, ...], Meta(max_length=1_000)] = ()

    def check(self) -> None:
        super().check()
        rows = {row.seq: row for row in self.schedule}
        seen: set[int] = set()
        for number, part in enumerate(self.paid):
            where = f"paid[{number}]"
            if part.seq in seen or part.seq not in rows:
                problem = "occurs twice" if part.seq in seen else "is not in the schedule"
                raise BadSchema(f"{where}.seq: {part.seq} {problem}", field=f"{where}.seq")
            seen.add(part.seq)
            for name in ("principal", "interest", "fee"):
                paid = parse_minor(getattr(part, name), self.currency, field=f"{where}.{name}")
                if paid > parse_minor(getattr(rows[part.seq], name), self.currency):
                    raise BadAmount(f"{where}.{name}: more than the instalment", field=f"{where}.{name}")


@event(COREBANKING, "loan.rescheduled.v1")
class LoanRescheduled(Event, frozen=True, kw_only=True):
    """From `effective_on` on the schedule replaces every instalment but those kept."""

    borrower_id: Id
    loan_id: Id
    effective_on: date
    reason: Annotated[str, Meta(max_length=500)]
    keep: Annotated[tuple[int, ...], Meta(max_length=MAX_INSTALMENTS)] = ()
    schedule: Annotated[tuple[Instalment, ...], Meta(max_length=MAX_INSTALMENTS)]

    def check(self) -> None:
        if not self.schedule and not self.keep:
            raise BadSchema("schedule: empty, and nothing is kept", field="schedule")
        for number, row in enumerate(self.schedule):
            if row.seq in self.keep:
                where = f"schedule[{number}].seq"
                raise BadSchema(f"{where}: {row.seq} is kept; a new instalment has a new seq", field=where)


@event(COREBANKING, "loan.closed.v1")
class LoanClosed(Event, frozen=True, kw_only=True):
    """Core banking closed the loan: settled, written off (the claim survives), or sold."""

    borrower_id: Id
    loan_id: Id
    closed_on: date
    reason: Literal["settled", "written_off", "sold"]


@event(COREBANKING, "rate.changed.v1")
class RateChanged(Event, frozen=True, kw_only=True):
    """The loan's yearly rate is another from `effective_on` on."""

    borrower_id: Id
    loan_id: Id
    effective_on: date
    annual_rate: Rate


@event(COREBANKING, "charge.added.v1")
class ChargeAdded(Event, frozen=True, kw_only=True):
    """A fee or penalty of its own is due; it makes no days past due."""

    borrower_id: Id
    loan_id: Id
    charge_id: Id
    kind: Literal["fee", "penalty"]
    amount: Amount
    due_on: date

    def check(self) -> None:
        if not self.amount.strip("0."):
            raise BadAmount("amount: zero", field="amount")


@event(COREBANKING, "delinquency.paused.v1")
class DelinquencyPaused(Event, frozen=True, kw_only=True, rename={"from_on": "from", "to_on": "to"}):
    """Days in [from, to) are not counted; without `to` until resumed."""

    borrower_id: Id
    loan_id: Id
    from_on: date
    to_on: date | None = None

    def check(self) -> None:
        if self.to_on is not None and self.to_on < self.from_on:
            raise BadSchema("to: lies before from", field="to")


@event(COREBANKING, "delinquency.resumed.v1")
class DelinquencyResumed(Event, frozen=True, kw_only=True):
    """Every pause that is open ends on this day, which counts again."""

    borrower_id: Id
    loan_id: Id
    on: date


@event(COREBANKING, "arrears.stated.v1")
class ArrearsStated(Event, frozen=True, kw_only=True):
    """What core banking itself holds to be overdue on a date, to be compared with the ledger's figures."""

    borrower_id: Id
    loan_id: Id
    as_of: date
    days_past_due: Annotated[int, Meta(ge=0, le=100_000)]
    overdue_principal: Amount
    overdue_interest: Amount
    penalty: Amount | None = None


@event(COREBANKING, "feed.heartbeat.v1")
class FeedHeartbeat(Event, frozen=True, kw_only=True):
    """Core banking is there and has nothing, or nothing more, to tell by this instant."""

    at: Instant
    borrower_id: str | None = None
