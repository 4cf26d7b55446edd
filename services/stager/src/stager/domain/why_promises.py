"""A stored decision on a promise made again from its own facts and policy: part of the answer to why."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stager.domain.decision import Decision
from stager.domain.promise_policy import PromisePolicy
from stager.domain.promises import (
    JUDGING_ENGINE,
    TERMS_ENGINE,
    JudgeFacts,
    TermsFacts,
    decide_terms,
    judge,
)


def recompute_promise(decision: Decision, bodies: Mapping[str, str]) -> tuple[str, str | None, str | None]:
    """Engine, rule and verdict of a decision made again; rule and verdict are None where it cannot be.

    `bodies` are canonical policy texts by digest. What was judged needs none: tolerance and days are of the
    promise, and so among the facts.
    """
    if decision.engine.partition("/")[0] == JUDGING_ENGINE.partition("/")[0]:
        judged = judge(msgspec.json.decode(decision.facts, type=JudgeFacts))
        return JUDGING_ENGINE, judged.rule, judged.status.value
    body = bodies.get(decision.policy_digests[0])
    if body is None:
        return TERMS_ENGINE, None, None
    policy = msgspec.json.decode(body, type=PromisePolicy)
    found = decide_terms(msgspec.json.decode(decision.facts, type=TermsFacts), policy)
    return TERMS_ENGINE, found.rule, found.verdict
