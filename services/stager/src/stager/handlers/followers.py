"""Steps that follow others: they get their time when the one before is done, or is known not to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from spine.database import Tx
from stager.domain.cases import StepTimer
from stager.domain.planning import after_due
from stager.domain.scopes import Subject
from stager.domain.steps import followers
from stager.policy import House
from stager.store.case_facts import situations
from stager.store.parties import zone_of
from stager.store.requests import AnsweredStep, finish_tasked
from stager.store.steps import PlannedStep, done_in_episode, insert_again


@dataclass(frozen=True, slots=True)
class _Leader:
    """A step after which others are due, counted from `at`. `entered_on`: since when its loan is in the stage."""

    timer: StepTimer
    stage: str
    subject: Subject
    entered_on: date | None
    zone: ZoneInfo
    at: datetime


async def follow_answered(tx: Tx, answered: Sequence[AnsweredStep], house: House) -> None:
    """Plans what follows requests that were answered. The caller has locked the borrowers.

    A message that could not be handed over is answered too: what was to follow it is all the more needed, and
    is decided by the facts of its own time.
    """
    if not answered:
        return
    borrowers = sorted({step.borrower_id for step in answered})
    found = await situations(tx, borrowers, house.today(tx.now))
    leaders = []
    for step in answered:
        here = found.get(step.loan_id)
        if here is None or here.episode.entry_no != step.entry_no or here.episode.stage is None:
            continue
        timer = StepTimer(
            step.loan_id, step.episode, step.entry_no, step.step, step.borrower_id, step.occurrence, step.at
        )
        party = here.party
        subject = Subject(here.episode.figures.product, party.region, party.segment)
        zone = zone_of(party.zone, house.zone)
        leaders.append(_Leader(timer, here.episode.stage, subject, here.episode.entered_on, zone, step.at))
    await _follow(tx, leaders, house)


async def follow_skipped(tx: Tx, planned: Sequence[PlannedStep], house: House) -> None:
    """Plans what follows steps that will not be done."""
    await _follow(
        tx,
        [
            _Leader(one.timer, one.stage, one.subject, one.entered_on, one.zone, tx.now)
            for one in planned
            if one.stage
        ],
        house,
    )


async def tasks_done(tx: Tx, tasks: Mapping[str, datetime], house: House) -> None:
    """Tasks of steps were done by people at these instants: what follows them is planned. The caller has locked
    the borrowers; tasks that come from no step change nothing."""
    if tasks:
        await follow_answered(tx, await finish_tasked(tx, tasks), house)


async def _follow(tx: Tx, leaders: Iterable[_Leader], house: House) -> None:
    today = house.today(tx.now)
    timers = []
    once = set()
    for leader in leaders:
        strategy = house.rulebook.strategies.on(today, leader.subject, since=leader.entered_on).policy
        for step in followers(strategy, leader.stage, leader.timer.step):
            due = after_due(step, strategy.slot_of(step), leader.at, leader.zone, 0)
            old = leader.timer
            timers.append(
                StepTimer(old.loan_id, old.episode, old.entry_no, step.id, old.borrower_id, 0, due.due_at)
            )
            if step.once == "episode":
                once.add((old.loan_id, step.id))
    if not timers:
        return
    done = await done_in_episode(tx, [t for t in timers if (t.loan_id, t.step) in once]) if once else set()
    await insert_again(tx, [timer for timer in timers if (timer.loan_id, timer.step) not in done])
