"""Keeps what became of each occurrence of a step: asked for, answered, withdrawn or skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from spine.database import Tx
from stager.domain.cases import ContactStep
from stager.store.rows import Rows
from stager.tables.cases import CONTACT_REQUEST

_STEPS: Final = Rows(CONTACT_REQUEST, without={"outcome", "outcome_at"})
_INSERT: Final = f"""
    INSERT INTO contact_request ({_STEPS.columns}) SELECT {_STEPS.selected} FROM {_STEPS.source}
    ON CONFLICT DO NOTHING RETURNING request_id
"""  # noqa: S608 (column names of our own tables)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A contact that was asked for and not yet answered."""

    request_id: str
    loan_id: str
    borrower_id: str
    channel: str
    purpose: str


async def insert_steps(tx: Tx, steps: Sequence[ContactStep]) -> set[str]:
    """Keeps decided occurrences; returns the ids of those that were not decided before."""
    rows = await tx.execute(_INSERT, **_STEPS.parameters(steps))
    return {row.request_id for row in rows}


async def open_requests(tx: Tx, loan_ids: Sequence[str]) -> list[OpenRequest]:
    """The open requests of some loans, whose borrowers the caller has locked."""
    rows = await tx.execute(
        """
        SELECT r.request_id, r.loan_id, r.borrower_id, r.channel, r.purpose
        FROM unnest(CAST(:loans AS text[])) AS u(loan_id) JOIN contact_request AS r USING (loan_id)
        WHERE r.status = 'open' ORDER BY r.request_id
        """,
        loans=list(loan_ids),
    )
    return [OpenRequest(**row._mapping) for row in rows]


async def withdraw_requests(tx: Tx, reasons: Mapping[str, str]) -> None:
    """Marks requests as withdrawn, each with its reason."""
    await tx.execute(
        """
        UPDATE contact_request AS r SET status = 'withdrawn', reason = u.reason
        FROM unnest(CAST(:ids AS text[]), CAST(:reasons AS text[])) AS u(request_id, reason)
        WHERE r.request_id = u.request_id AND r.status = 'open'
        """,
        ids=list(reasons),
        reasons=list(reasons.values()),
    )


async def answer_requests(tx: Tx, answers: Mapping[str, tuple[str, datetime]]) -> None:
    """Keeps what the notifier says of messages by request: (outcome, at). An open request is then done.

    An older fact never replaces a newer one, and a request that was withdrawn stays withdrawn.
    """
    await tx.execute(
        """
        UPDATE contact_request AS r
        SET outcome = u.outcome, outcome_at = u.at,
            status = CASE r.status WHEN 'open' THEN 'done' ELSE r.status END
        FROM unnest(CAST(:ids AS text[]), CAST(:outcomes AS text[]), CAST(:ats AS timestamptz[]))
             AS u(request_id, outcome, at)
        WHERE r.request_id = u.request_id AND (r.outcome_at IS NULL OR r.outcome_at <= u.at)
        """,
        ids=list(answers),
        outcomes=[outcome for outcome, _ in answers.values()],
        ats=[at for _, at in answers.values()],
    )
