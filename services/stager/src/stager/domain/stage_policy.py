"""Which days past due belong to which stage: a stage policy as read from its file, and what makes it wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta

from spine.policy import Fault
from stager.domain.scopes import Moves, Scope

PolicyName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
StageId = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9]{0,15}$")]


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A stage covers dpd_min..dpd_max, both included; the first has no lower bound, the last no upper."""

    id: StageId
    dpd_min: int | None = None
    dpd_max: int | None = None
    purpose: str = ""

    def covers(self, dpd: int) -> bool:
        """Whether these days past due belong to this stage."""
        return (self.dpd_min is None or self.dpd_min <= dpd) and (self.dpd_max is None or dpd <= self.dpd_max)

    def bounds(self) -> str:
        """The bounds as people write them: "31-60", "91+", "..0"."""
        if self.dpd_max is None:
            return f"{self.dpd_min}+"
        return f"..{self.dpd_max}" if self.dpd_min is None else f"{self.dpd_min}-{self.dpd_max}"


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An example that must come out as it says."""

    dpd: int
    stage: StageId


class StagePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The stages of one policy version, from mild to severe, for all loans or those of its `scope`.

    `moves: at_once` judges running loans by a new version at the first close of its date; `next_stage` lets the
    version under which a loan entered its stage decide when it leaves it.
    """

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    stages: Annotated[tuple[Stage, ...], Meta(min_length=2, max_length=50)]
    cases: Annotated[tuple[Case, ...], Meta(min_length=1)]
    scope: Scope | None = None
    moves: Moves = "at_once"

    def stage_of(self, dpd: int) -> Stage:
        """The one stage these days past due belong to."""
        return next(stage for stage in self.stages if stage.covers(dpd))

    def rank(self, stage_id: str) -> int:
        """Severity of a stage: 0 is the mildest. A stage unknown to this version counts as milder than all."""
        return next((n for n, stage in enumerate(self.stages) if stage.id == stage_id), -1)


def bounds_of(policies: Iterable[StagePolicy]) -> dict[str, tuple[int | None, int | None]]:
    """The days past due that each stage may have under any of these policies; None where there is no bound."""
    found: dict[str, tuple[int | None, int | None]] = {}
    for stage in (stage for policy in policies for stage in policy.stages):
        low, high = found.get(stage.id, (stage.dpd_min, stage.dpd_max))
        lowest = None if low is None or stage.dpd_min is None else min(low, stage.dpd_min)
        highest = None if high is None or stage.dpd_max is None else max(high, stage.dpd_max)
        found[stage.id] = (lowest, highest)
    return found


def faults_of_stages(policy: StagePolicy) -> Iterator[Fault]:
    """What makes a stage policy unusable: gaps, overlaps, open ends in the middle, cases that disagree."""
    yield from faults_of_scope(policy.scope)
    ids = [stage.id for stage in policy.stages]
    for n, id_ in enumerate(ids):
        if id_ in ids[:n]:
            yield Fault(("stages", n, "id"), f"stage {id_} is given twice")
    first, last = policy.stages[0], policy.stages[-1]
    end = len(ids) - 1
    if first.dpd_min is not None:
        reason = (
            f"stage {first.id}: the mildest stage has no dpd_min, or nothing covers less than {first.dpd_min}"
        )
        yield Fault(("stages", 0, "dpd_min"), reason)
    if last.dpd_max is not None:
        reason = (
            f"stage {last.id}: the severest stage has no dpd_max, or nothing covers more than {last.dpd_max}"
        )
        yield Fault(("stages", end, "dpd_max"), reason)
    bounded = True
    for n, (lower, upper) in enumerate(pairwise(policy.stages)):
        reason_between = _fault_between(lower, upper)
        bounded = bounded and reason_between is None
        if reason_between is not None:
            yield Fault(("stages", n + 1), reason_between)
    for n, stage in enumerate(policy.stages):
        if stage.dpd_min is not None and stage.dpd_max is not None and stage.dpd_min > stage.dpd_max:
            bounded = False
            reason = (
                f"stage {stage.id}: dpd_min {stage.dpd_min} is above dpd_max {stage.dpd_max}: unreachable"
            )
            yield Fault(("stages", n, "dpd_max"), reason)
    if bounded and first.dpd_min is None and last.dpd_max is None:
        yield from _failed_cases(policy)


def faults_of_scope(scope: Scope | None) -> Iterator[Fault]:
    """A scope that names nothing would be mistaken for one that is for all."""
    if scope is not None and scope.is_empty():
        yield Fault(("scope",), "scope: names nothing; leave it out to be for all")


def _fault_between(lower: Stage, upper: Stage) -> str | None:
    pair = f"stages {lower.id} and {upper.id}"
    if lower.dpd_max is None or upper.dpd_min is None:
        return f"{pair}: a dpd_max of {lower.id} and a dpd_min of {upper.id} are required"
    if upper.dpd_min > lower.dpd_max + 1:
        return f"{pair}: gap, nothing covers {lower.dpd_max + 1}-{upper.dpd_min - 1}"
    if upper.dpd_min <= lower.dpd_max:
        return f"{pair}: overlap, both cover {upper.dpd_min}-{lower.dpd_max}"
    return None


def _failed_cases(policy: StagePolicy) -> Iterator[Fault]:
    for n, case in enumerate(policy.cases):
        found = policy.stage_of(case.dpd).id
        if found != case.stage:
            yield Fault(("cases", n), f"case dpd {case.dpd}: {case.stage} expected, {found} found")
