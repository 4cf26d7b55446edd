"""What the REST door shows of people's work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from typing_extensions import TypedDict

from stager.domain.scoring import score_on
from stager.domain.tasks import HistoryEntry, TaskState
from stager.domain.work_policy import WorkPolicy


class TaskView(TypedDict):
    """A task. `score` is what the list is ordered by, on the business date; `claimed_by` who has it in hand."""

    task_id: str
    kind: str
    status: str
    score: int
    borrower_id: str
    loan_id: str
    case_id: str
    due_at: datetime
    sla_at: datetime | None
    stage: str | None
    step: str | None
    people: int
    skill: str | None
    region: str | None
    locale: str | None
    reason: str | None
    assignee: str | None
    agency_id: str | None
    claimed_by: list[str]
    lease_until: datetime | None
    escalated_at: datetime | None
    notice_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    closed_by: list[str]
    end_reason: str | None


class TaskPage(TypedDict):
    as_of: date
    items: list[TaskView]
    next_cursor: str | None


class HistoryView(TypedDict):
    """Something that happened to a task, and who did it; `to`: who got it."""

    at: datetime
    what: str
    by: str | None
    to: str | None
    note: str | None


class TaskFile(TaskView):
    """A task with its history and how it was done."""

    history: list[HistoryView]
    completion: dict[str, Any] | None
    policy: str | None


class CodeView(TypedDict):
    """An outcome or a result as people read it, by language."""

    code: str
    name: dict[str, str]


class OutcomeCode(CodeView):
    """`reached`: the right person was there, verified by name and one further item."""

    reached: bool


class ResultCode(CodeView):
    """What came of a contact: with which outcomes, what has to be said with it, and what it leads to."""

    outcomes: list[str]
    needs: list[str]
    leads_to: str | None


class Codes(TypedDict):
    """The codes of a channel."""

    channel: str
    outcomes: list[OutcomeCode]
    results: list[ResultCode]


def task_view(state: TaskState, policy: WorkPolicy, today: date, now: datetime) -> TaskView:
    """A task as a list shows it."""
    task = state.task
    return TaskView(
        task_id=task.task_id,
        kind=task.kind,
        status=state.status.value,
        score=score_on(state.rank, policy, today),
        borrower_id=task.borrower_id,
        loan_id=task.loan_id,
        case_id=task.case_id,
        due_at=task.due_at,
        sla_at=task.sla_at,
        stage=task.stage,
        step=task.step,
        people=task.people,
        skill=task.skill,
        region=task.region,
        locale=state.locale,
        reason=task.reason,
        assignee=state.assignee,
        agency_id=state.agency_id,
        claimed_by=list(state.holders(now)),
        lease_until=state.lease_until if state.holders(now) else None,
        escalated_at=state.escalated_at,
        notice_at=state.notice_at,
        opened_at=state.opened_at,
        closed_at=state.closed_at,
        closed_by=list(state.closed_by),
        end_reason=state.end_reason,
    )


def task_file(
    state: TaskState,
    history: Sequence[HistoryEntry],
    policy: WorkPolicy,
    today: date,
    now: datetime,
    reference: str | None,
) -> TaskFile:
    """A task with everything."""
    return TaskFile(
        **task_view(state, policy, today, now),
        history=[
            HistoryView(at=entry.at, what=entry.what, by=entry.by, to=entry.to_member, note=entry.note)
            for entry in history
        ],
        completion=msgspec.json.decode(state.completion) if state.completion is not None else None,
        policy=reference,
    )


def codes(policy: WorkPolicy, channel: str) -> Codes:
    """What may be said of a contact through a channel."""
    outcomes = {code: rule for code, rule in policy.outcomes.items() if channel in rule.channels}
    return Codes(
        channel=channel,
        outcomes=[
            OutcomeCode(code=code, name=rule.name, reached=rule.reached) for code, rule in outcomes.items()
        ],
        results=[
            ResultCode(
                code=code,
                name=rule.name,
                outcomes=[each for each in (rule.outcomes or tuple(outcomes)) if each in outcomes],
                needs=list(rule.needs),
                leads_to=rule.leads_to,
            )
            for code, rule in policy.results.items()
        ],
    )
