"""What members do with a task before it is done: take it in hand, put it back, hand it over, give notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from spine.database import Tx
from spine.errors import BadRequest
from stager.domain.task_rules import check_open, check_sees, claimed, handed_over, released
from stager.domain.tasks import HistoryEntry, TaskState
from stager.policy import House
from stager.store.tasks import add_history, lock_task, save_tasks
from stager.store.team import member


async def claim(tx: Tx, house: House, task_id: str, by: str) -> TaskState:
    """A member takes a task in hand; of two at once one does. Again: the lease begins anew.

    Raises TaskClaimed, TaskOfAnother, TaskEnded (409), NotAllowed (403), NotFound.
    """
    who = await member(tx, by)
    state = await lock_task(tx, task_id)
    lease = timedelta(minutes=house.rulebook.work.on(house.today(tx.now)).policy.lease_minutes)
    new = by not in state.holders(tx.now)
    taken = claimed(state, who, tx.now, lease)
    await save_tasks(tx, [taken])
    if new:
        await add_history(tx, [HistoryEntry(task_id, tx.now, "claimed", by)])
    return taken


async def release(tx: Tx, task_id: str, by: str) -> TaskState:
    """A member puts a task back. Raises TaskNotClaimed, TaskEnded."""
    who = await member(tx, by)
    return await _change(tx, task_id, "released", by, lambda state: released(state, who, tx.now))


async def hand_over(tx: Tx, task_id: str, by: str, to: str, note: str) -> TaskState:
    """A member, or a lead for them, gives a task to another; the history goes with it.

    Raises TaskOfAnother, TaskEnded (409), NotAllowed (403).
    """
    who, other = await member(tx, by), await member(tx, to)
    return await _change(
        tx, task_id, "handed_over", by, lambda state: handed_over(state, who, other), to=to, note=note
    )


async def give_notice(tx: Tx, house: House, task_id: str, by: str, at: datetime) -> TaskState:
    """The person was told of a visit at this instant. Raises BadRequest for a later one or no visit, TaskEnded."""
    who = await member(tx, by)
    if at > tx.now:
        raise BadRequest("at: notice is on record after it was given", field="at")
    policy = house.rulebook.work.on(house.today(tx.now)).policy

    def noticed(state: TaskState) -> TaskState:
        check_sees(state, who)
        check_open(state)
        if not policy.kind(state.task.kind).notice_day_before:
            raise BadRequest(f"a task {state.task.kind} needs no notice", field="at")
        return replace(state, notice_at=min(at, state.notice_at or at))

    return await _change(tx, task_id, "notice_given", by, noticed)


async def _change(
    tx: Tx,
    task_id: str,
    what: str,
    by: str,
    change: Callable[[TaskState], TaskState],
    *,
    to: str | None = None,
    note: str | None = None,
) -> TaskState:
    changed = change(await lock_task(tx, task_id))
    await save_tasks(tx, [changed])
    await add_history(tx, [HistoryEntry(task_id, tx.now, what, by, to, note)])
    return changed
