"""Keeps what was decided and why, and finds it again by its subject or by the loans it was about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from spine.database import Tx
from stager.domain.decision import Decision
from stager.store.rows import Rows
from stager.tables.actions import DECISION

_DECISIONS: Final = Rows(DECISION)
_KEEP: Final = f"""
    INSERT INTO decision ({_DECISIONS.columns}) SELECT {_DECISIONS.selected} FROM {_DECISIONS.source}
    ON CONFLICT (decision_id) DO NOTHING
"""  # noqa: S608 (column names of our own tables)
_COLUMNS: Final = ", ".join(f"d.{name}" for name in _DECISIONS.names)


async def keep_decisions(tx: Tx, decisions: Sequence[Decision]) -> None:
    """Keeps decisions; one that is kept already stays as it was. The policies are kept by `keep_policies`."""
    if decisions:
        await tx.execute(_KEEP, **_DECISIONS.parameters(decisions))


async def decisions_of(tx: Tx, subject_kind: str, subject_id: str) -> list[Decision]:
    """What was decided of one subject, oldest first."""
    rows = await tx.execute(
        f"""
        SELECT {_COLUMNS} FROM decision AS d WHERE d.subject_kind = :kind AND d.subject_id = :subject
        ORDER BY d.decided_at, d.decision_id
        """,  # noqa: S608
        kind=subject_kind,
        subject=subject_id,
    )
    return [_decision(row) for row in rows]


async def decisions_about(
    tx: Tx,
    borrower_id: str,
    loan_ids: Sequence[str],
    *,
    since: datetime,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Decision]:
    """The newest decisions about these loans of a borrower, made at or after `since`, and older than `before`:
    (decided_at, id)."""
    rows = await tx.execute(
        f"""
        SELECT {_COLUMNS} FROM decision AS d
        WHERE d.borrower_id = :borrower AND d.decided_at >= :since
          AND (d.loan_id IS NULL OR d.loan_id = ANY(CAST(:loans AS text[])))
          AND (d.decided_at, d.decision_id)
              < (coalesce(CAST(:before_at AS timestamptz), 'infinity'), CAST(:before_id AS text))
        ORDER BY d.decided_at DESC, d.decision_id DESC LIMIT :limit
        """,  # noqa: S608
        borrower=borrower_id,
        since=since,
        loans=list(loan_ids),
        before_at=before[0] if before else None,
        before_id=before[1] if before else "",
        limit=limit,
    )
    return [_decision(row) for row in rows]


def _decision(row: Any) -> Decision:
    return Decision(**{**row._mapping, "policy_digests": tuple(row.policy_digests)})
