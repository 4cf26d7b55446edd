"""Entries of work that people did: a call or a visit that a task asked for, once it was made."""

from __future__ import annotations

import uuid

from contact_log.domain.entry import ContactId, Direction, Entry, contact_id
from contact_log.domain.report import ReportedOutcome, Sign, recording_flag
from spine.events.tasks import TaskClosed

_OUTCOMES = frozenset(ReportedOutcome)
_SIGNS = frozenset(Sign)
_NOBODY = "unknown"


def task_entry(fact: TaskClosed, *, source: str, source_id: str) -> Entry | None:
    """The entry of a contact that was made for a task; None for a task that ended without one."""
    if fact.end != "done" or fact.channel is None or fact.outcome is None or fact.at is None:
        return None
    sign = fact.result if fact.result in _SIGNS else None
    return Entry(
        contact_id=_contact_id(fact),
        borrower_id=fact.borrower_id,
        loan_id=fact.loan_id,
        channel=fact.channel,
        direction=Direction(fact.direction),
        outcome=_outcome(fact),
        at=fact.at,
        source=source,
        source_id=source_id,
        purpose="collection",
        stage=fact.stage,
        step=fact.kind,
        code=sign,
        reported_by=", ".join(fact.by) or _NOBODY,
        task_id=fact.task_id,
        permit_id=fact.permit_id,
        recording_ref=fact.recording_ref,
        verified=fact.verified,
        flag=recording_flag(fact.channel, fact.outcome, fact.recording_ref),
    )


def _contact_id(fact: TaskClosed) -> ContactId:
    """The same id everywhere: what was said in it has had its effect where the task was done."""
    try:
        return ContactId(str(uuid.UUID(fact.contact_id or "")))
    except ValueError:
        return contact_id("task", fact.task_id)


def _outcome(fact: TaskClosed) -> str:
    """What came of it where that has a word of its own, else how it came out."""
    assert fact.outcome is not None
    if fact.result in _SIGNS:
        return ReportedOutcome.DANGER
    # Who refuses is not told with a task, so a refusal is reported on its own.
    known = fact.result in _OUTCOMES and fact.result != ReportedOutcome.REFUSAL
    return fact.result if known and fact.result is not None else fact.outcome
