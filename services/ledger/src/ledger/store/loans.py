"""Locks and loads loans with their schedules and money: one statement per table for a whole batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from ledger.account import Account
from ledger.applying import amend
from ledger.contract import KeptTerms
from ledger.domain.facts import BorrowerId, Instalment, LoanFacts, LoanId, Repayment
from ledger.domain.position import Amounts, LoanStatus
from ledger.standing import Standing
from ledger.store import facts
from spine.database import Tx

_LOAN = """
    SELECT loan_id, borrower_id, product, currency, principal_minor, annual_rate, opened_on,
           CAST(terms AS text) AS terms, recorded_at, as_of, status, dpd_zero_on, oldest_unpaid_due_on,
           overdue_principal_minor, overdue_interest_minor, overdue_fee_minor, overdue_penalty_minor,
           overdue_compound_minor, outstanding_principal_minor, next_transition_on, dpd_anchor_on, version,
           has_facts, has_transits, has_statement
    FROM loan
"""

#: Locks of loans that are not there yet: whoever brings one and whoever waits for it take turns.
_ABSENT = 7101


async def lock(tx: Tx, loan_ids: Collection[str]) -> list[Any]:
    """The rows of these loans, locked in order of borrower and loan; ids without a row are locked as such."""
    rows = await _locked(tx, loan_ids)
    absent = sorted(set(loan_ids) - {row.loan_id for row in rows})
    if not absent:
        return rows
    await tx.execute(
        "SELECT pg_advisory_xact_lock(:kind, k) FROM ("
        "SELECT DISTINCT hashtext(u) AS k FROM unnest(CAST(:ids AS text[])) AS u ORDER BY 1) AS keys",
        kind=_ABSENT,
        ids=absent,
    )
    return [*rows, *await _locked(tx, absent)]


async def _locked(tx: Tx, loan_ids: Collection[str]) -> list[Any]:
    result = await tx.execute(
        _LOAN + "WHERE loan_id = ANY(CAST(:ids AS text[])) ORDER BY borrower_id, loan_id FOR NO KEY UPDATE",
        ids=sorted(loan_ids),
    )
    return list(result)


async def lock_changing(tx: Tx, until: date, limit: int) -> list[Any]:
    """Rows of at most `limit` loans whose standing changes by `until`, without those others have locked."""
    result = await tx.execute(
        _LOAN + "WHERE next_transition_on <= :until ORDER BY next_transition_on LIMIT :limit"
        " FOR NO KEY UPDATE SKIP LOCKED",
        until=until,
        limit=limit,
    )
    return sorted(result, key=lambda row: (row.borrower_id, row.loan_id))


async def changing_left(tx: Tx, until: date) -> bool:
    """Whether any loan's standing still has to be brought to `until`."""
    result = await tx.execute(
        "SELECT EXISTS (SELECT FROM loan WHERE next_transition_on <= :until)", until=until
    )
    return bool(result.scalar_one())


async def find(tx: Tx, loan_id: str) -> Any | None:
    """The row of one loan, not locked."""
    return (await tx.execute(_LOAN + "WHERE loan_id = :id", id=loan_id)).one_or_none()


async def accounts(
    tx: Tx, rows: Sequence[Any], terms: KeptTerms, *, known_at: datetime | None = None
) -> dict[str, Account]:
    """The loans of these rows with all their facts, or those that were known at an instant."""
    if not rows:
        return {}
    ids = [row.loan_id for row in rows]
    schedules = await _schedules(tx, ids)
    money = await _money(tx, ids, known_at)
    found = {
        row.loan_id: Account(
            _facts(row, schedules[row.loan_id], money[row.loan_id], terms),
            _standing(row),
            row.version,
            has_facts=row.has_facts,
        )
        for row in rows
    }
    if amended := [row.loan_id for row in rows if row.has_facts]:
        for loan_id, stated in (await facts.amendments(tx, amended, known_at)).items():
            account = found[loan_id]
            account.facts = amend(account.facts, stated, terms.zone)
    if in_transit := [row.loan_id for row in rows if row.has_transits]:
        for loan_id, transits in (await facts.transits(tx, in_transit)).items():
            found[loan_id].transits = transits
    if stated_of := [row.loan_id for row in rows if row.has_statement]:
        for loan_id, statement in (await facts.statements(tx, stated_of)).items():
            found[loan_id].statement = statement
    return found


def _facts(
    row: Any, schedule: tuple[Instalment, ...], money: tuple[Repayment, ...], terms: KeptTerms
) -> LoanFacts:
    return LoanFacts(
        loan_id=LoanId(row.loan_id),
        borrower_id=BorrowerId(row.borrower_id),
        product=row.product,
        currency=row.currency,
        principal=row.principal_minor,
        annual_rate=row.annual_rate,
        opened_on=row.opened_on,
        schedule=schedule,
        terms=terms.read(row.terms, row.currency),
        repayments=money,
    )


def _standing(row: Any) -> Standing:
    return Standing(
        row.as_of,
        LoanStatus(row.status),
        row.dpd_zero_on,
        row.dpd_anchor_on,
        row.oldest_unpaid_due_on,
        Amounts(
            fee=row.overdue_fee_minor,
            penalty=row.overdue_penalty_minor,
            compound=row.overdue_compound_minor,
            interest=row.overdue_interest_minor,
            principal=row.overdue_principal_minor,
        ),
        row.outstanding_principal_minor,
    )


async def _schedules(tx: Tx, ids: Sequence[str]) -> Mapping[str, tuple[Instalment, ...]]:
    result = await tx.execute(
        "SELECT loan_id, array_agg(seq) AS seq, array_agg(due_on) AS due_on,"
        " array_agg(principal_minor) AS principal, array_agg(interest_minor) AS interest,"
        " array_agg(fee_minor) AS fee "
        "FROM instalment WHERE loan_id = ANY(CAST(:ids AS text[])) GROUP BY loan_id",
        ids=ids,
    )
    return {row.loan_id: tuple(map(Instalment._make, _instalments(row))) for row in result}


def _instalments(row: Any) -> Iterable[tuple[Any, ...]]:
    return zip(row.seq, row.due_on, row.principal, row.interest, row.fee, strict=True)


async def _money(
    tx: Tx, ids: Sequence[str], known_at: datetime | None
) -> Mapping[str, tuple[Repayment, ...]]:
    result = await tx.execute(
        "SELECT loan_id, repayment_id, amount_minor, value_date, posted_at,"
        " CASE WHEN CAST(:known_at AS timestamptz) IS NULL OR reversal_recorded_at <= :known_at"
        " THEN reversed_on END AS reversed_on "
        "FROM repayment WHERE loan_id = ANY(CAST(:ids AS text[]))"
        " AND (CAST(:known_at AS timestamptz) IS NULL OR recorded_at <= :known_at)",
        ids=ids,
        known_at=known_at,
    )
    by_loan: defaultdict[str, list[Repayment]] = defaultdict(list)
    rows: Iterable[Any] = result
    for row in rows:
        by_loan[row[0]].append(Repayment(row[1], row[2], row[3], row[4], row[5]))
    return defaultdict(tuple, {loan_id: tuple(each) for loan_id, each in by_loan.items()})
