"""What the worklist does by itself: gives out tasks, moves those of the absent, notices what is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from spine.database import Runtime, Tx
from stager.domain.agencies import Owner
from stager.domain.shifts import next_try
from stager.domain.tasks import HistoryEntry, TaskState, TaskStatus
from stager.domain.worklist import Assigned, assign
from stager.handlers.tasks import end_tasks
from stager.policy import House
from stager.store.agencies import owners_of, save_owners
from stager.store.tasks import (
    add_history,
    lock_ended_leases,
    lock_late,
    lock_missed_borrowers,
    open_tasks_of,
    save_tasks,
)
from stager.store.team import lock_begun_absences, mark_moved
from stager.store.worklist import lock_assignment, lock_unassigned, save_assigned, take_from, workers

_BATCH: Final = 500
MISSED: Final = "missed"


async def assign_tasks(runtime: Runtime, house: House) -> int:
    """Gives out one batch of what is nobody's; returns how many tasks it looked at."""

    async def work(tx: Tx) -> int:
        # Asked first without the lock: most times there is nothing to give out.
        if not await lock_unassigned(tx, 1):
            return 0
        await lock_assignment(tx)
        tasks = await lock_unassigned(tx, _BATCH)
        await _assign(tx, tasks, house)
        return len(tasks)

    return await runtime.run(work)


async def _assign(tx: Tx, tasks: Sequence[TaskState], house: House) -> None:
    policy = house.rulebook.work.on(house.today(tx.now)).policy
    known = await owners_of(tx, [state.task.case_id for state in tasks])
    owners = {case: owner.member_id for case, owner in known.items() if owner.member_id is not None}
    given = assign(tasks, await workers(tx), owners, policy)
    calendar = house.rulebook.calendars[policy.calendar]
    await save_assigned(
        tx,
        [(one.state.task.task_id, one.member_id) for one in given if one.member_id is not None],
        [one.state.task.task_id for one in given if one.member_id is None],
        next_try(tx.now, policy, house.zone, calendar),
    )
    await save_owners(tx, {one.state.task.case_id: _owned(one, known) for one in given if one.owns})
    await add_history(
        tx,
        [
            HistoryEntry(one.state.task.task_id, tx.now, "assigned", to_member=one.member_id, note=one.why)
            for one in given
            if one.member_id is not None
        ],
    )


def _owned(one: Assigned, known: dict[str, Owner]) -> tuple[str, Owner]:
    agency = known.get(one.state.task.case_id, Owner()).agency_id
    return one.state.task.borrower_id, Owner(one.member_id, agency)


async def move_work_of_absent(runtime: Runtime) -> int:
    """What the members of one batch of absences had to do until they are back goes to others; returns how many."""

    async def work(tx: Tx) -> int:
        absences = await lock_begun_absences(tx, _BATCH)
        for absence in absences:
            if absence.to_at > tx.now:
                moved = await take_from(tx, absence.member_id, absence.to_at)
                await add_history(
                    tx,
                    [HistoryEntry(id_, tx.now, "moved", absence.member_id, note="absence") for id_ in moved],
                )
        await mark_moved(tx, [absence.absence_id for absence in absences])
        return len(absences)

    return await runtime.run(work)


async def escalate_late(runtime: Runtime, house: House) -> int:
    """Tasks past their deadline go to the lead's list, before everything in time; returns how many."""

    async def work(tx: Tx) -> int:
        late = await lock_late(tx, _BATCH)
        points = house.rulebook.work.on(house.today(tx.now)).policy.score.late
        await save_tasks(
            tx, [replace(state, escalated_at=tx.now, rank=state.rank - points) for state in late]
        )
        await add_history(tx, [HistoryEntry(state.task.task_id, tx.now, "escalated") for state in late])
        return len(late)

    return await runtime.run(work)


async def end_leases(runtime: Runtime) -> int:
    """What was taken in hand and not done in time is nobody's hand again; returns how many."""

    async def work(tx: Tx) -> int:
        ended = await lock_ended_leases(tx, _BATCH)
        await save_tasks(tx, [replace(state, claimed_by=(), lease_until=None) for state in ended])
        await add_history(tx, [HistoryEntry(state.task.task_id, tx.now, "lease_ended") for state in ended])
        return len(ended)

    return await runtime.run(work)


async def end_missed_appointments(runtime: Runtime) -> int:
    """Call-backs nobody made in time are over, and what waited for them goes on; returns how many."""

    async def work(tx: Tx) -> int:
        borrowers = await lock_missed_borrowers(tx, _BATCH)
        missed = [
            state
            for state in await open_tasks_of(tx, borrowers)
            if state.task.kind == "call_back" and _is_over(state, tx) and not state.holders(tx.now)
        ]
        await end_tasks(tx, missed, TaskStatus.EXPIRED, MISSED)
        return len(missed)

    return await runtime.run(work)


def _is_over(state: TaskState, tx: Tx) -> bool:
    return state.task.sla_at is not None and state.task.sla_at <= tx.now
