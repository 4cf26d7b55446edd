"""Tasks are opened once under their id and cancelled when they are no longer wanted."""

from __future__ import annotations

from datetime import date, timedelta

from spine.database import Tx
from stager.domain.cases import stable_id
from stager.domain.tasks import Task
from stager.handlers.tasks import cancel_tasks, open_tasks
from stager.store.parties import lock_parties
from tests.stager.figures import DUE_ON, loan_overdue
from tests.stager.people import house_of
from tests.stager.stand import Stand

DAY = timedelta(days=1)


async def a_case(stager: Stand, loan_id: str = "L1", borrower_id: str = "B1", days: int = 5) -> str:
    as_of: date = DUE_ON + days * DAY
    await stager.tell(loan_overdue(loan_id, borrower_id, as_of=as_of))
    await stager.close(as_of - DAY)
    [row] = await stager.rows("SELECT case_id FROM collection_case WHERE borrower_id = :b", b=borrower_id)
    return str(row.case_id)


def a_task(stager: Stand, case_id: str, what: str = "t1", kind: str = "call") -> Task:
    return Task(
        task_id=stable_id("task", what),
        kind=kind,
        borrower_id="B1",
        loan_id="L1",
        case_id=case_id,
        due_at=stager.local(DUE_ON + 5 * DAY, 10),
        stage="S1",
    )


async def opened(stager: Stand, *tasks: Task) -> set[str]:
    async def work(tx: Tx) -> set[str]:
        await lock_parties(tx, sorted({task.borrower_id for task in tasks}), stager.runtime.zone)
        return await open_tasks(tx, tasks, house_of(stager))

    return await stager.runtime.run(work)


async def test_a_task_is_opened_once(stager: Stand) -> None:
    task = a_task(stager, await a_case(stager))
    assert await opened(stager, task, task) == {task.task_id}
    assert await opened(stager, task) == set()
    [told] = await stager.said("task.opened.v1")
    assert (told["task_id"], told["kind"], told["loan_id"]) == (task.task_id, "call", "L1")


async def test_tasks_no_longer_wanted_are_cancelled_by_kind(stager: Stand) -> None:
    case_id = await a_case(stager)
    call, visit = a_task(stager, case_id), a_task(stager, case_id, "t2", "visit")
    await opened(stager, call, visit)

    async def cancel(kinds: set[str] | None) -> set[str]:
        async def work(tx: Tx) -> set[str]:
            await lock_parties(tx, ["B1"], stager.runtime.zone)
            return await cancel_tasks(tx, ["L1"], "cured", kinds=kinds)

        return await stager.runtime.run(work)

    assert await cancel({"visit"}) == {visit.task_id}
    assert await cancel(None) == {call.task_id}
    assert await cancel(None) == set()
    told = await stager.said("task.closed.v1")
    assert [(one["task_id"], one["end"], one["reason"]) for one in told] == [
        (visit.task_id, "cancelled", "cured"),
        (call.task_id, "cancelled", "cured"),
    ]
    # What ended is not opened again.
    assert await opened(stager, call) == set()
