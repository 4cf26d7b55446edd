"""What may be waived, in bands per stage and role: the table as read from its file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from spine.events.registry import Amount
from spine.money import parse_minor
from stager.domain.plan_policy import Role, Roles
from stager.domain.stage_policy import PolicyName, StageId

WaiverKind = Literal["waiver", "settlement"]
Component = Literal["penalty", "compound", "interest", "fee", "principal"]
COMPONENTS: Final[tuple[Component, ...]] = get_args(Component)


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so much of what is owed of a component, and at most this amount."""

    percent: Annotated[int, Meta(ge=1, le=100)]
    at_most: Amount

    def allowed(self, owed_minor: int, currency: str) -> int:
        """What may be waived of it, in minor units; a part of a unit is not."""
        return min(owed_minor * self.percent // 100, parse_minor(self.at_most, currency, field="at_most"))


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What these roles may propose in these stages and those may approve; a component not named is not waived."""

    id: PolicyName
    stages: Annotated[tuple[StageId, ...], Meta(min_length=1)]
    products: tuple[str, ...] = ()
    kinds: Annotated[tuple[WaiverKind, ...], Meta(min_length=1)] = ("waiver", "settlement")
    proposed_by: Roles
    approved_by: Roles
    limits: Annotated[dict[Component, Limit], Meta(min_length=1)]

    def covers(self, stage: str, product: str, kind: WaiverKind) -> bool:
        """Whether it is for such a proposal about a loan of the product in the stage."""
        fits = not self.products or product in self.products
        return stage in self.stages and kind in self.kinds and fits


class WaiverCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which band a proposal falls, None where it is refused: an example that must come out as it says."""

    stage: StageId
    product: str = "consumer"
    kind: WaiverKind = "waiver"
    role: Role
    currency: str = "CNY"
    owed: dict[Component, Amount]
    waived: dict[Component, Amount]
    band: PolicyName | None


class WaiverPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a house says of waivers and settlement offers, in one version."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    approve_within_days: Annotated[int, Meta(ge=1, le=90)]
    offer_within_days: Annotated[int, Meta(ge=1, le=366)]
    refused_by: Roles
    bands: Annotated[tuple[Band, ...], Meta(min_length=1)]
    cases: tuple[WaiverCase, ...] = ()


def faults_of_waivers(policy: WaiverPolicy, stages: set[str]) -> Iterator[str]:
    """What makes the bands unusable: ids given twice, stages that do not exist."""
    ids = [band.id for band in policy.bands]
    yield from (f"band {id_} is given twice" for id_ in sorted({i for i in ids if ids.count(i) > 1}))
    for band in policy.bands:
        if unknown := sorted(set(band.stages) - stages):
            yield f"bands.{band.id}.stages: there is no stage {unknown[0]}"
