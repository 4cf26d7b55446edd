"""A stored decision on an action made again from its own facts and policies: it must come out the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from stager.domain import preparation
from stager.domain.claims import ENGINE as CLAIMS
from stager.domain.claims import ClaimFacts, match_claim
from stager.domain.clock_policy import ClockPolicy
from stager.domain.clocks import ENGINE as CLOCKS
from stager.domain.clocks import LimitationFacts, decide_clocks
from stager.domain.decision import Decision
from stager.domain.hold_why import recompute_hold
from stager.domain.holding import ENGINE as HOLDS
from stager.domain.preparation import PreparationFacts, PreparationPolicy, missing_items, outcome_of
from stager.domain.staging import digest_of
from stager.domain.steps import ENGINE as STEPS
from stager.domain.steps import recompute_step
from stager.domain.why_plans import recompute_band, recompute_offer, recompute_plan, recompute_terms
from stager.domain.why_promises import recompute_promise

#: Canonical policy texts by digest.
Bodies = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Again:
    """How a decision comes out now, None where it cannot be made again; `differences` from what is stored."""

    facts: dict[str, Any]
    rule: str | None
    verdict: str | None
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def make_again(decision: Decision, bodies: Bodies) -> Again:
    """Decides again; a policy that is not kept, another engine and another outcome are differences."""
    facts: dict[str, Any] = msgspec.json.decode(decision.facts)
    differences = []
    if digest_of(decision.facts) != decision.facts_digest:
        differences.append("the stored facts are not those of the digest")
    for digest in decision.policy_digests:
        if digest not in bodies:
            differences.append(f"policy {digest} is not kept")
        elif digest_of(bodies[digest]) != digest:
            differences.append(f"the kept text of policy {digest} is not that of the digest")
    maker = _MAKERS.get(decision.subject_kind)
    if maker is None:
        differences.append(f"a decision on a {decision.subject_kind} is not made again here")
    if maker is None or any(digest not in bodies for digest in decision.policy_digests):
        return Again(facts, None, None, tuple(differences))
    engine, rule, verdict = maker(decision, bodies)
    if decision.engine != engine:
        differences.append(f"decided by engine {decision.engine}, this is {engine}")
    for what, now, stored in (("rule", rule, decision.rule), ("verdict", verdict, decision.verdict)):
        if now != stored:
            differences.append(f"{what}: {now} comes out, {stored} is stored")
    return Again(facts, rule, verdict, tuple(differences))


#: Engine, rule and verdict of a decision made again.
_Outcome = tuple[str, str | None, str | None]


def _step(decision: Decision, bodies: Bodies) -> _Outcome:
    again = recompute_step(decision.facts, bodies, decision.policy_digests)
    return (STEPS, None, None) if again is None else (STEPS, again.rule, again.verdict)


def _preparation(decision: Decision, bodies: Bodies) -> _Outcome:
    policy = msgspec.json.decode(bodies[decision.policy_digests[0]], type=PreparationPolicy)
    missing = missing_items(msgspec.json.decode(decision.facts, type=PreparationFacts), policy)
    return (preparation.ENGINE, *outcome_of(missing))


def _hold(decision: Decision, bodies: Bodies) -> _Outcome:
    verdict, _ = recompute_hold(decision, bodies)
    if verdict is None:
        return decision.engine, None, None
    text = msgspec.json.encode(verdict, order="sorted").decode()
    return HOLDS, verdict.rule, text


def _claim(decision: Decision, bodies: Bodies) -> _Outcome:
    found = match_claim(msgspec.json.decode(decision.facts, type=ClaimFacts))
    return CLAIMS, found.rule, found.repayment_id or ""


def _limitation(decision: Decision, bodies: Bodies) -> _Outcome:
    policy = msgspec.json.decode(bodies[decision.policy_digests[0]], type=ClockPolicy)
    clocks = decide_clocks(msgspec.json.decode(decision.facts, type=LimitationFacts), policy)
    return CLOCKS, clocks.rule, msgspec.json.encode(clocks, order="sorted").decode()


_MAKERS: Final[Mapping[str, Callable[[Decision, Bodies], _Outcome]]] = {
    "step": _step,
    "preparation": _preparation,
    "hold": _hold,
    "person_hold": _hold,
    "promise": recompute_promise,
    "claim": _claim,
    "limitation": _limitation,
    "plan_terms": recompute_terms,
    "plan": recompute_plan,
    "waiver_band": recompute_band,
    "waiver": recompute_offer,
}
