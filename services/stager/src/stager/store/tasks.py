"""Keeps tasks and their history; the caller has locked their borrowers, or locks the task itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any, Final

from spine.database import Tx
from stager.domain.tasks import HistoryEntry, Task, TaskState, TaskStatus
from stager.store.rows import Rows
from stager.tables.work import TASK, TASK_HISTORY

#: What whoever opens a task says of it; the rest is what became of it.
_OF_TASK: Final = frozenset(field.name for field in fields(Task))
_TASKS: Final = Rows(TASK, without={"retry_at"}, paths={name: f"task.{name}" for name in _OF_TASK})
_HISTORY: Final = Rows(TASK_HISTORY, without={"entry"})
_INSERT: Final = f"""
    INSERT INTO task ({_TASKS.columns}) SELECT {_TASKS.selected} FROM {_TASKS.source}
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
    rows = await tx.execute(_INSERT, **_TASKS.parameters(tasks))
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
