"""Locks and loads loans with their schedules and money: one statement per table for a whole batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any, Final

import msgspec

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

#: A schedule comes as one JSON text of rows: five arrays cost the driver twice as much to read.
_SCHEDULE: Final = msgspec.json.Decoder(tuple[Instalment, ...])
_STATUSES = {status.value: status for status in LoanStatus}

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
    return list(result.all())


async def lock_changing(tx: Tx, until: date, limit: int) -> list[Any]:
    """Rows of at most `limit` loans whose standing changes by `until`, without those others have locked."""
    result = await tx.execute(
        _LOAN + "WHERE next_transition_on <= :until ORDER BY next_transition_on LIMIT :limit"
        " FOR NO KEY UPDATE SKIP LOCKED",
        until=until,
        limit=limit,
    )
    return sorted(result.all(), key=itemgetter(1, 0))


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
        row.loan_id: _account(row, schedules[row.loan_id], money.get(row.loan_id, ()), terms) for row in rows
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


def _account(
    row: Any, schedule: tuple[Instalment, ...], money: tuple[Repayment, ...], terms: KeptTerms
) -> Account:
    # Unpacked at once: a batch reads half a thousand rows of two dozen columns.
    (
        loan_id, borrower_id, product, currency, principal, annual_rate, opened_on, terms_text, _, as_of, status,
        dpd_zero_on, oldest_unpaid_due_on, due_principal, due_interest, due_fee, due_penalty, due_compound,
        outstanding_principal, _, anchor_on, version, has_facts, _, _,
    ) = row  # fmt: skip
    facts_ = LoanFacts(
        loan_id=LoanId(loan_id),
        borrower_id=BorrowerId(borrower_id),
        product=product,
        currency=currency,
        principal=principal,
        annual_rate=annual_rate,
        opened_on=opened_on,
        schedule=schedule,
        terms=terms.read(terms_text, currency),
        repayments=money,
    )
    standing = Standing(
        as_of,
        _STATUSES[status],
        dpd_zero_on,
        anchor_on,
        oldest_unpaid_due_on,
        Amounts(due_fee, due_penalty, due_compound, due_interest, due_principal),
        outstanding_principal,
    )
    return Account(facts_, standing, version, has_facts=has_facts)


async def _schedules(tx: Tx, ids: Sequence[str]) -> Mapping[str, tuple[Instalment, ...]]:
    result = await tx.execute(
        "SELECT loan_id, '[' || string_agg("
        """format('[%s,"%s",%s,%s,%s]', seq, due_on, principal_minor, interest_minor, fee_minor), ',')"""
        " || ']' FROM instalment WHERE loan_id = ANY(CAST(:ids AS text[])) GROUP BY loan_id",
        ids=ids,
    )
    rows: Sequence[Any] = result.all()
    return {loan_id: _SCHEDULE.decode(schedule) for loan_id, schedule in rows}


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
    rows: Iterable[Any] = result.all()
    for row in rows:
        loan_id, *money = row
        by_loan[loan_id].append(Repayment(*money))
    return {loan_id: tuple(each) for loan_id, each in by_loan.items()}
