"""The house's rules as data: terms of products, calendars, the hour of the day close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from ledger.domain.calendars import BusinessCalendar
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


class _Span(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_on": "from", "to_on": "to"}
):
    from_on: date
    to_on: date

    def days(self) -> list[date]:
        return [self.from_on + timedelta(days=n) for n in range((self.to_on - self.from_on).days + 1)]


class _CalendarDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    holidays: tuple[_Span, ...]
    workdays: tuple[date, ...] = ()


class _Calendars(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    calendars: dict[str, _CalendarDays]


@dataclass(frozen=True, slots=True)
class House:
    """All that the ledger's handlers go by besides facts. Built once, by the composition root."""

    products: Products
    digest: str
    calendars: Mapping[str, BusinessCalendar]
    zone: ZoneInfo
    first_business_date: date | None = None

    @classmethod
    def load(
        cls, zone: ZoneInfo, *, policy_dir: Path | None = None, first_business_date: date | None = None
    ) -> Self:
        """Reads the rule files; raises BadPolicy for what is not exactly as declared."""
        texts = read_rule_files("ledger", policy_dir)
        products = load_policy(Products, texts["products.yaml"], path="products.yaml")
        days = load_policy(_Calendars, texts["calendars.yaml"], path="calendars.yaml").policy
        calendars = {
            name: BusinessCalendar(
                frozenset(day for span in each.holidays for day in span.days()), frozenset(each.workdays)
            )
            for name, each in days.calendars.items()
        }
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


def _check(products: Products, calendars: Mapping[str, BusinessCalendar]) -> None:
    for name in LoanTerms.__struct_fields__:
        if name != "calendar" and getattr(products.default, name) is None:
            raise BadPolicy(f"products.yaml: default: {name} must be given")
    for name, terms in {"default": products.default, **products.products}.items():
        if terms.calendar is not None and terms.calendar not in calendars:
            raise BadPolicy(f"products.yaml: {name}: calendar {terms.calendar} is not in calendars.yaml")
        if terms.allocation is not None and len(set(terms.allocation.order)) != len(terms.allocation.order):
            raise BadPolicy(f"products.yaml: {name}: allocation.order names a component twice")
