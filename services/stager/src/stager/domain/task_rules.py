"""What may be done to a task, by whom: refusals, each under its own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from spine.errors import BadRequest, Conflict, NotFound
from stager.domain.tasks import TaskState, TaskStatus
from stager.domain.team import Member, NotAllowed, Role


class TaskEnded(Conflict):
    """The task has ended; GET /v1/tasks/{id} says how."""

    code = "task_ended"


class TaskClaimed(Conflict):
    """Somebody else has the task in hand; take another one, or wait until the lease is over."""

    code = "task_claimed"


class TaskNotClaimed(Conflict):
    """Claim the task first: what is done to it is done by those who have it in hand."""

    code = "task_not_claimed"


class TaskOfAnother(Conflict):
    """The task is another member's; they hand it over, or a lead does."""

    code = "task_of_another"


class AgentsMissing(Conflict):
    """This takes several named agents together; each of them claims it."""

    code = "agents_missing"


class NoticeMissing(Conflict):
    """The person has to be told of a visit the day before; POST /v1/tasks/{id}/notice says when they were."""

    code = "notice_missing"


class DocumentMissing(Conflict):
    """The document of the task was not made: POST /v1/cases/{id}/documents makes it, then the task can be done."""

    code = "document_missing"


class NotVerified(Conflict):
    """Nothing is agreed with somebody who was not verified by name and one further item."""

    code = "not_verified"


class OutcomeNotAllowed(BadRequest):
    """This outcome or result does not go with the kind of task, the channel or each other."""

    code = "outcome_not_allowed"


class ResultIncomplete(BadRequest):
    """The result needs more to be said; the field is named."""

    code = "result_incomplete"


class OutsideHours(BadRequest):
    """A call-back is agreed for a later time, inside hours and not too far ahead."""

    code = "outside_hours"


def check_sees(state: TaskState, member: Member | None) -> None:
    """Raises NotFound for a task of a case that is not placed with the member's agency."""
    if member is not None and not member.sees(state.agency_id):
        raise NotFound(f"no task {state.task.task_id}", task_id=state.task.task_id)


def check_open(state: TaskState) -> None:
    """Raises TaskEnded."""
    if state.status is not TaskStatus.OPEN:
        raise TaskEnded(f"task {state.task.task_id} is {state.status}", task_id=state.task.task_id)


def check_skilled(state: TaskState, member: Member) -> None:
    """Raises NotAllowed unless the member has the skill and a role that does such work."""
    if state.task.skill is not None and state.task.skill not in member.skills:
        raise NotAllowed(
            f"member {member.member_id} lacks the skill {state.task.skill}", skill=state.task.skill
        )
    if member.roles.isdisjoint({Role.COLLECTOR, Role.LEAD, Role.COMPLIANCE, Role.AGENCY}):
        raise NotAllowed(
            f"member {member.member_id} does not do tasks", needs=[Role.COLLECTOR.value, Role.LEAD.value]
        )


def claimed(state: TaskState, member: Member, now: datetime, lease: timedelta) -> TaskState:
    """The task in the member's hand, or there for longer. Raises what stands against it.

    What is assigned to a member is theirs to claim, a lead's or - where several do it - of those who join them.
    """
    check_sees(state, member)
    check_open(state)
    check_skilled(state, member)
    holders = state.holders(now)
    joins = 0 < len(holders) < state.task.people
    other = state.assignee not in (None, member.member_id)
    if other and not joins and member.member_id not in holders and Role.LEAD not in member.roles:
        raise TaskOfAnother(f"task {state.task.task_id} is {state.assignee}'s", assignee=state.assignee)
    if member.member_id not in holders:
        if len(holders) >= state.task.people:
            raise TaskClaimed(f"task {state.task.task_id} is in hand", claimed_by=list(holders))
        holders = (*holders, member.member_id)
    return replace(
        state,
        claimed_by=holders,
        lease_until=now + lease,
        assignee=state.assignee or member.member_id,
    )


def released(state: TaskState, member: Member, now: datetime) -> TaskState:
    """The task out of the member's hand. Raises TaskEnded, TaskNotClaimed."""
    check_sees(state, member)
    check_open(state)
    if member.member_id not in state.holders(now):
        raise TaskNotClaimed(
            f"member {member.member_id} does not have it in hand", task_id=state.task.task_id
        )
    left = tuple(holder for holder in state.claimed_by if holder != member.member_id)
    return replace(state, claimed_by=left, lease_until=state.lease_until if left else None)


def handed_over(state: TaskState, by: Member, to: Member) -> TaskState:
    """The task as another member's. Raises TaskEnded, TaskOfAnother, NotAllowed."""
    check_sees(state, by)
    check_sees(state, to)
    check_open(state)
    if state.assignee not in (None, by.member_id) and Role.LEAD not in by.roles:
        raise TaskOfAnother(f"task {state.task.task_id} is {state.assignee}'s", assignee=state.assignee)
    check_skilled(state, to)
    return replace(state, assignee=to.member_id, claimed_by=(), lease_until=None)
