"""Keeps loans and what was found of them: one statement per table for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from ledger.account import Account
from ledger.domain.position import LoanStatus
from spine.database import Tx

_INSERT: Final = """
    INSERT INTO loan (loan_id, borrower_id, product, currency, principal_minor, annual_rate, opened_on, terms,
                      recorded_at, as_of, status, dpd_zero_on, oldest_unpaid_due_on, overdue_principal_minor,
                      overdue_interest_minor, overdue_fee_minor, overdue_penalty_minor,
                      overdue_compound_minor, outstanding_principal_minor, next_transition_on, dpd_anchor_on,
                      version)
    SELECT u.loan_id, u.borrower_id, u.product, u.currency, u.principal, u.annual_rate, u.opened_on,
           CAST(u.terms AS jsonb), :now, u.as_of, u.status, u.dpd_zero_on, u.oldest, u.due_principal,
           u.interest, u.fee, u.penalty, u.compound, u.outstanding, u.next_transition_on, u.anchor, 1
    FROM unnest(
            CAST(:ids AS text[]), CAST(:borrowers AS text[]), CAST(:products AS text[]),
            CAST(:currencies AS text[]), CAST(:principals AS bigint[]), CAST(:rates AS numeric[]),
            CAST(:opened AS date[]), CAST(:terms AS text[]), CAST(:as_ofs AS date[]), CAST(:statuses AS text[]),
            CAST(:zeros AS date[]), CAST(:oldests AS date[]), CAST(:due_principals AS bigint[]),
            CAST(:due_interests AS bigint[]), CAST(:due_fees AS bigint[]), CAST(:due_penalties AS bigint[]),
            CAST(:due_compounds AS bigint[]), CAST(:outstandings AS bigint[]), CAST(:nexts AS date[]),
            CAST(:anchors AS date[]))
         AS u(loan_id, borrower_id, product, currency, principal, annual_rate, opened_on, terms,
              as_of, status, dpd_zero_on, oldest, due_principal, interest, fee, penalty, compound, outstanding,
              next_transition_on, anchor)
"""

_INSERT_INSTALMENTS: Final = """
    INSERT INTO instalment (loan_id, seq, due_on, principal_minor, interest_minor, fee_minor)
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:seqs AS int[]), CAST(:dues AS date[]),
                         CAST(:principals AS bigint[]), CAST(:interests AS bigint[]), CAST(:fees AS bigint[]))
"""

_UPDATE: Final = """
    UPDATE loan AS l
    SET as_of = u.as_of, status = u.status, dpd_zero_on = u.dpd_zero_on, oldest_unpaid_due_on = u.oldest,
        overdue_principal_minor = u.due_principal, overdue_interest_minor = u.interest,
        overdue_fee_minor = u.fee, overdue_penalty_minor = u.penalty, overdue_compound_minor = u.compound,
        outstanding_principal_minor = u.outstanding, next_transition_on = u.next_transition_on,
        dpd_anchor_on = u.anchor, version = l.version + 1
    FROM json_to_recordset(CAST(:rows AS json))
         AS u(loan_id text, as_of date, status text, dpd_zero_on date, oldest date, due_principal bigint,
              interest bigint, fee bigint, penalty bigint, compound bigint, outstanding bigint,
              next_transition_on date, anchor date)
    WHERE l.loan_id = u.loan_id
"""


async def insert(tx: Tx, accounts: Sequence[Account]) -> None:
    """Keeps new loans with their schedules and summaries."""
    if not accounts:
        return
    loans = [account.facts for account in accounts]
    await tx.execute(
        _INSERT,
        now=tx.now,
        ids=[loan.loan_id for loan in loans],
        borrowers=[loan.borrower_id for loan in loans],
        products=[loan.product for loan in loans],
        currencies=[loan.currency for loan in loans],
        principals=[loan.principal for loan in loans],
        rates=[loan.annual_rate for loan in loans],
        opened=[loan.opened_on for loan in loans],
        terms=[account.terms for account in accounts],
        **_values(accounts),
    )
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


def _values(accounts: Sequence[Account]) -> dict[str, list[Any]]:
    standings = [account.standing for account in accounts]
    return {
        "as_ofs": [each.as_of for each in standings],
        "statuses": [each.status.value for each in standings],
        "zeros": [each.dpd_zero_on for each in standings],
        "oldests": [each.oldest_unpaid_due_on for each in standings],
        "due_principals": [each.overdue.principal for each in standings],
        "due_interests": [each.overdue.interest for each in standings],
        "due_fees": [each.overdue.fee for each in standings],
        "due_penalties": [each.overdue.penalty for each in standings],
        "due_compounds": [each.overdue.compound for each in standings],
        "outstandings": [each.outstanding_principal for each in standings],
        "anchors": [each.anchor_on for each in standings],
        "nexts": [account.next_look_on for account in accounts],
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
