"""The house's rules as data: terms of products, the calendars they name, the hour of the day close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from ledger.domain.statement_check import Tolerance
from ledger.domain.transit import Waiting
from spine.business_days import Calendar, business_date, local_instant
from spine.calendars import Calendars, load_calendars
from spine.events.corebanking import AllocationTerms, LoanTerms, PenaltyTerms
from spine.events.registry import Amount
from spine.money import decimals_of
from spine.policy import BadPolicy, load_policy, read_rule_files

#: Of loans that state none, where the house states none either.
DEFAULT_CALENDAR: Final = "CN"


class PenaltyPolicy(PenaltyTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Penalty terms of a product."""


class AllocationPolicy(AllocationTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a product spreads money over what is due."""


class TermsPolicy(LoanTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Terms of a product, as an event would state them."""

    penalty: PenaltyPolicy | None = None
    allocation: AllocationPolicy | None = None


class BusinessDayPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a business date is closed."""

    close_minutes_after_midnight: Annotated[int, Meta(ge=0, le=720)]


class StatementPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far core banking's own figures may lie from the ledger's and still be the same."""

    amount_tolerance: Amount
    penalty_tolerance: Amount


class TransitPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long money that may be on its way is waited for, and what a claim of it is recognised by."""

    pending_business_days: Annotated[int, Meta(ge=0, le=30)]
    debit_hours: Annotated[int, Meta(ge=1, le=240)]
    claim_business_days: Annotated[int, Meta(ge=0, le=30)]
    claim_matches_within_days: Annotated[int, Meta(ge=0, le=30)]


class FeedPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When core banking's feed is called silent."""

    silent_after_minutes: Annotated[int, Meta(ge=1, le=10_080)]


class Products(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file products.yaml. `default` is complete; a product names what differs."""

    version: str
    business_day: BusinessDayPolicy
    statement: StatementPolicy
    transit: TransitPolicy
    feed: FeedPolicy
    default: TermsPolicy
    products: dict[str, TermsPolicy] = {}


@dataclass(frozen=True, slots=True)
class House:
    """All that the ledger's handlers go by besides facts. Built once, by the composition root."""

    products: Products
    digest: str
    calendars: Calendars
    zone: ZoneInfo
    first_business_date: date | None = None

    @classmethod
    def load(
        cls, zone: ZoneInfo, *, policy_dir: Path | None = None, first_business_date: date | None = None
    ) -> Self:
        """Reads the rule files; raises BadPolicy for what is not exactly as declared."""
        texts = read_rule_files("ledger", policy_dir)
        products = load_policy(Products, texts["products.yaml"], path="products.yaml")
        if "calendars.yaml" in texts:
            raise BadPolicy(
                "ledger/calendars.yaml: calendars are shared; state the years in spine/calendars.yaml"
            )
        calendars = load_calendars(policy_dir)
        _check(products.policy, calendars)
        return cls(products.policy, products.digest, calendars, zone, first_business_date)

    def terms_of_product(self, product: str) -> LoanTerms:
        """The complete terms of a product, for what a loan does not state."""
        default = self.products.default
        own = self.products.products.get(product)
        return default if own is None else complete(own, default)

    def today(self, now: datetime) -> date:
        """The calendar date in the lender's zone."""
        return business_date(now, self.zone)

    def waiting(self, calendar: Calendar | None) -> Waiting:
        """How long money in transit is waited for, counted in the business days of a loan's calendar."""
        transit = self.products.transit
        return Waiting(
            pending_business_days=transit.pending_business_days,
            debit_hours=transit.debit_hours,
            claim_business_days=transit.claim_business_days,
            claim_matches_within_days=transit.claim_matches_within_days,
            calendar=calendar or self.calendars[self.products.default.calendar or DEFAULT_CALENDAR],
            zone=self.zone,
        )

    @property
    def feed_silence(self) -> timedelta:
        """How long a publisher that sends heartbeats may say nothing."""
        return timedelta(minutes=self.products.feed.silent_after_minutes)

    def statement_tolerance(self, currency: str) -> Tolerance:
        """How far a statement's amounts may lie from the ledger's, in minor units."""
        stated = self.products.statement
        return Tolerance(
            house_amount(stated.amount_tolerance, currency), house_amount(stated.penalty_tolerance, currency)
        )

    def closes_at(self, on: date) -> datetime:
        """The instant from which the business date may be closed by the timer."""
        minutes = self.products.business_day.close_minutes_after_midnight
        return local_instant(on + timedelta(days=1), time(minutes // 60, minutes % 60), self.zone)


def house_amount(text: str, currency: str) -> int:
    """Minor units of an amount that is stated without regard to a currency: 10.00 are 10 yen."""
    return int(Decimal(text).scaleb(decimals_of(currency)))


def complete(stated: LoanTerms, default: LoanTerms) -> LoanTerms:
    """Terms in which what is not stated is taken from `default`; a stated penalty may leave its rate open."""
    merged = {
        name: value if (value := getattr(stated, name)) is not None else getattr(default, name)
        for name in LoanTerms.__struct_fields__
    }
    penalty, of_default = stated.penalty, default.penalty
    if penalty is not None and of_default is not None and not (penalty.multiplier or penalty.annual_rate):
        merged["penalty"] = msgspec.structs.replace(
            penalty, multiplier=of_default.multiplier, annual_rate=of_default.annual_rate
        )
    return LoanTerms(**merged)


def _check(products: Products, calendars: Calendars) -> None:
    for name in LoanTerms.__struct_fields__:
        if name != "calendar" and getattr(products.default, name) is None:
            raise BadPolicy(f"products.yaml: default: {name} must be given")
    for name, terms in {"default": products.default, **products.products}.items():
        if terms.calendar is not None and terms.calendar not in calendars:
            raise BadPolicy(f"products.yaml: {name}: {calendars.refusal(terms.calendar)}")
        if terms.allocation is not None and len(set(terms.allocation.order)) != len(terms.allocation.order):
            raise BadPolicy(f"products.yaml: {name}: allocation.order names a component twice")
