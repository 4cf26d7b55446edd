"""What a person has to do for a case, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TaskStatus(StrEnum):
    """`cancelled`: no longer wanted. `expired`: its time passed without anyone doing it."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Task:
    """Something to do for a loan of a case, under an id that what it is about gives: twice is once.

    `people`: how many do it together. `sla_at`: when it is late and goes to the lead. `skill`, `region`: who is
    fit for it. `priority` is added to its score. `reason` is said to those who do it, `origin` names what it comes
    from. What is None or 1 here is filled in by the work policy and by what is known of the borrower.
    """

    task_id: str
    kind: str
    borrower_id: str
    loan_id: str
    case_id: str
    due_at: datetime
    sla_at: datetime | None = None
    stage: str | None = None
    step: str | None = None
    people: int = 1
    skill: str | None = None
    region: str | None = None
    priority: int = 0
    reason: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task with what became of it. `rank` is its score below zero; `claimed_by` counts until `lease_until`."""

    task: Task
    locale: str | None
    rank: int
    policy_digest: str
    opened_at: datetime
    status: TaskStatus = TaskStatus.OPEN
    assignee: str | None = None
    agency_id: str | None = None
    claimed_by: tuple[str, ...] = ()
    lease_until: datetime | None = None
    escalated_at: datetime | None = None
    notice_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: tuple[str, ...] = ()
    end_reason: str | None = None
    completion: str | None = None

    def holders(self, now: datetime) -> tuple[str, ...]:
        """Who has it in hand: nobody once the lease is over."""
        return self.claimed_by if self.lease_until is not None and now < self.lease_until else ()


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that happened to a task: opened, claimed, handed over ..."""

    task_id: str
    at: datetime
    what: str
    by: str | None = None
    to_member: str | None = None
    note: str | None = None
