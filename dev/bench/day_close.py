"""Day close: seconds over a large portfolio of which few loans change, beside the bare SQL that writes the same."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from dev.bench.machine import PARTITIONS, Place
from dev.bench.portfolio import NOW, TODAY, ZONE, fill, loan_columns
from dev.bench.result import Result
from ledger import closing
from ledger.handlers.core_facts import Intake
from ledger.policy import House
from spine.clock import FixedClock
from spine.database import Runtime, create_engine, plain_url

LOANS: Final = 1_000_000
CHANGES: Final = 10_000
#: How often all are measured, in turn; the fastest of each counts, as others may use the machine.
_ROUNDS: Final = 3


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


async def measure(places: Sequence[tuple[Place, int]], changes: int) -> list[DayClose]:
    """Closes one date over portfolios of several sizes, of each of which `changes` loans change.

    The bare loop is one UPDATE of the same columns of the same loans to the same values, one upsert of the same
    event counts and one INSERT of the same outbox rows, on the same tables and indexes in one transaction that is
    durable like ours. It writes what the first close wrote, which was kept aside. Before each of the two the tables
    are as they were, vacuumed, and after a checkpoint, so that both write whole pages to the WAL. All take turns
    a few times; the fastest of each counts.
    """
    best: dict[int, tuple[float, float]] = {}
    for round_ in range(_ROUNDS):
        for place, loans in places:
            connection = await asyncpg.connect(plain_url(place.urls["ledger"]))
            try:
                if round_ == 0:
                    await fill(connection, loans, changes)
                elapsed_s = await _close(place, changes)
                if round_ == 0:
                    await _keep(connection)
                await _take_back(connection)
                bare_s = await _bare(connection)
                await _take_back(connection)
            finally:
                await connection.close()
            fastest_s, fastest_bare_s = best.get(loans, (elapsed_s, bare_s))
            best[loans] = min(fastest_s, elapsed_s), min(fastest_bare_s, bare_s)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [DayClose(loans, changes, *best[loans], peak_mib) for _, loans in places]


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


async def _keep(connection: asyncpg.Connection) -> None:
    """Keeps what the close wrote."""
    await connection.execute(
        "CREATE TABLE after AS SELECT * FROM loan WHERE loan_id IN (SELECT loan_id FROM before);"
        "CREATE TABLE said AS SELECT * FROM outbox WHERE subject IS NOT NULL ORDER BY id;"
        "ANALYZE before, after, said"
    )


async def _take_back(connection: asyncpg.Connection) -> None:
    """Puts the tables back to where they were."""
    await _write(connection, "before", await _written_columns(connection))
    await connection.execute(
        "TRUNCATE outbox, close_run, business_date;"
        "UPDATE subject_sequence SET last_seq = 1 WHERE last_seq > 1"
    )
    await connection.execute("VACUUM ANALYZE loan, outbox, subject_sequence")
    await connection.execute("CHECKPOINT")


async def _written_columns(connection: asyncpg.Connection) -> list[str]:
    """The columns in which the close left any loan with another value."""
    names = await loan_columns(connection)
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
    started = time.perf_counter()
    async with connection.transaction():
        await _write(connection, "after", columns)
        await connection.execute(
            "INSERT INTO subject_sequence AS s SELECT subject, count(*) FROM said GROUP BY subject"
            " ON CONFLICT (subject) DO UPDATE SET last_seq = s.last_seq + excluded.last_seq"
        )
        await connection.execute(f"INSERT INTO outbox ({names}) SELECT {names} FROM said ORDER BY id")  # noqa: S608
    return time.perf_counter() - started
