"""Decisions on promises come out the same from their own facts, and otherwise from others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import rfc8785

from spine.policy import load_policy
from stager.domain.decision import Decision, canonical, decided
from stager.domain.promise_policy import PromisePolicy
from stager.domain.promises import JUDGING_ENGINE, TERMS_ENGINE, decide_terms, facts_to_judge, judge
from stager.domain.why_promises import recompute_promise
from tests.stager.domain.test_promises import DUE_ON, TEXT, money, promise, terms

LOADED = load_policy(PromisePolicy, TEXT, path="promises.yaml")
BODIES = {LOADED.digest: rfc8785.dumps(msgspec.to_builtins(LOADED.policy)).decode()}
AT = datetime(2026, 11, 27, tzinfo=UTC)


def decision(engine: str, rule: str, verdict: str, facts: msgspec.Struct) -> Decision:
    return decided(
        "promise",
        "P1",
        borrower_id="B1",
        loan_id="L1",
        engine=engine,
        rule=rule,
        verdict=verdict,
        facts=facts,
        policy_digests=(LOADED.digest,),
        decided_at=AT,
    )


def test_what_was_accepted_comes_out_the_same_and_needs_its_policy() -> None:
    for facts in (terms(7), terms(8), terms(broken=2), terms(kind="partial", amount_minor=1)):
        found = decide_terms(facts, LOADED.policy)
        stored = decision(TERMS_ENGINE, found.rule, found.verdict, facts)
        assert recompute_promise(stored, BODIES) == (TERMS_ENGINE, found.rule, found.verdict)
        assert recompute_promise(stored, {}) == (TERMS_ENGINE, None, None)


def test_what_was_judged_comes_out_the_same_and_other_money_otherwise() -> None:
    facts = facts_to_judge(promise(), [money(319_999)], DUE_ON, ended=None)
    found = judge(facts)
    stored = decision(JUDGING_ENGINE, found.rule, found.status, facts)
    assert recompute_promise(stored, {}) == (JUDGING_ENGINE, "partial/short", "partial")
    other = replace(stored, facts=canonical(facts_to_judge(promise(), [money(320_000)], DUE_ON, ended=None)))
    assert recompute_promise(other, {}) == (JUDGING_ENGINE, "kept/received", "kept")
