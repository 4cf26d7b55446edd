"""What holds for contacts of every stage: rests too small to speak of, money that bounced, where branches are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from spine.business_days import Calendar, add_business_days
from spine.money import decimals_of
from stager.domain.conditions import word_matches
from stager.domain.stage_policy import PolicyName

AmountText = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,3})?$")]
RegionWord = Annotated[str, Meta(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,12})*\*?$")]


class SmallRest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Below this, all components together, nobody is contacted; in units of the loan's currency."""

    default: AmountText
    products: dict[str, AmountText] = {}


class AfterBounce(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many business days after the day on which money turned out to be taken back nothing is said."""

    business_days: Annotated[int, Meta(ge=0, le=30)]


class ContactPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version. `branches`: regions with a branch; a word that ends in `*` stands for all that begin so."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    calendar: str
    small_rest: SmallRest
    after_bounce: AfterBounce
    branches: tuple[RegionWord, ...] = ()

    def is_small_rest(self, product: str | None, currency: str, total_minor: int) -> bool:
        """Whether so little is overdue that nobody is contacted about it."""
        floor = self.small_rest.products.get(product or "", self.small_rest.default)
        return Decimal(total_minor).scaleb(-decimals_of(currency)) < Decimal(floor)

    def speaks_again_on(self, bounced_on: date, calendar: Calendar) -> date:
        """The first date on which something may be said after money was taken back on `bounced_on`."""
        return next_day(add_business_days(bounced_on, self.after_bounce.business_days, calendar))

    def is_local(self, region: str | None) -> bool | None:
        """Whether there is a branch in a region; None where the region is not known."""
        if region is None:
            return None
        return any(word_matches(word, region) for word in self.branches)


def next_day(day: date) -> date:
    """The calendar day after."""
    return date.fromordinal(day.toordinal() + 1)


def faults_of_contacts(policy: ContactPolicy) -> Iterator[str]:
    """What makes the policy unusable: a region named twice."""
    doubled = sorted({word for word in policy.branches if policy.branches.count(word) > 1})
    yield from (f"branches: {word} is given twice" for word in doubled)
