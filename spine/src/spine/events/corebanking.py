"""What core banking tells us: loans, their schedules, and money; and, apart, personal data of borrowers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from spine.errors import BadAmount, BadSchema
from spine.events.registry import Amount, CurrencyCode, Event, Id, Instant, Rate, event
from spine.money import parse_minor

COREBANKING = "corebanking.v1"
PARTIES = "corebanking.parties.v1"

Component = Literal["fee", "penalty", "compound", "interest", "principal"]


class Instalment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of a repayment schedule; `due_on` is a business date."""

    seq: Annotated[int, Meta(ge=1, le=10_000)]
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


@event(COREBANKING, "loan.opened.v1")
class LoanOpened(Event, frozen=True, kw_only=True):
    """A loan was paid out, with its whole schedule; the principal parts sum to the principal."""

    borrower_id: Id
    loan_id: Id
    product: Id
    currency: CurrencyCode
    principal: Amount
    annual_rate: Rate
    opened_on: date
    schedule: Annotated[tuple[Instalment, ...], Meta(min_length=1, max_length=1_000)]
    terms: LoanTerms | None = None

    def check(self) -> None:
        total = 0
        seen: set[int] = set()
        for number, row in enumerate(self.schedule):
            where = f"schedule[{number}]"
            if row.seq in seen:
                raise BadSchema(f"{where}.seq: {row.seq} occurs twice", field=f"{where}.seq")
            seen.add(row.seq)
            total += parse_minor(row.principal, self.currency, field=f"{where}.principal")
            parse_minor(row.interest, self.currency, field=f"{where}.interest")
            parse_minor(row.fee, self.currency, field=f"{where}.fee")
        if total != parse_minor(self.principal, self.currency, field="principal"):
            raise BadAmount("schedule: the principal parts do not sum to principal", field="schedule")
        if total == 0:
            raise BadAmount("principal: zero", field="principal")
        if self.terms is not None:
            self._check_terms(self.terms)

    def _check_terms(self, terms: LoanTerms) -> None:
        if terms.tolerance is not None:
            parse_minor(terms.tolerance, self.currency, field="terms.tolerance")
        penalty = terms.penalty
        if penalty is not None and penalty.multiplier is not None and penalty.annual_rate is not None:
            raise BadSchema("terms.penalty: give multiplier or annual_rate, not both", field="terms.penalty")
        if terms.allocation is not None and len(set(terms.allocation.order)) != 5:
            raise BadSchema(
                "terms.allocation.order: name each component once", field="terms.allocation.order"
            )


def _positive(amount: str, currency: str) -> None:
    if parse_minor(amount, currency) == 0:
        raise BadAmount("amount: a repayment of zero", field="amount")


@event(COREBANKING, "repayment.posted.v1")
class RepaymentPosted(Event, frozen=True, kw_only=True):
    """Money arrived for a loan; it counts from its value date."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    amount: Amount
    currency: CurrencyCode
    value_date: date
    posted_at: Instant
    channel: str | None = None

    def check(self) -> None:
        _positive(self.amount, self.currency)


@event(COREBANKING, "repayment.reversed.v1")
class RepaymentReversed(Event, frozen=True, kw_only=True):
    """A repayment was taken back: from `reversed_on` on it is as if never made."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    reversed_on: date
    reason: Annotated[str, Meta(max_length=500)]


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the collector should know of a borrower's circumstances."""

    occupation: str | None = None
    household: str | None = None
    purpose: str | None = None
    risk_grade: str | None = None


Channel = Literal["sms", "wechat", "wecom", "call", "email", "letter", "visit"]


class ContactPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to reach a person. `address` is personal data in clear: it never leaves the notifier."""

    id: Id
    channel: Channel
    address: Annotated[str, Meta(min_length=1, max_length=500)]
    place: Literal["home", "work", "other"] | None = None
    consent: Literal["given", "withdrawn", "unknown"] = "unknown"
    verified_at: Instant | None = None


class RelatedParty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A guarantor, spouse or other person around the loan."""

    id: Id
    kind: str
    contact_points: tuple[ContactPoint, ...] = ()


@event(PARTIES, "borrower.updated.v1")
class BorrowerUpdated(Event, frozen=True, kw_only=True):
    """A borrower's personal data as a whole: it replaces what was known before."""

    borrower_id: Id
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    id_number: str | None = None
    locale: str = "zh-CN"
    timezone: str | None = None
    candidate_timezones: tuple[str, ...] = ()
    region: str | None = None
    segment: Segment = Segment()
    contact_points: tuple[ContactPoint, ...] = ()
    related_parties: tuple[RelatedParty, ...] = ()
    vulnerable: tuple[str, ...] = ()

    def check(self) -> None:
        ids = [point.id for point in self.contact_points]
        if len(set(ids)) != len(ids):
            raise BadSchema("contact_points: an id occurs twice", field="contact_points")
