"""Keeps the money that the ledger told, once each whatever the order, and forgets what nothing can need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from spine.database import Tx
from stager.domain.money import Money
from stager.store.rows import Rows
from stager.tables.promises import MONEY

_MONEY: Final = Rows(MONEY)
# A reversal may be known before its repayment, and each may come again: both sides fill in what the other lacks.
_KEEP: Final = f"""
    INSERT INTO money AS m ({_MONEY.columns}) SELECT {_MONEY.selected} FROM {_MONEY.source}
    WHERE u.forget_on > :today OR EXISTS (SELECT FROM episode AS e WHERE e.loan_id = u.loan_id)
    ON CONFLICT (loan_id, repayment_id) DO UPDATE
    SET value_date = coalesce(m.value_date, excluded.value_date),
        posted_at = coalesce(m.posted_at, excluded.posted_at),
        reversed_on = coalesce(m.reversed_on, excluded.reversed_on)
    WHERE (m.value_date IS NULL AND excluded.value_date IS NOT NULL)
       OR (m.reversed_on IS NULL AND excluded.reversed_on IS NOT NULL)
    RETURNING m.loan_id
"""  # noqa: S608 (column names of our own tables)


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """A repayment, or of one not told yet its reversal alone (no value date)."""

    loan_id: str
    repayment_id: str
    borrower_id: str
    partition: int
    currency: str
    amount_minor: int
    value_date: date | None
    posted_at: datetime | None
    reversed_on: date | None
    forget_on: date | None


async def keep_money(tx: Tx, rows: Sequence[MoneyRow], today: date) -> set[str]:
    """Keeps repayments, at most one row of each; returns the loans for which something was new.

    What would be forgotten at once is not kept: old money of a loan that was never in arrears.
    """
    if not rows:
        return set()
    return {row.loan_id for row in await tx.execute(_KEEP, today=today, **_MONEY.parameters(rows))}


async def money_of(tx: Tx, loan_ids: Iterable[str]) -> dict[str, list[Money]]:
    """The money kept of these loans, those reversed included, in order of value date, posting and id.

    Every one of `loan_ids` has a list. Kept is whatever was told of a loan that was ever in arrears here, and of
    any other the money of the last days (`money_kept_days` of rules/promises.yaml).
    """
    found: dict[str, list[Money]] = {loan_id: [] for loan_id in loan_ids}
    rows = await tx.execute(
        """
        SELECT m.loan_id, m.repayment_id, m.borrower_id, m.currency, m.amount_minor, m.value_date, m.posted_at,
               m.reversed_on
        FROM unnest(CAST(:loans AS text[])) AS u(loan_id) JOIN money AS m USING (loan_id)
        WHERE m.value_date IS NOT NULL ORDER BY m.value_date, m.posted_at, m.repayment_id
        """,
        loans=list(found),
    )
    for row in rows:
        found[row.loan_id].append(Money(**row._mapping))
    return found


async def forget_money(tx: Tx, partition: int, day: date) -> None:
    """Lets go of money whose time is over; that of loans which were in arrears by then stays for good."""
    await tx.execute(
        """
        UPDATE money AS m SET forget_on = NULL
        WHERE m.partition = :partition AND m.forget_on <= :day
          AND EXISTS (SELECT FROM episode AS e WHERE e.loan_id = m.loan_id)
        """,
        partition=partition,
        day=day,
    )
    await tx.execute(
        "DELETE FROM money WHERE partition = :partition AND forget_on <= :day", partition=partition, day=day
    )
