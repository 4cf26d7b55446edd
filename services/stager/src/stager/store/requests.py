"""Keeps what became of each occurrence of a step: asked for, answered, withdrawn, given to a person or skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from spine.database import Tx
from stager.domain.cases import ContactStep, StepTimer
from stager.store.rows import Rows
from stager.tables.cases import CONTACT_REQUEST

_STEPS: Final = Rows(CONTACT_REQUEST, without={"outcome", "outcome_at"})
_INSERT: Final = f"""
    INSERT INTO contact_request ({_STEPS.columns}) SELECT {_STEPS.selected} FROM {_STEPS.source}
    ON CONFLICT DO NOTHING RETURNING request_id
"""  # noqa: S608 (column names of our own tables)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A contact that was asked for and not yet answered, or a person's task when `task_id` is given.

    `covers`: further loans it is about.
    """

    request_id: str
    loan_id: str
    borrower_id: str
    step: str
    channel: str
    purpose: str
    covers: tuple[str, ...] = ()
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class AnsweredStep:
    """A step whose contact is done, or known not to be, `at` this instant."""

    loan_id: str
    episode: int
    entry_no: int
    step: str
    borrower_id: str
    occurrence: int
    at: datetime


async def insert_steps(tx: Tx, steps: Sequence[ContactStep]) -> set[str]:
    """Keeps decided occurrences; returns the ids of those that were not decided before."""
    rows = await tx.execute(_INSERT, **_STEPS.parameters(steps))
    return {row.request_id for row in rows}


async def open_requests(tx: Tx, loan_ids: Sequence[str]) -> list[OpenRequest]:
    """The open requests and tasks of some loans, and those that are also about them; the caller has locked their
    borrowers."""
    rows = await tx.execute(
        """
        SELECT r.request_id, r.loan_id, r.borrower_id, r.step, r.channel, r.purpose, r.covers, r.task_id
        FROM unnest(CAST(:loans AS text[])) AS u(loan_id) JOIN contact_request AS r USING (loan_id)
        WHERE r.status IN ('open', 'tasked')
        UNION
        SELECT r.request_id, r.loan_id, r.borrower_id, r.step, r.channel, r.purpose, r.covers, r.task_id
        FROM contact_request AS r
        WHERE r.status IN ('open', 'tasked') AND r.covers <> '{}' AND r.covers && CAST(:loans AS text[])
        ORDER BY request_id
        """,
        loans=list(loan_ids),
    )
    return [OpenRequest(**{**row._mapping, "covers": tuple(row.covers)}) for row in rows]


async def withdraw_requests(tx: Tx, reasons: Mapping[str, str]) -> None:
    """Marks requests as withdrawn, each with its reason."""
    await tx.execute(
        """
        UPDATE contact_request AS r SET status = 'withdrawn', reason = u.reason
        FROM unnest(CAST(:ids AS text[]), CAST(:reasons AS text[])) AS u(request_id, reason)
        WHERE r.request_id = u.request_id AND r.status IN ('open', 'tasked')
        """,
        ids=list(reasons),
        reasons=list(reasons.values()),
    )


async def withdrawn_once_steps(tx: Tx, request_ids: Sequence[str], now: datetime) -> list[StepTimer]:
    """Of withdrawn contacts about several loans: the steps of loans still in the same stage that have no timer."""
    rows = await tx.execute(
        """
        SELECT r.loan_id, r.episode, r.entry_no, r.step, r.borrower_id, r.occurrence
        FROM unnest(CAST(:ids AS text[])) AS u(request_id)
        JOIN contact_request AS r ON r.request_id = u.request_id OR r.covered_by = u.request_id
        JOIN episode AS e ON (e.loan_id, e.episode, e.entry_no) = (r.loan_id, r.episode, r.entry_no)
        WHERE e.closed_on IS NULL AND (r.covers <> '{}' OR r.covered_by IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM step_timer AS t
                          WHERE (t.loan_id, t.episode, t.entry_no, t.step)
                              = (r.loan_id, r.episode, r.entry_no, r.step))
        ORDER BY r.loan_id, r.step
        """,
        ids=list(request_ids),
    )
    return [StepTimer(**row._mapping, due_at=now) for row in rows]


async def answer_requests(tx: Tx, answers: Mapping[str, tuple[str, datetime]]) -> list[AnsweredStep]:
    """Keeps what the notifier says of messages by request: (outcome, at). An open request is then done; returns
    the steps of those that were open. The caller has locked their borrowers.

    An older fact never replaces a newer one, and a request that was withdrawn stays withdrawn.
    """
    answered = await _finish(
        tx, {request_id: at for request_id, (_, at) in answers.items()}, "request_id", "open"
    )
    await tx.execute(
        """
        UPDATE contact_request AS r SET outcome = u.outcome, outcome_at = u.at
        FROM unnest(CAST(:ids AS text[]), CAST(:outcomes AS text[]), CAST(:ats AS timestamptz[]))
             AS u(request_id, outcome, at)
        WHERE r.request_id = u.request_id AND (r.outcome_at IS NULL OR r.outcome_at <= u.at)
        """,
        ids=list(answers),
        outcomes=[outcome for outcome, _ in answers.values()],
        ats=[at for _, at in answers.values()],
    )
    return answered


async def asked_of_cured(tx: Tx, request_ids: Sequence[str]) -> list[tuple[str, str, str]]:
    """(request, case, product) of those requests whose loans are still out of arrears."""
    rows = await tx.execute(
        """
        SELECT r.request_id, r.case_id, e.product
        FROM contact_request AS r JOIN episode AS e USING (loan_id, episode)
        WHERE r.request_id = ANY(CAST(:ids AS text[])) AND e.closed_on IS NOT NULL
        ORDER BY r.request_id
        """,
        ids=sorted(request_ids),
    )
    return [(row.request_id, row.case_id, row.product) for row in rows]


async def finish_tasked(tx: Tx, tasks: Mapping[str, datetime]) -> list[AnsweredStep]:
    """Steps whose tasks people have done at these instants, by task."""
    return await _finish(tx, tasks, "task_id", "tasked")


async def _finish(tx: Tx, done: Mapping[str, datetime], key: str, status: str) -> list[AnsweredStep]:
    rows = await tx.execute(
        f"""
        UPDATE contact_request AS r SET status = 'done'
        FROM unnest(CAST(:ids AS text[]), CAST(:ats AS timestamptz[])) AS u(id, at)
        WHERE r.{key} = u.id AND r.status = :status
        RETURNING r.loan_id, r.episode, r.entry_no, r.step, r.borrower_id, r.occurrence, u.at
        """,  # noqa: S608 (one of two column names)
        ids=list(done),
        ats=list(done.values()),
        status=status,
    )
    return [AnsweredStep(**row._mapping) for row in rows]


async def request_of_task(tx: Tx, task_id: str) -> str | None:
    """The request that became a task; None for tasks of no step."""
    rows = await tx.execute("SELECT request_id FROM contact_request WHERE task_id = :task", task=task_id)
    row = rows.one_or_none()
    return None if row is None else row.request_id


async def document_of_task(tx: Tx, task_id: str) -> str | None:
    """The document that the step of a task names; None for tasks of no step."""
    rows = await tx.execute("SELECT template FROM contact_request WHERE task_id = :task", task=task_id)
    row = rows.one_or_none()
    return None if row is None else row.template
