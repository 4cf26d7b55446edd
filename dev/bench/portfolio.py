"""Fills the ledger's tables with a large portfolio, as intake would have left it, in the time a bench has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from ledger.account import Account
from ledger.contract import domain_terms
from ledger.domain.facts import BorrowerId, Instalment, LoanFacts, LoanId, Repayment
from ledger.policy import House
from ledger.standing import Standing

ZONE: Final = ZoneInfo("Asia/Shanghai")
#: The open business date, and the instant after it at which all of this happens.
TODAY: Final = date(2026, 11, 20)
NOW: Final = datetime(2026, 11, 20, 17, tzinfo=UTC)
INSTALMENTS: Final = 12
#: Loans fall due on so many different days after today; those of the first change in the close.
_SHIFTS: Final = 29
#: How far into its life each kind of loan is, and how many instalments are paid: young, running, in arrears.
_KINDS: Final = ((0, 0), (5, 5), (3, 2))


async def fill(connection: asyncpg.Connection, loans: int, changes: int) -> None:
    """Loans as intake would have left them on the morning of the date: kept standing, next look, all facts.

    Those that change are spread evenly over the tables, so that no page serves two of them by luck.
    """
    await connection.execute("SET synchronous_commit = off; SET max_parallel_workers_per_gather = 0")
    await _keep_archetypes(connection)
    await connection.execute(
        "CREATE TABLE member AS SELECT 'L' || n AS loan_id, 'B' || n AS borrower_id,"
        " abs(hashint4(n)) % $2 AS kind, CASE WHEN n::bigint * $3 % $1 < $3 THEN 0 ELSE 1 + n % $4 END AS shift"
        " FROM generate_series(0, $1 - 1) AS n",
        loans, len(_KINDS), changes, _SHIFTS,
    )  # fmt: skip
    indexes = await _without_indexes(connection)
    columns = [name for name in await loan_columns(connection) if name not in ("loan_id", "borrower_id")]
    await connection.execute(
        f"INSERT INTO loan (loan_id, borrower_id, {', '.join(columns)})"  # noqa: S608 - the table's own names
        f" SELECT m.loan_id, m.borrower_id, {', '.join(f'a.{name}' for name in columns)}"
        " FROM member AS m JOIN archetype AS a USING (kind, shift)"
    )
    await connection.execute(
        "INSERT INTO instalment SELECT m.loan_id, a.seq, a.due_on, a.principal, a.interest, 0"
        " FROM member AS m JOIN archetype_row AS a USING (kind, shift)"
    )
    await connection.execute(
        "INSERT INTO repayment (loan_id, repayment_id, amount_minor, value_date, posted_at, recorded_at)"
        " SELECT m.loan_id, a.id, a.amount, a.value_date, a.posted_at, a.posted_at"
        " FROM member AS m JOIN archetype_money AS a USING (kind, shift)"
    )
    await connection.execute("INSERT INTO subject_sequence SELECT loan_id, 1 FROM member")
    for definition in indexes:
        await connection.execute(definition)
    await connection.execute(
        "CREATE TABLE before AS SELECT * FROM loan WHERE next_transition_on <= $1", TODAY + timedelta(days=1)
    )
    await connection.execute("RESET synchronous_commit")
    await connection.execute("VACUUM ANALYZE loan, instalment, repayment, subject_sequence")
    await connection.execute("CHECKPOINT")


async def _keep_archetypes(connection: asyncpg.Connection) -> None:
    """The rows of each kind and shift of loan, in tables to be multiplied."""
    await connection.execute(
        "CREATE TABLE archetype AS SELECT 0 AS kind, 0 AS shift, l.* FROM loan AS l LIMIT 0;"
        "CREATE TABLE archetype_row (kind int, shift int, seq int, due_on date, principal bigint, interest bigint);"
        "CREATE TABLE archetype_money (kind int, shift int, id text, amount bigint, value_date date,"
        " posted_at timestamptz)"
    )
    house = House.load(ZONE)
    for kind, shift, loan in _archetypes(house):
        await connection.execute(
            "INSERT INTO archetype SELECT $1, $2, r.* FROM jsonb_populate_record(NULL::loan, $3) AS r",
            kind, shift, msgspec.json.encode(_kept(loan, house)).decode(),
        )  # fmt: skip
        await connection.executemany(
            "INSERT INTO archetype_row VALUES ($1, $2, $3, $4, $5, $6)",
            [(kind, shift, row.seq, row.due_on, row.principal, row.interest) for row in loan.schedule],
        )
        await connection.executemany(
            "INSERT INTO archetype_money VALUES ($1, $2, $3, $4, $5, $6)",
            [
                (kind, shift, each.id, each.amount, each.value_date, each.posted_at)
                for each in loan.repayments
            ],
        )


async def _without_indexes(connection: asyncpg.Connection) -> list[str]:
    """Drops the keys and indexes of the big tables; returns the statements that bring them back."""
    tables = ["loan", "instalment", "repayment", "subject_sequence"]
    keys = await connection.fetch(
        "SELECT conrelid::regclass::text AS of, conname AS name, pg_get_constraintdef(oid) AS definition"
        " FROM pg_constraint WHERE contype = 'p' AND conrelid = ANY($1::text[]::regclass[])",
        tables,
    )
    others = await connection.fetch(
        "SELECT indexname AS name, indexdef AS definition FROM pg_indexes"
        " WHERE tablename = ANY($1) AND indexname <> ALL($2)",
        tables, [key["name"] for key in keys],
    )  # fmt: skip
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['of']} DROP CONSTRAINT {key['name']}")
    for other in others:
        await connection.execute(f"DROP INDEX {other['name']}")
    return [
        *(f"ALTER TABLE {key['of']} ADD CONSTRAINT {key['name']} {key['definition']}" for key in keys),
        *(other["definition"] for other in others),
    ]


async def loan_columns(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'loan'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    return [row["attname"] for row in rows]


def _kept(loan: LoanFacts, house: House) -> dict[str, Any]:
    """The row of a loan as the store would write it after a look on the open date; the ids are left open."""
    account = Account(loan, Standing.unheard_of(TODAY), 0)
    account.look(TODAY, by_facts=True)
    now = account.standing
    return {
        "loan_id": loan.loan_id,
        "borrower_id": loan.borrower_id,
        "product": loan.product,
        "currency": loan.currency,
        "principal_minor": loan.principal,
        "annual_rate": str(loan.annual_rate),
        "opened_on": loan.opened_on,
        "terms": house.terms_of_product(loan.product),
        "recorded_at": NOW,
        "as_of": now.as_of,
        "status": now.status,
        "dpd_zero_on": now.dpd_zero_on,
        "dpd_anchor_on": now.anchor_on,
        "oldest_unpaid_due_on": now.oldest_unpaid_due_on,
        "overdue_principal_minor": now.overdue.principal,
        "overdue_interest_minor": now.overdue.interest,
        "overdue_fee_minor": now.overdue.fee,
        "overdue_penalty_minor": now.overdue.penalty,
        "overdue_compound_minor": now.overdue.compound,
        "outstanding_principal_minor": now.outstanding_principal,
        "next_transition_on": account.next_look_on,
        "version": 1,
        "has_facts": False,
        "has_transits": False,
        "has_statement": False,
    }


def _archetypes(house: House) -> Iterator[tuple[int, int, LoanFacts]]:
    """A loan of each kind and shift, as the ledger knows it; the tables are filled with copies."""
    terms = domain_terms(house.terms_of_product("consumer-loan"), "CNY", house.calendars)
    for kind, (age, paid) in enumerate(_KINDS):
        for shift in range(_SHIFTS + 1):
            first = TODAY + timedelta(days=shift - 30 * age)
            rows = tuple(
                Instalment(seq, first + timedelta(days=30 * (seq - 1)), 100_000, 5_000)
                for seq in range(1, INSTALMENTS + 1)
            )
            money = tuple(
                Repayment(f"R{row.seq}", 105_000, row.due_on, NOW - timedelta(days=1)) for row in rows[:paid]
            )
            yield (
                kind,
                shift,
                LoanFacts(
                    loan_id=LoanId("L"),
                    borrower_id=BorrowerId("B"),
                    product="consumer-loan",
                    currency="CNY",
                    principal=sum(row.principal for row in rows),
                    annual_rate=Decimal("0.12"),
                    opened_on=first - timedelta(days=30),
                    schedule=rows,
                    terms=terms,
                    repayments=money,
                ),
            )
