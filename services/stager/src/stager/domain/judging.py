"""A stage decision applied to an episode: the entry it makes, the steps it plans, when to look again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from stager.domain.cases import Episode, StageEntry, StepTimer
from stager.domain.planning import plan_stage
from stager.domain.rulebook import Rulebook
from stager.domain.staging import ENGINE, Enters, StageFacts, Stays, decide_stage, digest_of
from stager.domain.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Judged:
    """An episode after a decision; `entry` and its `timers` when it entered a stage."""

    episode: Episode
    entry: StageEntry | None = None
    timers: tuple[StepTimer, ...] = ()


def judge(
    rulebook: Rulebook,
    episode: Episode,
    as_of: date,
    *,
    holds: Collection[str],
    after_close: bool,
    zone: ZoneInfo,
    now: datetime,
) -> Judged:
    """Decides the stage of an episode on `as_of`. `holds` are the kinds active on the loan."""
    stages, hold_rules = rulebook.stages.on(as_of), rulebook.holds.on(as_of)
    facts = StageFacts(
        loan_id=episode.loan_id,
        episode=episode.episode,
        stage=episode.stage,
        entry_no=episode.entry_no,
        seen=episode.stages_seen,
        as_of=as_of,
        dpd=episode.figures.dpd_on(as_of),
        dpd_zero_on=episode.figures.dpd_zero_on,
        holds=tuple(sorted(set(holds))),
        after_close=after_close,
    )
    decision = decide_stage(facts, stages.policy, hold_rules.policy)
    if isinstance(decision, Stays):
        stayed = replace(episode, judged_on=as_of, judge_on=_judge_next_on(rulebook, episode, as_of))
        return Judged(stayed)
    entry = _entry(episode, facts, decision, stages.digest, hold_rules.digest, now)
    entered = _entered(episode, entry, demotion=decision.move == "demotion")
    entered = replace(entered, judge_on=_judge_next_on(rulebook, entered, as_of))
    strategy = rulebook.strategies.on(as_of).policy
    return Judged(entered, entry, _timers(entered, entry, decision, strategy, zone, now))


def _entry(
    episode: Episode,
    facts: StageFacts,
    decision: Enters,
    policy_digest: str,
    holds_digest: str,
    now: datetime,
) -> StageEntry:
    canonical = facts.canonical()
    return StageEntry(
        loan_id=episode.loan_id,
        episode=episode.episode,
        entry_no=episode.entry_no + 1,
        borrower_id=episode.borrower_id,
        case_id=episode.case_id,
        from_stage=episode.stage,
        to_stage=decision.to,
        first_time=decision.first_time,
        dpd=facts.dpd,
        as_of=facts.as_of,
        rule=decision.rule,
        policy_digest=policy_digest,
        holds_digest=holds_digest,
        engine=ENGINE,
        facts=canonical,
        facts_digest=digest_of(canonical),
        entered_at=now,
    )


def _entered(episode: Episode, entry: StageEntry, *, demotion: bool) -> Episode:
    seen = episode.stages_seen
    return replace(
        episode,
        judged_on=entry.as_of,
        stage=entry.to_stage,
        entry_no=entry.entry_no,
        entered_on=entry.as_of,
        # Money has just come in when a loan moves down: on that day nothing more is said (house).
        steps_from_on=entry.as_of + timedelta(days=1) if demotion else entry.as_of,
        stages_seen=seen if entry.to_stage in seen else (*seen, entry.to_stage),
    )


def _timers(
    episode: Episode,
    entry: StageEntry,
    decision: Enters,
    strategy: Strategy,
    zone: ZoneInfo,
    now: datetime,
) -> tuple[StepTimer, ...]:
    # Who has paid himself down into a milder stage needs no first word of it.
    firsts = decision.first_time and decision.move != "demotion"
    from_on = episode.steps_from_on or entry.as_of
    return tuple(
        StepTimer(
            loan_id=episode.loan_id,
            episode=episode.episode,
            entry_no=entry.entry_no,
            step=step.id,
            borrower_id=episode.borrower_id,
            occurrence=planned.occurrence,
            due_at=planned.due_at,
        )
        for step, planned in plan_stage(
            strategy, entry.to_stage, from_on=from_on, firsts=firsts, zone=zone, now=now
        )
    )


def _judge_next_on(rulebook: Rulebook, episode: Episode, as_of: date) -> date | None:
    """From when a close may change the stage; a promotion that a hold keeps back is tried at every close."""
    if episode.stage is None:
        return episode.judge_on
    current = next((s for s in rulebook.stages.on(as_of).policy.stages if s.id == episode.stage), None)
    if current is None:
        return as_of
    days = (episode.figures.exceeds_on(current.dpd_max), rulebook.stages.changes_after(as_of))
    return min((day for day in days if day is not None), default=None)
