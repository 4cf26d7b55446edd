"""Keeps loans and what was found of them: one statement per table for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from ledger.account import Account
from ledger.domain.position import LoanStatus
from spine.database import Tx

#: The columns of `_Summary`.
_SUMMARY: Final = """as_of date, status text, dpd_zero_on date, oldest date, due_principal bigint,
              interest bigint, fee bigint, penalty bigint, compound bigint, outstanding bigint,
              next_transition_on date, anchor date"""

_INSERT: Final = f"""
    INSERT INTO loan (loan_id, borrower_id, product, currency, principal_minor, annual_rate, opened_on, terms,
                      recorded_at, as_of, status, dpd_zero_on, oldest_unpaid_due_on, overdue_principal_minor,
                      overdue_interest_minor, overdue_fee_minor, overdue_penalty_minor,
                      overdue_compound_minor, outstanding_principal_minor, next_transition_on, dpd_anchor_on,
                      version)
    SELECT u.loan_id, u.borrower_id, u.product, u.currency, u.principal, u.annual_rate, u.opened_on, u.terms,
           :now, u.as_of, u.status, u.dpd_zero_on, u.oldest, u.due_principal, u.interest, u.fee, u.penalty,
           u.compound, u.outstanding, u.next_transition_on, u.anchor, 1
    FROM json_to_recordset(CAST(:rows AS json))
         AS u(loan_id text, borrower_id text, product text, currency text, principal bigint,
              annual_rate numeric, opened_on date, terms jsonb, {_SUMMARY})
"""  # noqa: S608 (names of our own columns)

_INSERT_INSTALMENTS: Final = """
    INSERT INTO instalment (loan_id, seq, due_on, principal_minor, interest_minor, fee_minor)
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:seqs AS int[]), CAST(:dues AS date[]),
                         CAST(:principals AS bigint[]), CAST(:interests AS bigint[]), CAST(:fees AS bigint[]))
"""

_UPDATE: Final = f"""
    UPDATE loan AS l
    SET as_of = u.as_of, status = u.status, dpd_zero_on = u.dpd_zero_on, oldest_unpaid_due_on = u.oldest,
        overdue_principal_minor = u.due_principal, overdue_interest_minor = u.interest,
        overdue_fee_minor = u.fee, overdue_penalty_minor = u.penalty, overdue_compound_minor = u.compound,
        outstanding_principal_minor = u.outstanding, next_transition_on = u.next_transition_on,
        dpd_anchor_on = u.anchor, version = l.version + 1
    FROM json_to_recordset(CAST(:rows AS json)) AS u(loan_id text, {_SUMMARY})
    WHERE l.loan_id = u.loan_id
"""  # noqa: S608


async def insert(tx: Tx, accounts: Sequence[Account]) -> None:
    """Keeps new loans with their schedules and summaries."""
    if not accounts:
        return
    loans = [account.facts for account in accounts]
    await tx.execute(_INSERT, now=tx.now, rows=_ROWS.encode([_row(each) for each in accounts]).decode())
    rows = [(loan.loan_id, row) for loan in loans for row in loan.schedule]
    await tx.execute(
        _INSERT_INSTALMENTS,
        ids=[loan_id for loan_id, _ in rows],
        seqs=[row.seq for _, row in rows],
        dues=[row.due_on for _, row in rows],
        principals=[row.principal for _, row in rows],
        interests=[row.interest for _, row in rows],
        fees=[row.fee for _, row in rows],
    )


async def update(tx: Tx, accounts: Sequence[Account]) -> None:
    """Keeps the summaries of known loans, which the transaction has locked.

    As one JSON text: arrays of a column each cost the driver three times as much to write.
    """
    if accounts:
        rows = _ROWS.encode([_summary(account) for account in accounts]).decode()
        await tx.execute(_UPDATE, rows=rows)


class _Summary(msgspec.Struct, frozen=True, gc=False):
    """A row of `_UPDATE`, by the names used there."""

    loan_id: str
    as_of: date
    status: LoanStatus
    dpd_zero_on: date | None
    oldest: date | None
    due_principal: int
    interest: int
    fee: int
    penalty: int
    compound: int
    outstanding: int
    next_transition_on: date | None
    anchor: date | None


_ROWS: Final = msgspec.json.Encoder()


def _summary(account: Account) -> _Summary:
    now = account.standing
    fee, penalty, compound, interest, principal = now.overdue
    return _Summary(
        account.facts.loan_id,
        now.as_of,
        now.status,
        now.dpd_zero_on,
        now.oldest_unpaid_due_on,
        principal,
        interest,
        fee,
        penalty,
        compound,
        now.outstanding_principal,
        account.next_look_on,
        now.anchor_on,
    )


def _row(account: Account) -> dict[str, Any]:
    """A row of `_INSERT`, by the names used there."""
    loan = account.facts
    return {
        "borrower_id": loan.borrower_id,
        "product": loan.product,
        "currency": loan.currency,
        "principal": loan.principal,
        "annual_rate": loan.annual_rate,
        "opened_on": loan.opened_on,
        "terms": msgspec.Raw((account.terms or "null").encode()),
        **msgspec.structs.asdict(_summary(account)),
    }


async def mark(tx: Tx, accounts: Sequence[Account]) -> None:
    """Notes on loans what is kept of them besides schedule and money, so that others need not look for it."""
    if accounts:
        await tx.execute(
            "UPDATE loan AS l SET has_facts = u.facts, has_transits = u.transits, has_statement = u.statement,"
            " version = l.version + 1 "
            "FROM unnest(CAST(:ids AS text[]), CAST(:facts AS bool[]), CAST(:transits AS bool[]),"
            " CAST(:statements AS bool[])) AS u(loan_id, facts, transits, statement) WHERE l.loan_id = u.loan_id",
            ids=[account.facts.loan_id for account in accounts],
            facts=[account.has_facts for account in accounts],
            transits=[bool(account.transits) for account in accounts],
            statements=[account.statement is not None for account in accounts],
        )
