"""Keeps the last debit of each loan that failed, so that whoever speaks to the borrower knows why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from spine.database import Tx
from stager.domain.cases import FailedDebit
from stager.store.rows import Rows
from stager.tables.cases import FAILED_DEBIT

_DEBITS: Final = Rows(FAILED_DEBIT)
_SAVE: Final = f"""
    INSERT INTO failed_debit AS f ({_DEBITS.columns}) SELECT {_DEBITS.selected} FROM {_DEBITS.source}
    ON CONFLICT (loan_id) DO UPDATE SET {_DEBITS.assignments(("loan_id",))}
    WHERE f.ledger_seq < excluded.ledger_seq
"""  # noqa: S608 (column names of our own tables)


async def save_failed_debits(tx: Tx, debits: Sequence[FailedDebit]) -> None:
    """Keeps failures of locked borrowers; one that is older than what is known changes nothing."""
    if debits:
        await tx.execute(_SAVE, **_DEBITS.parameters(debits))


async def failed_debits_of(tx: Tx, loan_ids: Sequence[str]) -> dict[str, FailedDebit]:
    """The last failure of each of these loans that had one."""
    rows = await tx.execute(
        f"SELECT {_DEBITS.columns} FROM failed_debit"  # noqa: S608
        " JOIN unnest(CAST(:loans AS text[])) AS u(loan_id) USING (loan_id)",
        loans=list(loan_ids),
    )
    return {row.loan_id: FailedDebit(**row._mapping) for row in rows}
