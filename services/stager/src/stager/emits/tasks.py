"""People's work as events: tasks opened, and how they ended."""

from __future__ import annotations

from spine.events.tasks import TaskClosed, TaskOpened
from stager.domain.cases import stable_id
from stager.domain.completing import NONE, Completion
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


def contact_of(task_id: str) -> str:
    """The id under which the contact made for a task is kept everywhere."""
    return stable_id("contact", task_id)


def task_done(state: TaskState, said: Completion) -> TaskClosed:
    """The event of a task that was done; what was a contact says so, about the loan it was about."""
    if state.closed_at is None:
        raise ValueError(f"task {state.task.task_id} has not ended")
    task = state.task
    return TaskClosed(
        borrower_id=task.borrower_id,
        loan_id=said.loan_id,
        case_id=task.case_id,
        task_id=task.task_id,
        kind=task.kind,  # type: ignore[arg-type]
        end="done",
        closed_at=state.closed_at,
        by=said.by,
        stage=task.stage,
        channel=said.channel,
        direction=said.direction,
        outcome=said.outcome,
        result=said.result if said.result != NONE else None,
        at=said.at,
        verified=said.verified,
        contact_id=contact_of(task.task_id) if said.outcome is not None else None,
        permit_id=said.permit_id,
        recording_ref=said.recording_ref,
    )
