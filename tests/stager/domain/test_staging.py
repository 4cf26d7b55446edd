"""The stage decision: when a loan enters, moves up, moves down or stays, and that it can be made again."""

from __future__ import annotations

from dataclasses import replace as with_changes
from datetime import UTC, date, datetime

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from stager.domain.cases import StageEntry
from stager.domain.staging import ENGINE, Enters, StageFacts, Stays, decide_stage, digest_of, facts_from
from stager.domain.why import recompute
from stager.policy import load_rulebook
from stager.store.policies import canonical_text

RULEBOOK = load_rulebook()
STAGES, HOLDS = RULEBOOK.stages.editions[0], RULEBOOK.holds.editions[0]


def facts(**known: object) -> StageFacts:
    base = StageFacts(
        loan_id="L1",
        episode=1,
        stage=None,
        entry_no=0,
        seen=(),
        as_of=date(2026, 11, 24),
        dpd=1,
        dpd_zero_on=date(2026, 11, 23),
        holds=(),
        after_close=True,
    )
    return msgspec.structs.replace(base, **known)


def decide(**known: object) -> Enters | Stays:
    return decide_stage(facts(**known), STAGES.policy, HOLDS.policy)


def test_the_first_entry_waits_for_the_close() -> None:
    assert decide(after_close=False) == Stays("await-close/S1:1-30")
    assert decide() == Enters("S1", "entry", True, "entry/S1:1-30")


def test_nothing_due_is_no_stage_to_enter_first() -> None:
    assert decide(dpd=0) == Stays("nothing-due/DUE:..0")


@pytest.mark.parametrize(("dpd", "to"), [(31, "S2"), (61, "S3"), (91, "S4")])
def test_a_promotion_waits_for_the_close(dpd: int, to: str) -> None:
    assert isinstance(decide(stage="S1", seen=("S1",), dpd=dpd, after_close=False), Stays)
    decision = decide(stage="S1", seen=("S1",), dpd=dpd)
    assert isinstance(decision, Enters)
    assert (decision.to, decision.move, decision.first_time) == (to, "promotion", True)


def test_a_demotion_waits_for_nothing_and_is_not_new_where_it_was_seen() -> None:
    decision = decide(stage="S3", seen=("S1", "S2", "S3"), dpd=44, after_close=False, holds=("dispute",))
    assert decision == Enters("S2", "demotion", False, "demotion/S2:31-60")


@pytest.mark.parametrize("kind", ["dispute", "payment_claim", "promise_open", "plan_active", "fraud_claim"])
def test_a_hold_keeps_a_loan_in_its_stage(kind: str) -> None:
    assert decide(stage="S1", seen=("S1",), dpd=31, holds=(kind,)) == Stays(f"hold-{kind}/S2:31-60")


@pytest.mark.parametrize("kind", ["cease", "attorney", "insolvency", "complaint_open"])
def test_a_hold_on_contact_alone_does_not_stop_the_stage(kind: str) -> None:
    assert isinstance(decide(stage="S1", seen=("S1",), dpd=31, holds=(kind,)), Enters)


def test_the_same_stage_is_no_new_entry() -> None:
    assert decide(stage="S1", seen=("S1",), dpd=30) == Stays("same/S1:1-30")


@given(
    loan_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    stage=st.none() | st.sampled_from(["S1", "S4"]),
    seen=st.lists(st.sampled_from(["S1", "S2", "S3"]), unique=True).map(tuple),
    dpd=st.integers(-(2**53) + 1, 2**53 - 1),
    zero_on=st.none() | st.dates(),
    after_close=st.booleans(),
)
def test_facts_are_canonical_as_rfc_8785_says(
    loan_id: str,
    stage: str | None,
    seen: tuple[str, ...],
    dpd: int,
    zero_on: date | None,
    after_close: bool,
) -> None:
    known = facts(
        loan_id=loan_id, stage=stage, seen=seen, dpd=dpd, dpd_zero_on=zero_on, after_close=after_close
    )
    assert known.canonical().encode() == rfc8785.dumps(msgspec.to_builtins(known))
    assert facts_from(known.canonical()) == known


def _entry() -> tuple[StageEntry, dict[str, str]]:
    known = facts(stage="S1", entry_no=1, seen=("S1",), dpd=31)
    decision = decide_stage(known, STAGES.policy, HOLDS.policy)
    assert isinstance(decision, Enters)
    canonical = known.canonical()
    entry = StageEntry(
        loan_id="L1",
        episode=1,
        entry_no=2,
        borrower_id="B1",
        case_id="C1",
        from_stage="S1",
        to_stage=decision.to,
        first_time=decision.first_time,
        dpd=31,
        as_of=known.as_of,
        rule=decision.rule,
        policy_digest=STAGES.digest,
        holds_digest=HOLDS.digest,
        engine=ENGINE,
        facts=canonical,
        facts_digest=digest_of(canonical),
        entered_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    bodies = {edition.digest: canonical_text(edition.policy) for edition in (STAGES, HOLDS)}
    return entry, bodies


def test_a_decision_made_again_agrees() -> None:
    entry, bodies = _entry()
    recomputed = recompute(entry, bodies)
    assert recomputed.agrees
    assert recomputed.decision == Enters("S2", "promotion", True, "promotion/S2:31-60")


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"to_stage": "S3"}, "stage: S2 comes out, S3 is stored"),
        ({"first_time": False}, "first_time"),
        ({"rule": "entry/S2:31-60"}, "rule"),
        ({"engine": "staging/0"}, "engine staging/0"),
        ({"facts_digest": "0" * 64}, "not those of the digest"),
        ({"policy_digest": "1" * 64}, "is not kept"),
    ],
)
def test_a_decision_that_was_tampered_with_does_not_agree(
    changes: dict[str, object], difference: str
) -> None:
    entry, bodies = _entry()
    recomputed = recompute(with_changes(entry, **changes), bodies)  # type: ignore[arg-type]
    assert not recomputed.agrees
    assert any(difference in each for each in recomputed.differences)


def test_a_policy_text_that_was_changed_does_not_agree() -> None:
    entry, bodies = _entry()
    bodies[STAGES.digest] = bodies[STAGES.digest].replace('"dpd_max":30', '"dpd_max":29')
    assert not recompute(entry, bodies).agrees
