"""After the cure: a person is asked to thank whoever has paid, and to correct it politely if the money bounces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from spine.database import Tx
from spine.envelope import Envelope
from stager.domain.cases import Episode, stable_id
from stager.domain.desk import CaseClosure
from stager.domain.tasks import Task, TaskStatus
from stager.handlers.clocks import keep_clocks
from stager.handlers.credit_reports import correct_for_money, withdraw_corrections
from stager.handlers.tasks import end_tasks, open_tasks
from stager.policy import House
from stager.store.holds import active_holds
from stager.store.parties import people_of
from stager.store.tasks import lock_open_tasks, thanked_loans

KIND: Final = "after_cure"
#: As what a person speaks who thanks: no collection.
_CHANNEL, _PURPOSE = "call", "service"


async def follow_arrears(
    tx: Tx,
    causes: Mapping[str, Envelope],
    episodes: Mapping[str, Episode],
    closures: Sequence[CaseClosure],
    house: House,
) -> None:
    """The ledger has spoken of these loans (`causes`, each the last fact; `episodes`, the newest): their clocks
    stand anew, and who is out of arrears is thanked, or no longer. The caller has locked the borrowers and kept
    all that was told."""
    if not causes:
        return
    await keep_clocks(tx, causes.keys(), house, causes, episodes)
    ended = [episode for episode in episodes.values() if not episode.is_open]
    bounced = [e for e in episodes.values() if e.is_open and e.bounced_on is not None]
    if ended:
        await correct_for_money(tx, ended, house, causes)
    if bounced:
        await _take_back(tx, bounced, house, causes)
    closed = {closure.case.case_id: closure for closure in closures}
    await _thank(tx, [episode for episode in ended if episode.case_id in closed], closed, house, causes)


async def _thank(
    tx: Tx,
    ended: Sequence[Episode],
    closed: Mapping[str, CaseClosure],
    house: House,
    causes: Mapping[str, Envelope],
) -> None:
    """One task for each case that is closed, unless a hold says that this person is not spoken with."""
    if not ended:
        return
    today = house.today(tx.now)
    borrowers = sorted({episode.borrower_id for episode in ended})
    people = await people_of(tx, borrowers, house.zone)
    kinds: dict[str, set[str]] = {}
    for hold in await active_holds(tx, borrowers):
        if hold.is_active(tx.now):
            kinds.setdefault(hold.borrower_id, set()).add(hold.kind)
    holds = house.rulebook.holds.on(today).policy
    tasks: dict[str, Task] = {}
    for episode in sorted(ended, key=lambda each: each.loan_id):
        person = people[episode.borrower_id]
        rule = house.rulebook.clocks.on(today, person.subject(episode.figures.product)).policy.after_cure
        held = holds.stopping(kinds.get(episode.borrower_id, ()), _CHANNEL, _PURPOSE)
        if held is not None or closed[episode.case_id].reason not in rule.ends:
            continue
        due_at, late_at = rule.window(tx.now, person.zone)
        turn = (episode.loan_id, episode.episode, episode.bounced_on or "")
        tasks.setdefault(
            episode.case_id,
            Task(
                task_id=stable_id("task", KIND, episode.case_id, *turn),
                kind=KIND,
                borrower_id=episode.borrower_id,
                loan_id=episode.loan_id,
                case_id=episode.case_id,
                due_at=due_at,
                sla_at=late_at,
                reason="thanks",
                origin=closed[episode.case_id].reason,
            ),
        )
    by_task = {task.task_id: causes[task.loan_id] for task in tasks.values() if task.loan_id in causes}
    await open_tasks(tx, list(tasks.values()), house, by_task)


async def _take_back(
    tx: Tx, bounced: Sequence[Episode], house: House, causes: Mapping[str, Envelope]
) -> None:
    """The money was taken back: nobody is thanked for it any more, and who was is told politely how it stands."""
    loans = {episode.loan_id: episode for episode in bounced}
    await withdraw_corrections(tx, loans, house, causes)
    for state in await lock_open_tasks(tx, loans, (KIND,)):
        if state.task.reason == "thanks":
            cause = causes.get(state.task.loan_id)
            await end_tasks(tx, [state], TaskStatus.CANCELLED, "bounced", cause=cause)
    thanked = await thanked_loans(tx, loans)
    tasks = [
        Task(
            task_id=stable_id("task", KIND, "correct", task_id),
            kind=KIND,
            borrower_id=loans[loan_id].borrower_id,
            loan_id=loan_id,
            case_id=loans[loan_id].case_id,
            due_at=tx.now,
            reason="correct_thanks",
            origin=task_id,
        )
        for loan_id, task_id in thanked.items()
    ]
    by_task = {task.task_id: causes[task.loan_id] for task in tasks if task.loan_id in causes}
    await open_tasks(tx, tasks, house, by_task)
