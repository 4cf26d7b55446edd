"""What a repayment plan may be, per stage and product: the limits as read from their file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from spine.events.registry import Amount, Rate
from spine.events.stager import ContactChannel
from stager.domain.stage_policy import PolicyName, StageId

#: No plan is longer, whatever a file says (card rules art. 70).
LONGEST_MONTHS: Final = 60

Role = Annotated[str, Meta(pattern=r"^(collector|lead|compliance|analyst|engineer|agency)$")]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Roles = Annotated[tuple[Role, ...], Meta(min_length=1)]


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan of more than `above_months` is approved by another member with one of these roles."""

    above_months: Annotated[int, Meta(ge=0, le=LONGEST_MONTHS)]
    by: Roles


class PlanLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of plans drawn up in these stages; of these products only, where some are named."""

    stages: Annotated[tuple[StageId, ...], Meta(min_length=1)]
    products: tuple[str, ...] = ()
    max_months: Annotated[int, Meta(ge=1, le=LONGEST_MONTHS)]
    first_due_within_days: Annotated[int, Meta(ge=1, le=366)]
    min_instalment: Amount
    grace_days: Annotated[int, Meta(ge=0, le=31)]
    max_annual_rate: Rate
    approval: Approval | None = None

    def covers(self, stage: str, product: str) -> bool:
        """Whether this limit is for a loan of the product in the stage."""
        return stage in self.stages and (not self.products or product in self.products)

    def needs_approval(self, months: int) -> bool:
        """Whether another member has to approve a plan of so many months."""
        return self.approval is not None and months > self.approval.above_months


class Reminders(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an instalment is reminded of: days before it is due, between two local times of the borrower."""

    days_before: Annotated[tuple[Annotated[int, Meta(ge=0, le=14)], ...], Meta(min_length=1, max_length=5)]
    at: TimeOfDay
    until: TimeOfDay
    channel: ContactChannel
    template: Annotated[str, Meta(min_length=1)]


class PlanCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a plan of so many months: an example that must come out as it says."""

    stage: StageId
    product: str = "consumer"
    months: Annotated[int, Meta(ge=1)]
    verdict: Literal["drawn_up", "approval_needed", "refused"]


class PlanPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a house says of repayment plans, in one version."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    sign_within_days: Annotated[int, Meta(ge=1, le=90)]
    tolerance: Amount
    proposed_by: Roles
    cancelled_by: Roles
    reminders: Reminders
    limits: Annotated[tuple[PlanLimit, ...], Meta(min_length=1)]
    cases: tuple[PlanCase, ...] = ()

    def limit_for(self, stage: str, product: str) -> PlanLimit | None:
        """The first limit that covers a loan; None where no plan is made."""
        return next((limit for limit in self.limits if limit.covers(stage, product)), None)

    def verdict(self, stage: str, product: str, months: int) -> str:
        """What becomes of a plan of so many months that is in order otherwise."""
        limit = self.limit_for(stage, product)
        if limit is None or months > limit.max_months:
            return "refused"
        return "approval_needed" if limit.needs_approval(months) else "drawn_up"


def faults_of_plans(policy: PlanPolicy, stages: set[str]) -> Iterator[str]:
    """What makes the limits unusable: stages that do not exist, limits never reached, reminders without time."""
    if policy.reminders.at >= policy.reminders.until:
        yield "reminders: until is not after at"
    if len(set(policy.reminders.days_before)) < len(policy.reminders.days_before):
        yield "reminders.days_before: a day is given twice"
    for_all: set[str] = set()
    for number, limit in enumerate(policy.limits):
        if unknown := sorted(set(limit.stages) - stages):
            yield f"limits[{number}].stages: there is no stage {unknown[0]}"
        if set(limit.stages) <= for_all:
            yield f"limits[{number}]: never reached, those before cover its stages"
        if not limit.products:
            for_all.update(limit.stages)
        if Decimal(limit.max_annual_rate) > 1:
            yield f"limits[{number}].max_annual_rate: more than 100 % a year"
    for number, case in enumerate(policy.cases):
        found = policy.verdict(case.stage, case.product, case.months)
        if found != case.verdict:
            yield f"cases[{number}]: {case.verdict} expected, {found} found"
