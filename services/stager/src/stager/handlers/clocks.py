"""The clocks of claims are kept by what happens and by time: who has to know is told, once for each end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from types import MappingProxyType
from typing import Final

import msgspec

from spine.business_days import local_instant
from spine.database import Runtime, Tx
from spine.envelope import Envelope
from spine.policy import Loaded
from stager.domain.cases import Episode, stable_id
from stager.domain.clock_policy import ClockPolicy
from stager.domain.clocks import (
    ENGINE,
    ClaimClocks,
    LimitationFacts,
    decide_clocks,
    next_look_on,
    warned,
)
from stager.domain.decision import decided
from stager.domain.scopes import Subject
from stager.domain.tasks import Task, TaskStatus
from stager.handlers.tasks import end_tasks, open_tasks
from stager.policy import House
from stager.store.clocks import (
    LoanClock,
    add_clocks,
    clocks_of,
    latest_episodes,
    lock_clocks_to_look_at,
    restarts_of,
    save_clocks,
)
from stager.store.decisions import keep_decisions
from stager.store.parties import people_of
from stager.store.policies import keep_policies
from stager.store.tasks import lock_open_tasks

SUBJECT: Final = "limitation"
KIND: Final = "limitation"
_MIDNIGHT: Final = time(0)
_BATCH: Final = 500
_NO_CAUSES: Final[Mapping[str, Envelope]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ClockedLoan:
    """A loan in arrears with its clocks as decided now."""

    episode: Episode
    facts: LimitationFacts
    clocks: ClaimClocks
    edition: Loaded[ClockPolicy]


async def clock_editions(
    tx: Tx, episodes: Collection[Episode], house: House
) -> dict[str, Loaded[ClockPolicy]]:
    """The version of the clocks that is in force for each of these loans, by loan."""
    people = await people_of(tx, sorted({each.borrower_id for each in episodes}), house.zone)
    today = house.today(tx.now)
    subjects: dict[str, Subject] = {
        each.loan_id: people[each.borrower_id].subject(each.figures.product) for each in episodes
    }
    return {loan: house.rulebook.clocks.on(today, subject) for loan, subject in subjects.items()}


async def decide_loans(
    tx: Tx, episodes: Collection[Episode], known: Mapping[str, LoanClock], house: House
) -> list[ClockedLoan]:
    """The clocks of these loans as they are now, of those of which something is overdue."""
    today = house.today(tx.now)
    steps = house.rulebook.work.on(today).policy.notice_steps
    running = {e.loan_id: (e, d) for e in episodes if (d := e.figures.oldest_unpaid_due_on) and e.is_open}
    if not running:
        return []
    editions = await clock_editions(tx, [episode for episode, _ in running.values()], house)
    restarts = await restarts_of(tx, running, house.zone.key, steps)
    found = []
    for loan_id, (episode, due_on) in sorted(running.items()):
        clock = known.get(loan_id)
        facts = LimitationFacts(
            today=today,
            due_on=due_on,
            restarts=tuple(each for each in restarts.get(loan_id, ()) if due_on <= each.on <= today),
            guarantee_ends_on=clock.guarantee_ends_on if clock is not None else None,
        )
        edition = editions[loan_id]
        found.append(ClockedLoan(episode, facts, decide_clocks(facts, edition.policy), edition))
    return found


async def keep_clocks(
    tx: Tx,
    loan_ids: Collection[str],
    house: House,
    causes: Mapping[str, Envelope] = _NO_CAUSES,
    episodes: Mapping[str, Episode] | None = None,
) -> None:
    """Something happened to these loans, or time passed: their clocks stand anew, tasks for ends that are no more
    are cancelled, and those for ends that are near opened.

    The caller has locked the borrowers. `causes`: by loan, the event that this comes from; `episodes`: the newest
    of each loan, where they are at hand.
    """
    if not loan_ids:
        return
    if episodes is None:
        episodes = await latest_episodes(tx, loan_ids)
    known = await clocks_of(tx, loan_ids)
    loans = await decide_loans(tx, list(episodes.values()), known, house)
    clocks = {}
    for loan in loans:
        before = known.get(loan.episode.loan_id) or LoanClock(loan.episode.loan_id, loan.episode.borrower_id)
        look_on = next_look_on(loan.clocks, loan.edition.policy, loan.facts.today)
        clocks[before.loan_id] = replace(
            before,
            ends_on=loan.clocks.ends_on,
            barred=loan.clocks.barred,
            look_at=local_instant(look_on, _MIDNIGHT, house.zone) if look_on is not None else None,
        )
    for loan_id, before in known.items():
        # Nothing is overdue any more.
        clocks.setdefault(loan_id, replace(before, ends_on=None, barred=False, look_at=None))
    await add_clocks(tx, [clock for loan_id, clock in clocks.items() if loan_id not in known])
    await save_clocks(tx, [clocks[loan_id] for loan_id, before in known.items() if clocks[loan_id] != before])
    await _tell(tx, loans, clocks.keys(), known, house, causes)


async def _tell(
    tx: Tx,
    loans: Collection[ClockedLoan],
    loan_ids: Collection[str],
    known: Mapping[str, LoanClock],
    house: House,
    causes: Mapping[str, Envelope],
) -> None:
    tasks = {task.task_id: task for loan in loans for task in _tasks(loan, tx.now)}
    for state in await lock_open_tasks(tx, loan_ids, (KIND,)):
        if state.task.task_id not in tasks:
            await end_tasks(
                tx, [state], TaskStatus.CANCELLED, "clock_moved", cause=causes.get(state.task.loan_id)
            )
    opened_for = {task.task_id: causes[task.loan_id] for task in tasks.values() if task.loan_id in causes}
    fresh = await open_tasks(tx, list(tasks.values()), house, opened_for)
    told = {tasks[task_id].loan_id for task_id in fresh}
    changed = []
    for loan in loans:
        loan_id = loan.episode.loan_id
        was_barred = known[loan_id].barred if loan_id in known else False
        if loan_id in told or loan.clocks.barred != was_barred:
            changed.append(loan)
    await keep_policies(tx, house.rulebook, {loan.edition.digest for loan in changed})
    await keep_decisions(
        tx,
        [
            decided(
                SUBJECT,
                loan.episode.loan_id,
                borrower_id=loan.episode.borrower_id,
                loan_id=loan.episode.loan_id,
                engine=ENGINE,
                rule=loan.clocks.rule,
                verdict=msgspec.json.encode(loan.clocks, order="sorted").decode(),
                facts=loan.facts,
                policy_digests=(loan.edition.digest,),
                decided_at=tx.now,
                turn=tx.now.isoformat(),
            )
            for loan in changed
        ],
    )


def _tasks(loan: ClockedLoan, now: datetime) -> list[Task]:
    """One for each end that is near; arrears that were over and go on are told of anew."""
    episode = loan.episode
    turn = (episode.loan_id, episode.episode, episode.bounced_on or "")
    return [
        Task(
            task_id=stable_id("task", SUBJECT, near.what, near.ends_on, *turn),
            kind=KIND,
            borrower_id=episode.borrower_id,
            loan_id=episode.loan_id,
            case_id=episode.case_id,
            due_at=now,
            stage=episode.stage,
            reason=f"{near.what}_ends_{near.ends_on.isoformat()}",
            origin=near.what,
        )
        for near in warned(loan.clocks, loan.edition.policy, loan.facts.today)
    ]


async def look_at_clocks(runtime: Runtime, house: House) -> int:
    """Looks at one batch of clocks that time alone has moved; returns how many."""

    async def work(tx: Tx) -> int:
        loans = await lock_clocks_to_look_at(tx, _BATCH)
        await keep_clocks(tx, loans, house)
        return len(loans)

    return await runtime.run(work)
