"""The house's rules as data: terms of products, the calendars they name, the hour of the day close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from spine.calendars import Calendars, load_calendars
from spine.clock import business_date, local_instant
from spine.events.corebanking import AllocationTerms, LoanTerms, PenaltyTerms
from spine.policy import BadPolicy, load_policy, read_rule_files


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


class Products(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file products.yaml. `default` is complete; a product names what differs."""

    version: str
    business_day: BusinessDayPolicy
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

    def closes_at(self, on: date) -> datetime:
        """The instant from which the business date may be closed by the timer."""
        minutes = self.products.business_day.close_minutes_after_midnight
        return local_instant(on + timedelta(days=1), time(minutes // 60, minutes % 60), self.zone)


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
