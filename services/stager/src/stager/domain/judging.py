"""A stage decision applied to an episode: the entry it makes, the steps it plans, when to look again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from spine.policy import Loaded
from stager.domain.cases import Episode, StageEntry, StepTimer
from stager.domain.cutover import Start
from stager.domain.planning import Planned, Plans
from stager.domain.rulebook import Rulebook, Shelf
from stager.domain.scopes import ANYONE, Subject
from stager.domain.stage_policy import StagePolicy
from stager.domain.staging import ENGINE, Enters, StageFacts, Stays, decide_stage, digest_of
from stager.domain.strategy import Step, Strategy


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
    plans: Plans,
    start: Start | None = None,
    subject: Subject = ANYONE,
) -> Judged:
    """Decides the stage of an episode on `as_of`. `holds` are the kinds active on the loan.

    `subject` picks the policies that are for this loan.

    `start` is that of a loan taken over: its steps begin no earlier, and are not planned while it has none.
    """
    since = episode.entered_on if episode.stage is not None else None
    stages, hold_rules = rulebook.stages.on(as_of, subject, since=since), rulebook.holds.on(as_of)
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
        judge_on = episode.judge_on
        if episode.stage is not None:
            judge_on = _judge_next_on(rulebook.stages, episode, episode.stage, as_of, subject, since)
        return Judged(replace(episode, judged_on=as_of, judge_on=judge_on))
    entry = _entry(episode, facts, decision, stages.digest, hold_rules.digest, plans.now)
    seen = episode.stages_seen
    # Money has just come in when a loan moves down: on that day nothing more is said (house).
    steps_from_on = as_of + timedelta(days=1) if entry.is_demotion else as_of
    if episode.bounced_on is not None:
        contacts = rulebook.contacts.on(as_of).policy
        speaks_on = contacts.speaks_again_on(episode.bounced_on, rulebook.calendars[contacts.calendar])
        steps_from_on = max(steps_from_on, speaks_on)
    if start is not None and start.on is not None:
        steps_from_on = max(steps_from_on, start.on)
    waits = start is not None and start.on is None
    entered = replace(
        episode,
        judged_on=as_of,
        judge_on=_judge_next_on(rulebook.stages, episode, entry.to_stage, as_of, subject, as_of),
        stage=entry.to_stage,
        entry_no=entry.entry_no,
        entered_on=as_of,
        steps_from_on=steps_from_on,
        stages_seen=seen if entry.to_stage in seen else (*seen, entry.to_stage),
        awaits_start=waits,
    )
    if waits:
        return Judged(entered, entry)
    strategy = rulebook.strategies.on(as_of, subject)
    milder = any(stages.policy.rank(each) > stages.policy.rank(entry.to_stage) for each in seen)
    timers = first_timers(strategy, entry, from_on=steps_from_on, zone=zone, plans=plans, milder=milder)
    return Judged(entered, entry, timers)


def first_timers(
    strategy: Loaded[Strategy],
    entry: StageEntry,
    *,
    from_on: date,
    zone: ZoneInfo,
    plans: Plans,
    milder: bool = False,
) -> tuple[StepTimer, ...]:
    """The timers of the stage that a loan entered, counting its days from `from_on`. `milder`: it has been in a
    severer stage in this episode."""
    # Who comes down into a milder stage, by money paid or by money taken back, needs no first word of it.
    firsts = entry.first_time and not entry.is_demotion and not milder
    planned = plans.of(strategy, entry.to_stage, from_on=from_on, firsts=firsts, zone=zone)
    return tuple(_timer(entry, step, due) for step, due in planned)


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


def _timer(entry: StageEntry, step: Step, due: Planned) -> StepTimer:
    return StepTimer(
        loan_id=entry.loan_id,
        episode=entry.episode,
        entry_no=entry.entry_no,
        step=step.id,
        borrower_id=entry.borrower_id,
        occurrence=due.occurrence,
        due_at=due.due_at,
    )


def _judge_next_on(
    stages: Shelf[StagePolicy],
    episode: Episode,
    stage: str,
    as_of: date,
    subject: Subject,
    since: date | None,
) -> date | None:
    """From when a close may change the stage; a promotion that a hold keeps back is tried at every close."""
    policy = stages.on(as_of, subject, since=since).policy
    current = next((each for each in policy.stages if each.id == stage), None)
    if current is None:
        return as_of
    changes_on = stages.changes_after(as_of, subject, since=since)
    days = (episode.figures.exceeds_on(current.dpd_max), changes_on)
    return min((day for day in days if day is not None), default=None)
