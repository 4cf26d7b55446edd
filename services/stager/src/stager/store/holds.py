"""Keeps holds: placed once under their id, lifted once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from spine.database import Tx
from stager.domain.cases import Hold
from stager.store.rows import Rows
from stager.tables.cases import HOLD

_HOLDS: Final = Rows(HOLD)
_INSERT: Final = f"""
    INSERT INTO hold ({_HOLDS.columns}) SELECT {_HOLDS.selected} FROM {_HOLDS.source}
    ON CONFLICT (hold_id) DO NOTHING RETURNING hold_id
"""  # noqa: S608 (column names of our own tables)
_SAVE: Final = f"""
    INSERT INTO hold ({_HOLDS.columns}) SELECT {_HOLDS.selected} FROM {_HOLDS.source}
    ON CONFLICT (hold_id) DO UPDATE
    SET until = excluded.until, reason = excluded.reason, ledger_seq = excluded.ledger_seq,
        lifted_at = excluded.lifted_at, ended_by = excluded.ended_by, lift_reason = excluded.lift_reason,
        lifted_by = excluded.lifted_by, findings = excluded.findings, extensions = excluded.extensions,
        extended_at = excluded.extended_at, extended_by = excluded.extended_by,
        extension_proof = excluded.extension_proof
"""  # noqa: S608
_SELECT: Final = f"SELECT {_HOLDS.columns} FROM hold"  # noqa: S608


def hold_of(row: Any) -> Hold:
    """A hold from its row."""
    return Hold(**row._mapping)


async def insert_holds(tx: Tx, holds: Sequence[Hold]) -> set[str]:
    """Keeps new holds; returns the ids that were not there before."""
    rows = await tx.execute(_INSERT, **_HOLDS.parameters(holds))
    return {row.hold_id for row in rows}


async def active_holds(tx: Tx, borrower_ids: Sequence[str]) -> list[Hold]:
    """The holds of these borrowers that were not lifted; some may have run out by now."""
    rows = await tx.execute(
        f"{_SELECT} JOIN unnest(CAST(:ids AS text[])) AS u(borrower_id) USING (borrower_id)"
        " WHERE lifted_at IS NULL ORDER BY hold_id",
        ids=list(borrower_ids),
    )
    return [hold_of(row) for row in rows]


async def holds_named(tx: Tx, names: Collection[tuple[str, str, str]]) -> list[Hold]:
    """The holds of these (borrower, loan, origin) that were lifted."""
    if not names:
        return []
    ordered = sorted(names)
    rows = await tx.execute(
        f"""
        {_SELECT} JOIN unnest(CAST(:borrowers AS text[]), CAST(:loans AS text[]), CAST(:origins AS text[]))
                       AS u(borrower_id, loan_id, origin) USING (borrower_id, loan_id, origin)
        WHERE lifted_at IS NOT NULL ORDER BY hold_id
        """,
        borrowers=[borrower for borrower, _, _ in ordered],
        loans=[loan for _, loan, _ in ordered],
        origins=[origin for _, _, origin in ordered],
    )
    return [hold_of(row) for row in rows]


async def save_holds(tx: Tx, holds: Sequence[Hold]) -> None:
    """Keeps holds of locked borrowers as they are now."""
    if holds:
        await tx.execute(_SAVE, **_HOLDS.parameters(holds))


async def holds_of_borrower(tx: Tx, borrower_id: str) -> list[Hold]:
    """All holds of a borrower, newest first."""
    rows = await tx.execute(
        f"{_SELECT} WHERE borrower_id = :id ORDER BY placed_at DESC, hold_id", id=borrower_id
    )
    return [hold_of(row) for row in rows]


async def hold_by_id(tx: Tx, hold_id: str) -> Hold | None:
    """A hold, lifted or not."""
    row = (await tx.execute(f"{_SELECT} WHERE hold_id = :id", id=hold_id)).one_or_none()
    return hold_of(row) if row is not None else None


async def lock_run_out(tx: Tx, limit: int) -> list[Hold]:
    """Some holds whose time is over, their borrowers locked; those whom others work on are left out."""
    rows = await tx.execute(
        f"""
        {_SELECT.replace("FROM hold", "FROM hold JOIN party USING (borrower_id)")}
        WHERE lifted_at IS NULL AND until <= :now
        ORDER BY until LIMIT :limit FOR UPDATE SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    return [hold_of(row) for row in rows]


async def save_lifted(tx: Tx, holds: Sequence[Hold]) -> set[str]:
    """Keeps how holds ended; returns the ids of those that had not ended before."""
    rows = await tx.execute(
        """
        UPDATE hold AS h SET lifted_at = u.lifted_at, ended_by = u.ended_by, lift_reason = u.lift_reason,
                             lifted_by = u.lifted_by, findings = u.findings
        FROM unnest(CAST(:ids AS text[]), CAST(:lifted AS timestamptz[]), CAST(:ended_by AS text[]),
                    CAST(:reasons AS text[]), CAST(:members AS text[]), CAST(:findings AS text[]))
             AS u(hold_id, lifted_at, ended_by, lift_reason, lifted_by, findings)
        WHERE h.hold_id = u.hold_id AND h.lifted_at IS NULL RETURNING h.hold_id
        """,
        ids=[hold.hold_id for hold in holds],
        lifted=[hold.lifted_at for hold in holds],
        ended_by=[hold.ended_by for hold in holds],
        reasons=[hold.lift_reason for hold in holds],
        members=[hold.lifted_by for hold in holds],
        findings=[hold.findings for hold in holds],
    )
    return {row.hold_id for row in rows}
