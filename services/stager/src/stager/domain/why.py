"""A stored stage decision made again from its own facts and policies: it must come out the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from stager.domain.cases import StageEntry
from stager.domain.hold_policy import HoldPolicy
from stager.domain.stage_policy import StagePolicy
from stager.domain.staging import ENGINE, Enters, StageFacts, decide_stage, digest_of, facts_from


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the decision comes out as now, and in which points it differs from what is stored."""

    facts: StageFacts
    decision: Enters | None
    rule: str
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def recompute(entry: StageEntry, bodies: Mapping[str, str]) -> Recomputed:
    """Decides again. `bodies` are canonical policy texts by digest; what is missing is a difference."""
    facts = facts_from(entry.facts)
    differences = []
    if digest_of(entry.facts) != entry.facts_digest:
        differences.append("the stored facts are not those of the digest")
    if entry.engine != ENGINE:
        differences.append(f"decided by engine {entry.engine}, this is {ENGINE}")
    for digest in (entry.policy_digest, entry.holds_digest):
        if digest not in bodies:
            differences.append(f"policy {digest} is not kept")
        elif digest_of(bodies[digest]) != digest:
            differences.append(f"the kept text of policy {digest} is not that of the digest")
    if entry.policy_digest not in bodies or entry.holds_digest not in bodies:
        return Recomputed(facts, None, "", tuple(differences))
    stages = msgspec.json.decode(bodies[entry.policy_digest], type=StagePolicy)
    holds = msgspec.json.decode(bodies[entry.holds_digest], type=HoldPolicy)
    decision = decide_stage(facts, stages, holds)
    if not isinstance(decision, Enters):
        return Recomputed(facts, None, decision.rule, (*differences, f"no entry comes out: {decision.rule}"))
    for what, now, stored in (
        ("stage", decision.to, entry.to_stage),
        ("first_time", decision.first_time, entry.first_time),
        ("rule", decision.rule, entry.rule),
    ):
        if now != stored:
            differences.append(f"{what}: {now} comes out, {stored} is stored")
    return Recomputed(facts, decision, decision.rule, tuple(differences))
