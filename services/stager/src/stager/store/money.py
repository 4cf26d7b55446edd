"""Keeps the money that the ledger told, once each whatever the order, and forgets what nothing can need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from spine.database import Tx
from stager.domain.money import Money
from stager.store.rows import Rows
from stager.tables.promises import CHARGE_BACK, MONEY

_MONEY: Final = Rows(MONEY)
_BACK: Final = Rows(CHARGE_BACK)
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

_KEEP_BACK: Final = f"""
    INSERT INTO charge_back ({_BACK.columns}) SELECT {_BACK.selected} FROM {_BACK.source}
    WHERE u.forget_on > :today OR EXISTS (SELECT FROM episode AS e WHERE e.loan_id = u.loan_id)
    ON CONFLICT DO NOTHING RETURNING loan_id
"""  # noqa: S608 (column names of our own tables)
#: What no longer stands is said to be reversed, on the day it went for good.
_STANDING: Final = """
    SELECT m.loan_id, m.repayment_id, m.borrower_id, m.currency, m.value_date, m.posted_at,
           CASE WHEN b.minor >= m.amount_minor THEN m.amount_minor ELSE m.amount_minor - coalesce(b.minor, 0) END
             AS amount_minor,
           coalesce(m.reversed_on, CASE WHEN b.minor >= m.amount_minor THEN b.last_on END) AS reversed_on
    FROM unnest(CAST(:loans AS text[])) AS u(loan_id) JOIN money AS m USING (loan_id)
    CROSS JOIN LATERAL (
        SELECT sum(c.amount_minor)::bigint AS minor, max(c.charged_back_on) AS last_on FROM charge_back AS c
        WHERE c.loan_id = m.loan_id AND c.repayment_id = m.repayment_id) AS b
    WHERE m.value_date IS NOT NULL ORDER BY m.value_date, m.posted_at, m.repayment_id
"""


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


@dataclass(frozen=True, slots=True)
class ChargeBack:
    """Money of a repayment that the payer's bank took back; `fact_id`: the event that told it."""

    fact_id: str
    loan_id: str
    repayment_id: str
    borrower_id: str
    partition: int
    amount_minor: int
    charged_back_on: date
    forget_on: date | None


async def keep_money(tx: Tx, rows: Sequence[MoneyRow], today: date) -> set[str]:
    """Keeps repayments, at most one row of each; returns the loans for which something was new.

    What would be forgotten at once is not kept: old money of a loan that was never in arrears.
    """
    if not rows:
        return set()
    return {row.loan_id for row in await tx.execute(_KEEP, today=today, **_MONEY.parameters(rows))}


async def keep_charge_backs(tx: Tx, backs: Sequence[ChargeBack], today: date) -> set[str]:
    """Keeps what was charged back, once by its fact; returns the loans for which something was new."""
    if not backs:
        return set()
    return {row.loan_id for row in await tx.execute(_KEEP_BACK, today=today, **_BACK.parameters(backs))}


async def money_of(tx: Tx, loan_ids: Iterable[str]) -> dict[str, list[Money]]:
    """The money kept of these loans, what was taken back included, in order of value date, posting and id.

    Every one of `loan_ids` has a list. Kept is whatever was told of a loan that was ever in arrears here, and of
    any other the money of the last days (`money_kept_days` of rules/promises.yaml).
    """
    found: dict[str, list[Money]] = {loan_id: [] for loan_id in loan_ids}
    rows = await tx.execute(_STANDING, loans=list(found))
    for row in rows:
        found[row.loan_id].append(Money(**row._mapping))
    return found


async def forget_money(tx: Tx, partition: int, day: date) -> None:
    """Lets go of money whose time is over; that of loans which were in arrears by then stays for good."""
    for table in ("money", "charge_back"):
        await tx.execute(
            f"""
            UPDATE {table} AS m SET forget_on = NULL
            WHERE m.partition = :partition AND m.forget_on <= :day
              AND EXISTS (SELECT FROM episode AS e WHERE e.loan_id = m.loan_id)
            """,  # noqa: S608 (our own tables)
            partition=partition,
            day=day,
        )
        await tx.execute(
            f"DELETE FROM {table} WHERE partition = :partition AND forget_on <= :day",  # noqa: S608
            partition=partition,
            day=day,
        )
