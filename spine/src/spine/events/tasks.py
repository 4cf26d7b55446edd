"""Work for people that the stager opens and closes: calls, visits, and what only a person can settle."""

from __future__ import annotations

from typing import Literal

from spine.events.registry import Event, Id, Instant, event
from spine.events.stager import STAGER, ContactChannel

TaskKind = Literal[
    "call",
    "visit",
    "call_back",
    "preparation",
    "verification",
    "claim_check",
    "document",
    "referral",
    "human_review",
    "danger_sign",
    "limitation",
    "credit_report",
    "after_cure",
]
TaskEnd = Literal["done", "cancelled", "expired"]
#: How a call or a visit came out, as every service and the contact policy names it.
TaskOutcome = Literal[
    "no_answer",
    "busy",
    "not_in_service",
    "rejected",
    "voicemail",
    "conversation",
    "not_verified",
    "wrong_person",
    "wrong_number",
]


@event(STAGER, "task.opened.v1")
class TaskOpened(Event, frozen=True, kw_only=True):
    """A person has something to do for a case; `people` so many at once (a visit needs two)."""

    borrower_id: Id
    loan_id: Id
    case_id: str
    task_id: str
    kind: TaskKind
    due_at: Instant
    sla_at: Instant | None = None
    stage: str | None = None
    step: str | None = None
    people: int = 1
    policy: str | None = None


@event(STAGER, "task.closed.v1")
class TaskClosed(Event, frozen=True, kw_only=True):
    """A task ended. What was a contact has a `channel`, an `outcome` and the instant it was made `at`.

    `result`: what came of it (promise, claim, dispute, hardship ...), in the words of the outcome codes.
    `contact_id`: under which that contact is kept everywhere. `verified`: the person was, before any figure was
    spoken. `by`: the opaque ids of those who did it. `recording_ref` points at the recording; it is not it.
    """

    borrower_id: Id
    loan_id: Id
    case_id: str
    task_id: str
    kind: TaskKind
    end: TaskEnd
    closed_at: Instant
    by: tuple[str, ...] = ()
    reason: str | None = None
    channel: ContactChannel | None = None
    direction: Literal["outbound", "inbound"] = "outbound"
    outcome: TaskOutcome | None = None
    result: str | None = None
    at: Instant | None = None
    contact_id: str | None = None
    verified: bool = False
    stage: str | None = None
    permit_id: str | None = None
    recording_ref: str | None = None
