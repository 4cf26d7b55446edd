"""A task is done: its outcome and all that follows from it, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from msgspec.structs import replace as with_

from spine.database import Tx
from spine.errors import BadRequest
from spine.outbox import emit
from stager.domain.cases import stable_id
from stager.domain.completing import Completion, check_hands, check_notice, check_said
from stager.domain.task_rules import TaskEnded, check_open, check_sees, check_skilled
from stager.domain.tasks import HistoryEntry, Task, TaskState, TaskStatus
from stager.emits import tasks as emits
from stager.handlers.document_tasks import check_document
from stager.handlers.followers import tasks_done
from stager.handlers.results import follow
from stager.handlers.tasks import open_tasks
from stager.policy import House
from stager.store.agencies import check_sees as check_sees_case
from stager.store.cases import loans_of_case
from stager.store.parties import lock_parties
from stager.store.tasks import add_history, find_task, lock_task, save_tasks
from stager.store.team import member
from stager.store.worklist import offer_waiting

#: A task done makes room for one more; what waits longest in score is offered, with some to spare.
_OFFERED = 10


async def complete(tx: Tx, house: House, task_id: str, given: Completion) -> tuple[TaskState, bool]:
    """Ends a task as done; the task, and whether it is done by this.

    Said again the same way it stays done. Raises TaskEnded, TaskNotClaimed, AgentsMissing, NoticeMissing,
    DocumentMissing, NotVerified (409), NotAllowed (403), OutcomeNotAllowed, ResultIncomplete, OutsideHours (422),
    and as `open_promise`.
    """
    who = [await member(tx, by) for by in given.by]
    found = await find_task(tx, task_id)
    zones = await lock_parties(tx, [found.task.borrower_id], house.zone)
    zone = zones[found.task.borrower_id]
    state = await lock_task(tx, task_id)
    for one in who:
        check_sees(state, one)
    given = await _about(tx, state, given)
    policy = house.rulebook.work.on(house.today(tx.now)).policy
    channel = policy.kind(state.task.kind).contact
    given = with_(given, channel=channel) if channel is not None else given
    if state.status is TaskStatus.DONE:
        if state.completion == check_said(given, policy, state.closed_at or tx.now, zone).text():
            return state, False
        raise TaskEnded(f"task {task_id} was done otherwise", task_id=task_id)
    check_open(state)
    for one in who:
        check_skilled(state, one)
    check_hands(state, given.by, tx.now)
    said = check_said(given, policy, tx.now, zone)
    if channel is not None and said.outcome is None:
        raise BadRequest(f"outcome: a {state.task.kind} has one", field="outcome")
    if said.at is not None:
        check_notice(state, said.at, policy, zone)
    await check_document(tx, state.task)
    return await _done(tx, house, state, said, zone), True


async def record_inbound(
    tx: Tx, house: House, case_id: str, given: Completion, key: str
) -> tuple[TaskState, bool]:
    """Somebody called in: it is on record as a call that was done, and what was said has its effects.

    It counts in no cadence. `key` makes a repeat the same call. Raises as `complete` does, and NotFound.
    """
    who = [await member(tx, by) for by in given.by]
    borrower_id, loans = await loans_of_case(tx, case_id)
    for one in who:
        await check_sees_case(tx, one, case_id)
    if given.loan_id not in loans:
        raise BadRequest(f"loan_id: loan {given.loan_id} is not in case {case_id}", field="loan_id")
    zones = await lock_parties(tx, [borrower_id], house.zone)
    policy = house.rulebook.work.on(house.today(tx.now)).policy
    task_id = stable_id("task", "inbound", case_id, key)
    new = Task(
        task_id=task_id,
        kind="call",
        borrower_id=borrower_id,
        loan_id=given.loan_id,
        case_id=case_id,
        due_at=given.at or tx.now,
        reason="inbound",
        origin=key,
    )
    fresh = await open_tasks(tx, [new], house)
    state = await lock_task(tx, task_id)
    if not fresh:
        if (
            state.completion
            == check_said(given, policy, state.closed_at or tx.now, zones[borrower_id]).text()
        ):
            return state, False
        raise TaskEnded("this Idempotency-Key was used for another call", task_id=task_id)
    for one in who:
        check_skilled(state, one)
    said = check_said(given, policy, tx.now, zones[borrower_id])
    return await _done(tx, house, state, said, zones[borrower_id]), True


async def _about(tx: Tx, state: TaskState, given: Completion) -> Completion:
    """The completion with the loan it is about, which is one of the case's. Raises BadRequest."""
    if given.loan_id and given.loan_id != state.task.loan_id:
        _, loans = await loans_of_case(tx, state.task.case_id)
        if given.loan_id not in loans:
            raise BadRequest(
                f"loan_id: loan {given.loan_id} is not in case {state.task.case_id}", field="loan_id"
            )
        return given
    return with_(given, loan_id=state.task.loan_id)


async def _done(tx: Tx, house: House, state: TaskState, said: Completion, zone: ZoneInfo) -> TaskState:
    done = replace(
        state,
        status=TaskStatus.DONE,
        closed_at=tx.now,
        closed_by=said.by,
        claimed_by=(),
        lease_until=None,
        completion=said.text(),
    )
    await save_tasks(tx, [done])
    await add_history(
        tx, [HistoryEntry(state.task.task_id, tx.now, "done", ", ".join(said.by), note=said.outcome)]
    )
    emit(tx, emits.task_done(done, said))
    await tasks_done(tx, {state.task.task_id: said.at or tx.now}, house)
    await follow(tx, house, done, said)
    await offer_waiting(tx, _OFFERED)
    return done
