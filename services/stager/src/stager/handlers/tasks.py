"""Work for people: tasks are opened by what happens, and cancelled when it is no longer wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from spine.database import Tx
from spine.envelope import Envelope
from spine.outbox import emit
from stager.domain.scoring import ScoreFacts, rank_of
from stager.domain.tasks import HistoryEntry, Task, TaskState, TaskStatus
from stager.emits import tasks as emits
from stager.policy import House
from stager.store.agencies import owners_of
from stager.store.holds import active_holds
from stager.store.policies import keep_policies
from stager.store.tasks import add_history, insert_tasks, lock_open_tasks, open_tasks_of, save_tasks
from stager.store.worklist import UNKNOWN, WorkFacts, work_facts

_NO_CAUSES: Final[Mapping[str, Envelope]] = MappingProxyType({})


async def open_tasks(
    tx: Tx, tasks: Sequence[Task], house: House, causes: Mapping[str, Envelope] = _NO_CAUSES
) -> set[str]:
    """Opens tasks whose borrowers the caller has locked; returns the ids of those that are new.

    A task that was opened before, open or ended, stays as it is. `causes`: by task id, the event it comes from.
    """
    if not tasks:
        return set()
    unique = {task.task_id: task for task in tasks}
    states = await _states(tx, list(unique.values()), house)
    fresh = await insert_tasks(tx, states)
    opened = [state for state in states if state.task.task_id in fresh]
    await add_history(
        tx, [HistoryEntry(state.task.task_id, tx.now, "opened", note=state.task.reason) for state in opened]
    )
    await keep_policies(tx, house.rulebook, {state.policy_digest for state in opened})
    for state in opened:
        reference = house.rulebook.reference(state.policy_digest)
        emit(tx, emits.task_opened(state, reference), cause=causes.get(state.task.task_id))
    return fresh


async def _states(tx: Tx, tasks: Sequence[Task], house: House) -> list[TaskState]:
    """The tasks with what the policy and the borrowers' facts add: deadline, people, skill, place, score."""
    work = house.rulebook.work.on(house.today(tx.now))
    facts = await work_facts(tx, [task.borrower_id for task in tasks], house.today(tx.now))
    owners = await owners_of(tx, [task.case_id for task in tasks])
    trained = await _trained(tx, tasks, house)
    states = []
    for task in tasks:
        known, rule = facts.get(task.borrower_id, UNKNOWN), work.policy.kind(task.kind)
        sla_at = task.sla_at
        if task.kind == "call_back":
            # From then on it was missed.
            sla_at = task.due_at + timedelta(minutes=work.policy.call_back.missed_after_minutes)
        elif sla_at is None and rule.sla is not None:
            sla_at = rule.sla.after(task.due_at, house.zone, house.rulebook.calendars[work.policy.calendar])
        filled = replace(
            task,
            sla_at=sla_at,
            people=max(task.people, rule.people),
            skill=(trained.get(task.borrower_id) if rule.contact else None) or task.skill or rule.skill,
            region=task.region or known.region,
        )
        owner = owners.get(task.case_id)
        states.append(
            TaskState(
                filled,
                locale=known.locale,
                rank=rank_of(facts_of(filled, known, house, late=False, opened_at=tx.now), work.policy),
                policy_digest=work.digest,
                opened_at=tx.now,
                agency_id=owner.agency_id if owner is not None else None,
            )
        )
    return states


async def _trained(tx: Tx, tasks: Sequence[Task], house: House) -> dict[str, str]:
    """What who speaks with these borrowers must be trained in, by borrower: their holds ask for it."""
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    skills: dict[str, str] = {}
    for hold in await active_holds(tx, sorted({task.borrower_id for task in tasks})):
        if hold.is_active(tx.now) and (needed := policy.kinds[hold.kind].needs_skill) is not None:
            skills.setdefault(hold.borrower_id, needed)
    return skills


def facts_of(task: Task, known: WorkFacts, house: House, *, late: bool, opened_at: datetime) -> ScoreFacts:
    """What the score of a task rests on."""
    stages = house.rulebook.stages.on(house.today(opened_at)).policy
    ranked = [stage.id for stage in stages.stages if stage.id in known.stages]
    return ScoreFacts(
        kind=task.kind,
        dpd_zero_on=known.dpd_zero_on or house.today(opened_at),
        stage=max(ranked, key=stages.rank, default=task.stage),
        overdue_minor=known.overdue_minor,
        exponent=known.exponent,
        broken_promises=known.broken_promises,
        late=late,
        priority=task.priority,
    )


async def rescore(tx: Tx, borrower_ids: Collection[str], house: House) -> int:
    """The facts of locked borrowers changed: their open tasks move in the worklist. Returns how many did."""
    states = await open_tasks_of(tx, sorted(borrower_ids)) if borrower_ids else []
    if not states:
        return 0
    work = house.rulebook.work.on(house.today(tx.now))
    facts = await work_facts(tx, [state.task.borrower_id for state in states], house.today(tx.now))
    moved = []
    for state in states:
        known = facts.get(state.task.borrower_id, UNKNOWN)
        late = state.escalated_at is not None
        rank = rank_of(facts_of(state.task, known, house, late=late, opened_at=state.opened_at), work.policy)
        if (rank, work.digest) != (state.rank, state.policy_digest):
            moved.append(replace(state, rank=rank, policy_digest=work.digest))
    await save_tasks(tx, moved)
    if moved:
        await keep_policies(tx, house.rulebook, {work.digest})
    return len(moved)


async def cancel_tasks(
    tx: Tx,
    loan_ids: Collection[str],
    reason: str,
    *,
    kinds: Collection[str] | None = None,
    cause: Envelope | None = None,
) -> set[str]:
    """Cancels the open tasks of loans whose borrowers the caller has locked; returns their ids."""
    if not loan_ids:
        return set()
    return await end_tasks(
        tx, await lock_open_tasks(tx, loan_ids, kinds), TaskStatus.CANCELLED, reason, cause=cause
    )


async def end_tasks(
    tx: Tx, tasks: Sequence[TaskState], status: TaskStatus, reason: str, *, cause: Envelope | None = None
) -> set[str]:
    """Ends open tasks that nobody did, whose borrowers the caller has locked."""
    ended = [
        replace(state, status=status, closed_at=tx.now, end_reason=reason, claimed_by=(), lease_until=None)
        for state in tasks
    ]
    await save_tasks(tx, ended)
    await add_history(
        tx, [HistoryEntry(state.task.task_id, tx.now, status.value, note=reason) for state in ended]
    )
    for state in ended:
        emit(tx, emits.task_closed(state), cause=cause)
    return {state.task.task_id for state in ended}
