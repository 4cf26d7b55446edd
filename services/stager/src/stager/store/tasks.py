"""Keeps tasks and their history; the caller has locked their borrowers, or locks the task itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any, Final

from spine.database import Tx
from spine.errors import NotFound
from stager.domain.tasks import HistoryEntry, Task, TaskState, TaskStatus
from stager.store.rows import Rows
from stager.tables.work import TASK, TASK_HISTORY

#: What whoever opens a task says of it; the rest is what became of it.
_OF_TASK: Final = frozenset(field.name for field in fields(Task))
_PATHS: Final = {name: f"task.{name}" for name in _OF_TASK}
_TASKS: Final = Rows(TASK, without={"retry_at"}, paths=_PATHS)
#: A new task is looked at at once by whoever gives out work.
_NEW: Final = Rows(TASK, paths={**_PATHS, "retry_at": "opened_at"})
_HISTORY: Final = Rows(TASK_HISTORY, without={"entry"})
_INSERT: Final = f"""
    INSERT INTO task ({_NEW.columns}) SELECT {_NEW.selected} FROM {_NEW.source}
    ON CONFLICT (task_id) DO NOTHING RETURNING task_id
"""  # noqa: S608 (column names of our own tables)
_UPDATE: Final = f"""
    UPDATE task AS t SET {_TASKS.updates({"task_id"})} FROM {_TASKS.source} WHERE t.task_id = u.task_id
"""  # noqa: S608
_ADD_HISTORY: Final = f"""
    INSERT INTO task_history ({_HISTORY.columns}) SELECT {_HISTORY.selected} FROM {_HISTORY.source}
"""  # noqa: S608
SELECT: Final = f"SELECT {', '.join(f't.{name}' for name in _TASKS.names)} FROM task AS t"  # noqa: S608


def task_of(row: Any) -> TaskState:
    """A task from its row."""
    values = dict(row._mapping)
    task = Task(**{name: values.pop(name) for name in _OF_TASK})
    return TaskState(
        task,
        **{
            **values,
            "status": TaskStatus(values["status"]),
            "claimed_by": tuple(values["claimed_by"]),
            "closed_by": tuple(values["closed_by"]),
        },
    )


async def insert_tasks(tx: Tx, tasks: Sequence[TaskState]) -> set[str]:
    """Keeps new tasks; returns the ids that were not there before."""
    rows = await tx.execute(_INSERT, **_NEW.parameters(tasks))
    return {row.task_id for row in rows}


async def save_tasks(tx: Tx, tasks: Sequence[TaskState]) -> None:
    """Keeps tasks as they are now."""
    if tasks:
        await tx.execute(_UPDATE, **_TASKS.parameters(tasks))


async def add_history(tx: Tx, entries: Sequence[HistoryEntry]) -> None:
    """Adds what happened to tasks."""
    if entries:
        await tx.execute(_ADD_HISTORY, **_HISTORY.parameters(entries))


async def lock_open_tasks(
    tx: Tx, loan_ids: Collection[str], kinds: Collection[str] | None = None
) -> list[TaskState]:
    """The open tasks of these loans, locked; of these kinds when some are given."""
    rows = await tx.execute(
        f"""
        {SELECT}
        WHERE t.status = 'open' AND t.loan_id IN (SELECT unnest(CAST(:loans AS text[])))
          AND t.borrower_id IN (
              SELECT e.borrower_id
              FROM unnest(CAST(:loans AS text[])) AS u(loan_id) JOIN episode AS e USING (loan_id))
          AND (CAST(:kinds AS text[]) IS NULL OR t.kind = ANY(CAST(:kinds AS text[])))
        ORDER BY t.task_id FOR UPDATE OF t
        """,  # noqa: S608 (column names of our own tables)
        loans=sorted(loan_ids),
        kinds=sorted(kinds) if kinds is not None else None,
    )
    return [task_of(row) for row in rows]


async def find_task(tx: Tx, task_id: str) -> TaskState:
    """A task. Raises NotFound."""
    row = (await tx.execute(f"{SELECT} WHERE t.task_id = :id", id=task_id)).one_or_none()
    if row is None:
        raise NotFound(f"no task {task_id}", task_id=task_id)
    return task_of(row)


async def lock_task(tx: Tx, task_id: str) -> TaskState:
    """A task, locked against all others who want it. Raises NotFound."""
    row = (await tx.execute(f"{SELECT} WHERE t.task_id = :id FOR UPDATE", id=task_id)).one_or_none()
    if row is None:
        raise NotFound(f"no task {task_id}", task_id=task_id)
    return task_of(row)


async def history_of(tx: Tx, task_id: str) -> list[HistoryEntry]:
    """What happened to a task, in order."""
    rows = await tx.execute(
        "SELECT task_id, at, what, by, to_member, note FROM task_history WHERE task_id = :id ORDER BY entry",
        id=task_id,
    )
    return [HistoryEntry(**row._mapping) for row in rows]


async def tasks_of_case(tx: Tx, case_id: str) -> list[TaskState]:
    """The tasks of a case, open ones first, then the newest."""
    rows = await tx.execute(
        f"{SELECT} WHERE t.case_id = :case ORDER BY t.closed_at DESC NULLS FIRST, t.rank, t.task_id",
        case=case_id,
    )
    return [task_of(row) for row in rows]


async def thanked_loans(tx: Tx, loan_ids: Collection[str]) -> dict[str, str]:
    """The newest task by which a person was thanked for each of these loans, of those for which it was done."""
    rows = await tx.execute(
        """
        SELECT DISTINCT ON (t.loan_id) t.loan_id, t.task_id
        FROM unnest(CAST(:loans AS text[])) AS u(loan_id) JOIN episode AS e USING (loan_id)
        JOIN task AS t ON t.case_id IN (
            SELECT c.case_id FROM collection_case AS c WHERE c.borrower_id = e.borrower_id)
        WHERE t.loan_id = u.loan_id AND t.kind = 'after_cure' AND t.reason = 'thanks' AND t.status = 'done'
        ORDER BY t.loan_id, t.closed_at DESC, t.task_id
        """,
        loans=sorted(loan_ids),
    )
    return {row.loan_id: row.task_id for row in rows}


async def open_tasks_of(tx: Tx, borrower_ids: Sequence[str]) -> list[TaskState]:
    """The open tasks of borrowers, locked."""
    rows = await tx.execute(
        f"""
        {SELECT} JOIN unnest(CAST(:ids AS text[])) AS u(borrower_id) USING (borrower_id)
        WHERE t.status = 'open' ORDER BY t.task_id FOR UPDATE OF t
        """,
        ids=sorted(set(borrower_ids)),
    )
    return [task_of(row) for row in rows]


async def lock_late(tx: Tx, limit: int) -> list[TaskState]:
    """Tasks past their deadline that the lead does not see yet, locked; those others work on are left out."""
    rows = await tx.execute(
        f"""
        {SELECT}
        WHERE t.status = 'open' AND t.escalated_at IS NULL AND t.sla_at <= :now AND t.kind <> 'call_back'
        ORDER BY t.sla_at LIMIT :limit FOR UPDATE SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    return [task_of(row) for row in rows]


async def lock_ended_leases(tx: Tx, limit: int) -> list[TaskState]:
    """Tasks in hand whose lease is over, locked; those others work on are left out."""
    rows = await tx.execute(
        f"""
        {SELECT} WHERE t.status = 'open' AND t.lease_until <= :now
        ORDER BY t.lease_until LIMIT :limit FOR UPDATE SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    return [task_of(row) for row in rows]


async def lock_missed_borrowers(tx: Tx, limit: int) -> list[str]:
    """Whose appointments passed without anyone having them in hand: their party rows, locked."""
    rows = await tx.execute(
        """
        SELECT p.borrower_id FROM party AS p WHERE p.borrower_id IN (
            SELECT borrower_id FROM task
            WHERE status = 'open' AND kind = 'call_back' AND sla_at <= :now
              AND (lease_until IS NULL OR lease_until <= :now)
            ORDER BY sla_at LIMIT :limit)
        ORDER BY p.borrower_id FOR UPDATE SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    return [row.borrower_id for row in rows]
