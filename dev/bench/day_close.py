"""Day close: seconds over a large portfolio of which few loans change, beside the bare SQL that writes the same."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from dev.bench.machine import PARTITIONS, Place
from dev.bench.result import Result
from ledger import closing
from ledger.account import Account
from ledger.contract import domain_terms
from ledger.domain.facts import BorrowerId, Instalment, LoanFacts, LoanId, Repayment
from ledger.handlers.core_facts import Intake
from ledger.policy import House
from ledger.standing import Standing
from spine.clock import FixedClock
from spine.database import Runtime, create_engine, plain_url

ZONE: Final = ZoneInfo("Asia/Shanghai")
#: The date that is closed, and the instant at which it is.
TODAY: Final = date(2026, 11, 20)
NOW: Final = datetime(2026, 11, 20, 17, tzinfo=UTC)
LOANS: Final = 1_000_000
CHANGES: Final = 10_000
INSTALMENTS: Final = 12
#: Loans fall due on so many different days after today; those of the first change in the close.
_SHIFTS: Final = 29
#: How far into its life each kind of loan is, and how many instalments are paid: young, running, in arrears.
_KINDS: Final = ((0, 0), (5, 5), (3, 2))


@dataclass(frozen=True, slots=True)
class DayClose:
    """What one close took: `bare_s` is the SQL that writes the same rows; the process never held more memory."""

    loans: int
    changes: int
    elapsed_s: float
    bare_s: float
    peak_mib: float

    def result(self) -> Result:
        """As one line of the table."""
        name = f"day close, {self.loans:,} loans, {self.changes:,} change"
        figure, bare = self.changes / self.elapsed_s, self.changes / self.bare_s
        return Result(name, "loans/s", figure, "SQL that writes the same", bare, self.changes / 10)


async def measure(place: Place, *, loans: int = LOANS, changes: int = CHANGES) -> DayClose:
    """Closes one date over `loans` of which `changes` change.

    The bare loop is one UPDATE of the same columns of the same loans to the same values, one upsert of the same
    event counts and one INSERT of the same outbox rows, on the same tables and indexes in one transaction that is
    durable like ours. It runs after what the close wrote was kept aside and taken back and the tables were
    vacuumed; before each of the two there is a checkpoint, so that both write whole pages to the WAL.
    """
    connection = await asyncpg.connect(plain_url(place.urls["ledger"]))
    try:
        await _fill(connection, loans, changes)
        elapsed_s = await _close(place, changes)
        # The memory of the process that closed, before it does anything else.
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        await _take_back(connection)
        bare_s = await _bare(connection)
    finally:
        await connection.close()
    return DayClose(loans, changes, elapsed_s, bare_s, peak_mib)


def summary(small: DayClose, large: DayClose) -> str:
    """Whether cost follows change, and what the close of the large portfolio needed."""
    return (
        f"day close of {large.loans:,} loans, {large.changes:,} change: {large.elapsed_s:.2f} s (at most 10),"
        f" {large.elapsed_s / large.bare_s:.2f}x the bare SQL (at most 3); of {small.loans:,} loans with as many"
        f" changes {small.elapsed_s / large.elapsed_s:.2f}x that time (at least 0.67);"
        f" {large.peak_mib:.0f} MiB at the most (below 300)"
    )


async def _close(place: Place, changes: int) -> float:
    engine = create_engine(place.urls["ledger"], name="bench")
    runtime = Runtime("ledger", engine, FixedClock(NOW), ZONE, PARTITIONS)
    try:
        intake = Intake(House.load(ZONE, first_business_date=TODAY))
        started = time.perf_counter()
        await closing.close(runtime, intake, TODAY)
        elapsed_s = time.perf_counter() - started
        async with runtime.transaction() as tx:
            run = (await tx.execute("SELECT loans_visited, loans_changed FROM close_run")).one()
        if (run.loans_visited, run.loans_changed) != (changes, changes):
            raise RuntimeError(f"the close was to change {changes} loans: {run}")
        return elapsed_s
    finally:
        await engine.dispose()


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


async def _fill(connection: asyncpg.Connection, loans: int, changes: int) -> None:
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
    columns = [name for name in await _loan_columns(connection) if name not in ("loan_id", "borrower_id")]
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


async def _loan_columns(connection: asyncpg.Connection) -> list[str]:
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


async def _take_back(connection: asyncpg.Connection) -> None:
    """Keeps what the close wrote, and puts the tables back to where they were."""
    await connection.execute(
        "CREATE TABLE after AS SELECT * FROM loan WHERE loan_id IN (SELECT loan_id FROM before)"
    )
    await connection.execute(
        "CREATE TABLE said AS SELECT * FROM outbox WHERE subject IS NOT NULL ORDER BY id"
    )
    await _write(connection, "before", await _written_columns(connection))
    await connection.execute("TRUNCATE outbox")
    await connection.execute("UPDATE subject_sequence SET last_seq = 1 WHERE last_seq > 1")
    await connection.execute("VACUUM ANALYZE loan, outbox, subject_sequence")
    await connection.execute("CHECKPOINT")


async def _written_columns(connection: asyncpg.Connection) -> list[str]:
    """The columns in which the close left any loan with another value."""
    names = await _loan_columns(connection)
    differ = ", ".join(f"bool_or(a.{name} IS DISTINCT FROM b.{name}) AS {name}" for name in names)
    row = await connection.fetchrow(
        f"SELECT {differ} FROM after AS a JOIN before AS b USING (loan_id)"  # noqa: S608 - own names
    )
    assert row is not None
    return [name for name in names if row[name]]


async def _write(connection: asyncpg.Connection, table: str, columns: list[str]) -> None:
    await connection.execute(
        f"UPDATE loan AS l SET {', '.join(f'{name} = w.{name}' for name in columns)}"  # noqa: S608 - own names
        f" FROM {table} AS w WHERE l.loan_id = w.loan_id"
    )


async def _bare(connection: asyncpg.Connection) -> float:
    names = (
        "event_id, topic, partition, type, key, subject, loan_seq, occurred_at, data, correlation_id,"
        " causation_id, traceparent"
    )
    columns = await _written_columns(connection)
    await connection.execute("ANALYZE before, after, said")
    started = time.perf_counter()
    async with connection.transaction():
        await _write(connection, "after", columns)
        await connection.execute(
            "INSERT INTO subject_sequence AS s SELECT subject, count(*) FROM said GROUP BY subject"
            " ON CONFLICT (subject) DO UPDATE SET last_seq = s.last_seq + excluded.last_seq"
        )
        await connection.execute(f"INSERT INTO outbox ({names}) SELECT {names} FROM said ORDER BY id")  # noqa: S608
    return time.perf_counter() - started
