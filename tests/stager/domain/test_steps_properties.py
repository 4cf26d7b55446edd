"""Any due step of any facts: decided, never under a hold that blocks it, never twice, and made again the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from stager.domain.conditions import CaseFacts
from stager.domain.decision import canonical
from stager.domain.hold_policy import KINDS
from stager.domain.steps import StepFacts, Verdict, decide_step, recompute_step
from tests.stager.domain.test_steps import RULES

POLICIES = (RULES.strategy, RULES.stages, RULES.holds, RULES.contacts)
BODIES = {str(n): rfc8785.dumps(msgspec.to_builtins(policy)).decode() for n, policy in enumerate(POLICIES)}
STEPS = [(stage, step.id) for stage, steps in RULES.strategy.stages.items() for step in steps]
FROM_ON = date(2026, 3, 1)
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/London", "Asia/Urumqi")


@st.composite
def situations(draw: st.DrawFn) -> StepFacts:
    stage, step = draw(st.sampled_from(STEPS))
    due_at = datetime(2026, 3, 1, 2, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 60 * 24 * 60)))
    late = timedelta(minutes=draw(st.integers(0, 60 * 24 * 20)))
    case = CaseFacts(
        stage=stage,
        dpd=draw(st.none() | st.integers(0, 120)),
        currency=draw(st.sampled_from(["CNY", "JPY"])),
        overdue_total_minor=draw(st.none() | st.integers(0, 20_000)),
        outstanding_minor=draw(st.none() | st.integers(0, 10**7)),
        product="consumer",
        holds=tuple(sorted(draw(st.sets(st.sampled_from(sorted(KINDS)), max_size=2)))),
        channels=draw(st.none() | st.just(("sms",)) | st.just(("sms", "wechat"))),
        local=draw(st.none() | st.booleans()),
    )
    return StepFacts(
        step=step,
        occurrence=draw(st.integers(0, 20)),
        due_at=due_at,
        now=due_at + late,
        stage=stage,
        from_on=FROM_ON,
        zone=draw(st.sampled_from(ZONES)),
        stopped=draw(st.booleans()),
        case=case,
        unready=draw(st.sampled_from([(), ("books",), ("profile", "script")])),
        covered_by=draw(st.none() | st.just("R1")),
    )


@settings(max_examples=300, deadline=None)
@given(situations())
def test_a_decision_keeps_to_its_holds_its_slot_and_what_is_missing(facts: StepFacts) -> None:
    decision = decide_step(facts, RULES)
    assert decision is not None
    if decision.verdict is not Verdict.SKIPPED:
        held = RULES.holds.stopping(facts.case.holds, decision.step.channel, decision.step.purpose)
        assert (held, facts.stopped, facts.unready, facts.covered_by) == (None, False, (), None)
        assert facts.now < decision.expires_at
        local = facts.now.astimezone(ZoneInfo(facts.zone)).time()
        assert local < RULES.strategy.slot_of(decision.step).closes
    else:
        assert decision.reason is not None
    if decision.following is not None:
        # What comes next lies ahead, under a number of its own.
        assert decision.following.due_at > facts.now
        assert decision.following.occurrence > decision.due.occurrence


@settings(max_examples=300, deadline=None)
@given(situations())
def test_a_decision_is_made_again_from_its_canonical_facts(facts: StepFacts) -> None:
    text = canonical(facts)
    assert recompute_step(text, BODIES, tuple(BODIES)) == decide_step(facts, RULES)
    again = msgspec.json.decode(text, type=StepFacts)
    assert canonical(again) == text
    assert rfc8785.dumps(msgspec.json.decode(text)).decode() == text
