"""A stored decision about a promise made again from its own facts and policy: it must come out the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from stager.domain.decision import Decision
from stager.domain.promise_policy import PromisePolicy
from stager.domain.promises import (
    JUDGING_ENGINE,
    TERMS_ENGINE,
    JudgeFacts,
    TermsFacts,
    Verdict,
    decide_terms,
    judge,
)
from stager.domain.staging import digest_of

#: The engines whose decisions this module makes again.
ENGINES: Final = frozenset({TERMS_ENGINE, JUDGING_ENGINE})


@dataclass(frozen=True, slots=True)
class PromiseRecomputed:
    """How a decision comes out now, and in which points it differs from what is stored."""

    verdict: str | None
    rule: str | None
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def recompute_promise(decision: Decision, bodies: Mapping[str, str]) -> PromiseRecomputed:
    """Decides again. `bodies` are canonical policy texts by digest; what is missing is a difference."""
    differences = []
    if digest_of(decision.facts) != decision.facts_digest:
        differences.append("the stored facts are not those of the digest")
    for digest in decision.policy_digests:
        if digest not in bodies:
            differences.append(f"policy {digest} is not kept")
        elif digest_of(bodies[digest]) != digest:
            differences.append(f"the kept text of policy {digest} is not that of the digest")
    found = _again(decision, bodies)
    if found is None:
        return PromiseRecomputed(None, None, (*differences, f"engine {decision.engine} cannot be run here"))
    for what, now, stored in (
        ("verdict", found.verdict, decision.verdict),
        ("rule", found.rule, decision.rule),
    ):
        if now != stored:
            differences.append(f"{what}: {now} comes out, {stored} is stored")
    return PromiseRecomputed(found.verdict, found.rule, tuple(differences))


def _again(decision: Decision, bodies: Mapping[str, str]) -> Verdict | None:
    """What was judged needs no policy: tolerance and days are of the promise, and so among the facts."""
    if decision.engine == JUDGING_ENGINE:
        judged = judge(msgspec.json.decode(decision.facts, type=JudgeFacts))
        return Verdict(judged.status, judged.rule)
    [digest] = decision.policy_digests
    if decision.engine != TERMS_ENGINE or digest not in bodies:
        return None
    policy = msgspec.json.decode(bodies[digest], type=PromisePolicy)
    return decide_terms(msgspec.json.decode(decision.facts, type=TermsFacts), policy)
