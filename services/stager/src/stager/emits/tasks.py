"""People's work as events: tasks opened, and how they ended."""

from __future__ import annotations

from spine.events.tasks import TaskClosed, TaskOpened
from stager.domain.tasks import TaskState


def task_opened(state: TaskState, policy: str | None) -> TaskOpened:
    """The event of a new task."""
    task = state.task
    return TaskOpened(
        borrower_id=task.borrower_id,
        loan_id=task.loan_id,
        case_id=task.case_id,
        task_id=task.task_id,
        kind=task.kind,  # type: ignore[arg-type]
        due_at=task.due_at,
        sla_at=task.sla_at,
        stage=task.stage,
        step=task.step,
        people=task.people,
        policy=policy,
    )


def task_closed(state: TaskState) -> TaskClosed:
    """The event of a task that ended without a contact: cancelled or expired, or done at a desk."""
    if state.closed_at is None:
        raise ValueError(f"task {state.task.task_id} has not ended")
    task = state.task
    return TaskClosed(
        borrower_id=task.borrower_id,
        loan_id=task.loan_id,
        case_id=task.case_id,
        task_id=task.task_id,
        kind=task.kind,  # type: ignore[arg-type]
        end=state.status.value,  # type: ignore[arg-type]
        closed_at=state.closed_at,
        by=state.closed_by,
        reason=state.end_reason,
        stage=task.stage,
    )
