"""Work for people: tasks are opened by what happens, and cancelled when it is no longer wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from spine.database import Tx
from spine.envelope import Envelope
from spine.outbox import emit
from stager.domain.tasks import HistoryEntry, Task, TaskState, TaskStatus
from stager.emits import tasks as emits
from stager.policy import House
from stager.store.tasks import add_history, insert_tasks, lock_open_tasks, save_tasks

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
    states = [
        TaskState(task, locale=None, rank=-task.priority, policy_digest="", opened_at=tx.now)
        for task in unique.values()
    ]
    fresh = await insert_tasks(tx, states)
    opened = [state for state in states if state.task.task_id in fresh]
    await add_history(
        tx, [HistoryEntry(state.task.task_id, tx.now, "opened", note=state.task.reason) for state in opened]
    )
    for state in opened:
        emit(tx, emits.task_opened(state, None), cause=causes.get(state.task.task_id))
    return fresh


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
