"""Keeps payment claims beside their holds, and finds those that money, time or a person has answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from spine.database import Tx
from stager.domain.cases import Case
from stager.domain.claims import Claim, ClaimStatus
from stager.store.rows import Rows
from stager.tables.promises import PAYMENT_CLAIM

_CLAIMS: Final = Rows(PAYMENT_CLAIM)
_COLUMNS: Final = ", ".join(f"c.{name}" for name in _CLAIMS.names)
_SELECT: Final = f"SELECT {_COLUMNS} FROM payment_claim AS c"  # noqa: S608 (column names of our own tables)
_NEW: Final = f"""
    INSERT INTO payment_claim AS c ({_CLAIMS.columns}) SELECT {_CLAIMS.selected} FROM {_CLAIMS.source}
    ON CONFLICT (hold_id) DO UPDATE
    SET amount = coalesce(c.amount, excluded.amount), contact_id = coalesce(c.contact_id, excluded.contact_id)
"""  # noqa: S608
_SAVE: Final = f"""
    UPDATE payment_claim AS c SET {_CLAIMS.updates(("hold_id",))} FROM {_CLAIMS.source}
    WHERE c.hold_id = u.hold_id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """A claim with the state of its hold: until when it lasts, or how it ended."""

    claim: Claim
    until: datetime | None
    ended_by: str | None
    lift_reason: str | None
    lifted_by: str | None


def _claim(row: Any) -> Claim:
    values = {name: getattr(row, name) for name in _CLAIMS.names}
    return Claim(**{**values, "status": ClaimStatus(row.status)})


async def insert_claims(tx: Tx, claims: Sequence[Claim]) -> None:
    """Keeps new claims; of one that is known only what was not said before is filled in."""
    if claims:
        await tx.execute(_NEW, **_CLAIMS.parameters(claims))


async def save_claims(tx: Tx, claims: Sequence[Claim]) -> None:
    """Keeps claims of locked borrowers as they are now."""
    if claims:
        await tx.execute(_SAVE, **_CLAIMS.parameters(claims))


async def claim_by_hold(tx: Tx, hold_id: str) -> Claim | None:
    """The claim that a hold is about."""
    row = (await tx.execute(f"{_SELECT} WHERE c.hold_id = :id", id=hold_id)).one_or_none()
    return _claim(row) if row is not None else None


async def claims_of_case(tx: Tx, case: Case) -> list[Claim]:
    """The claims on loans that are or were in the case, the newest first."""
    rows = await tx.execute(
        f"""
        {_SELECT} WHERE c.borrower_id = :borrower AND c.loan_id IN (
            SELECT e.loan_id FROM episode AS e WHERE e.borrower_id = :borrower AND e.case_id = :case)
        ORDER BY c.claimed_at DESC, c.hold_id
        """,  # noqa: S608
        borrower=case.borrower_id,
        case=case.case_id,
    )
    return [_claim(row) for row in rows]


async def open_claims(tx: Tx, loan_ids: Iterable[str]) -> list[Claim]:
    """The claims on these loans that still hold them."""
    rows = await tx.execute(
        f"""
        {_SELECT} JOIN unnest(CAST(:loans AS text[])) AS u(loan_id) ON u.loan_id = c.loan_id
        JOIN hold AS h ON h.hold_id = c.hold_id
        WHERE c.status = 'open' AND h.lifted_at IS NULL ORDER BY c.claimed_at, c.hold_id
        """,
        loans=sorted(loan_ids),
    )
    return [_claim(row) for row in rows]


async def money_taken(tx: Tx, loan_ids: Iterable[str]) -> set[str]:
    """The repayments of these loans that answered a claim."""
    rows = await tx.execute(
        "SELECT c.repayment_id FROM unnest(CAST(:loans AS text[])) AS u(loan_id)"
        " JOIN payment_claim AS c USING (loan_id) WHERE c.repayment_id IS NOT NULL",
        loans=sorted(loan_ids),
    )
    return {row.repayment_id for row in rows}


async def adopt_claims(tx: Tx, limit: int) -> int:
    """Makes claims of holds that persons or outcomes of calls have placed; returns how many."""
    rows = await tx.execute(
        """
        INSERT INTO payment_claim (hold_id, loan_id, borrower_id, contact_id, status, claimed_at, check_at)
        SELECT h.hold_id, h.loan_id, h.borrower_id, h.origin, 'open', h.placed_at, h.placed_at FROM hold AS h
        WHERE h.kind = 'payment_claim' AND h.ledger_seq IS NULL AND h.lifted_at IS NULL
          AND NOT EXISTS (SELECT FROM payment_claim AS c WHERE c.hold_id = h.hold_id)
        ORDER BY h.placed_at LIMIT :limit
        ON CONFLICT DO NOTHING RETURNING hold_id
        """,
        limit=limit,
    )
    return len(rows.all())


async def lock_claims_to_look_at(tx: Tx, limit: int) -> list[HeldClaim]:
    """Some open claims whose hold has ended or whose check is due, their borrowers locked."""
    rows = await tx.execute(
        f"""
        SELECT {_COLUMNS}, h.until, h.ended_by, h.lift_reason, h.lifted_by
        FROM payment_claim AS c JOIN hold AS h USING (hold_id) JOIN party AS p ON p.borrower_id = c.borrower_id
        WHERE c.status = 'open' AND (h.lifted_at IS NOT NULL OR c.check_at <= :now)
        ORDER BY c.check_at, c.hold_id LIMIT :limit FOR UPDATE OF p SKIP LOCKED
        """,  # noqa: S608
        now=tx.now,
        limit=limit,
    )
    return [HeldClaim(_claim(row), row.until, row.ended_by, row.lift_reason, row.lifted_by) for row in rows]
