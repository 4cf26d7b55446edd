"""What may be promised, when a promise is kept, and how a claim of payment is looked into: the table as read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from spine.money import decimals_of
from stager.domain.stage_policy import PolicyName, StageId
from stager.domain.strategy import LocalTime

Days = Annotated[int, Meta(ge=0, le=3650)]
DecimalText = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?$")]
Role = Literal["collector", "lead", "compliance"]


class PartOffer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a collector may accept at once: so much of the arrears now, the rest so soon.

    What goes beyond is a supervisor's.
    """

    floor_percent: Annotated[int, Meta(ge=1, le=100)]
    second_within_days: Days


class StageTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far ahead a promise may reach in a stage, and what part of the arrears may be accepted."""

    horizon_days: Days
    part: PartOffer


class ProductTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs for a product."""

    tolerance: DecimalText | None = None
    stages: dict[StageId, StageTerms] = {}


class Settlement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long after the promised day its money may still be settling; `money_counts`: also value-dated then."""

    business_days: Annotated[int, Meta(ge=0, le=30)]
    money_counts: bool


class Broken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many promises broken in so many days, and the next one needs a person of this role besides."""

    most: Annotated[int, Meta(ge=1, le=100)]
    within_days: Days
    role: Role


class Reminders(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Courtesy reminders of a promise: on which days before it, and at which local times."""

    days_before: tuple[Days, ...]
    at: LocalTime
    until: LocalTime
    channel: Literal["sms", "wechat", "wecom", "app_push", "email"]
    template: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]

    @property
    def opens(self) -> time:
        """Local time from which it is due."""
        return time.fromisoformat(self.at)

    @property
    def closes(self) -> time:
        """Local time from which it is no longer wanted."""
        return time.fromisoformat(self.until)


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How claimed money is recognised, and from when on the last day of its window a person looks into it.

    How long a claim is waited for, and how much longer with proof, is in the table of holds.
    """

    matches_within_days: Days
    check_at: LocalTime

    @property
    def checked_from(self) -> time:
        """Local time in the lender's zone at which the check comes due."""
        return time.fromisoformat(self.check_at)


class PromisePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table, in one version. `calendar`: of whose business days it speaks.

    `money_kept_days`: how long money is kept of a loan that was never in arrears.
    """

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    calendar: str
    settlement: Settlement
    tolerance: DecimalText
    extension_days: Annotated[int, Meta(ge=1, le=30)]
    broken: Broken
    stages: dict[StageId, StageTerms]
    otherwise: StageTerms
    products: dict[str, ProductTerms] = {}
    reminders: Reminders
    claims: Claims
    money_kept_days: Annotated[int, Meta(ge=1, le=3650)]

    def terms(self, stage: str | None, product: str) -> StageTerms:
        """What a stage allows for a product; `otherwise` in a stage that is not named, or in none yet."""
        own = self.products.get(product)
        if stage is None:
            return self.otherwise
        return (own.stages.get(stage) if own else None) or self.stages.get(stage, self.otherwise)

    def tolerance_minor(self, product: str, currency: str) -> int:
        """What may be missing from a promise that is kept all the same, in minor units of the currency."""
        own = self.products.get(product)
        text = own.tolerance if own is not None and own.tolerance is not None else self.tolerance
        return int(Decimal(text).scaleb(decimals_of(currency)))


def faults_of_promises(policy: PromisePolicy, known_stages: Collection[str]) -> Iterator[str]:
    """What makes the table unusable: stages nobody knows, second dates before the first, reminders at no time."""
    named = {"stages": policy.stages} | {f"products.{p}.stages": t.stages for p, t in policy.products.items()}
    for where, stages in named.items():
        yield from (f"{where}.{s}: no stage policy knows this stage" for s in stages if s not in known_stages)
        for stage, terms in stages.items():
            if terms.part.second_within_days < terms.horizon_days:
                yield f"{where}.{stage}.part: the second date ends before the horizon of the first"
    if policy.reminders.opens >= policy.reminders.closes:
        yield f"reminders: until {policy.reminders.until} is not after at {policy.reminders.at}"
    if len(set(policy.reminders.days_before)) != len(policy.reminders.days_before):
        yield "reminders.days_before: a day is given twice"
