"""Staging: cases that enter their stages after a close, in two lanes as a worker takes them, beside a bare loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import text

from dev.bench.machine import PARTITIONS, Place
from dev.bench.result import Result
from spine.clock import FixedClock
from spine.database import Runtime, Tx, create_engine, plain_url
from spine.envelope import Envelope
from spine.events.ledger import LEDGER, BusinessDateClosed, LoanOverdue, Overdue
from spine.events.registry import Event, encode
from spine.lanes import LANES, MAX_BATCH
from spine.service import Received, Service
from spine.topics import partition_of
from stager.app import build

CASES: Final = 30_000
#: So many borrowers a close decides at once.
_PORTION: Final = 2_000
_TARGET: Final = 5_000
_DUE_ON: Final = date(2026, 11, 19)
_AS_OF: Final = date(2026, 11, 20)
_NOW: Final = datetime(2026, 11, 19, 16, 10, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Written:
    """What a close wrote into one table."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


async def measure(place: Place) -> list[Result]:
    """Takes in the arrears of all loans, each of another borrower, and then closes the date."""
    engine = create_engine(place.urls["stager"], name="bench")
    runtime = Runtime("stager", engine, FixedClock(_NOW), ZoneInfo("Asia/Shanghai"), PARTITIONS)
    try:
        service = build(runtime)
        facts = [_fact(_overdue(n), n) for n in range(CASES)]
        started = time.perf_counter()
        await asyncio.gather(*(_work(service, runtime, _batches(facts, lane)) for lane in range(LANES)))
        taken_s = time.perf_counter() - started
        async with engine.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))
        started = time.perf_counter()
        closes = [
            [[_closed(partition)] for partition in range(lane, PARTITIONS, LANES)] for lane in range(LANES)
        ]
        await asyncio.gather(*(_work(service, runtime, iter(batches)) for batches in closes))
        staged_s = time.perf_counter() - started
    finally:
        await engine.dispose()
    bare_s = await _bare(place)
    bare = CASES / bare_s
    return [
        Result("arrears taken in, a case opened each", "cases/s", CASES / taken_s, "as below", bare, _TARGET),
        Result("cases staged at a close", "cases/s", CASES / staged_s, "writes the same rows", bare, _TARGET),
    ]


async def _work(service: Service, runtime: Runtime, batches: Iterator[Sequence[Received]]) -> None:
    for batch in batches:
        await _take(service, runtime, batch)


def _batches(facts: Sequence[Received], lane: int) -> Iterator[Sequence[Received]]:
    """What a worker reads at once for one of its lanes: partition n of every topic goes through lane n modulo."""
    own = [fact for fact in facts if fact.partition % LANES == lane]
    for begin in range(0, len(own), MAX_BATCH):
        yield own[begin : begin + MAX_BATCH]


async def _take(service: Service, runtime: Runtime, batch: Sequence[Received]) -> None:
    handler = next(consume.handler for consume in service.consumes if consume.topic == LEDGER)

    async def work(tx: Tx) -> None:
        await handler(tx, batch)

    await runtime.run(work)


async def _bare(place: Place) -> float:
    """Inserts the entries, timers and events again and updates the episodes, with nothing decided: twins of the
    tables with the same indexes, a portion a transaction."""
    connection = await asyncpg.connect(plain_url(place.urls["stager"]))
    try:
        written = [await _twin(connection, name) for name in ("stage_entry", "step_timer", "outbox")]
        await connection.execute("CREATE TABLE bare_episode (LIKE episode INCLUDING ALL)")
        await connection.execute("INSERT INTO bare_episode SELECT * FROM episode")
        loans = [row[0] for row in await connection.fetch("SELECT loan_id FROM episode ORDER BY loan_id")]
        started = time.perf_counter()
        for begin in range(0, CASES, _PORTION):
            async with connection.transaction():
                for table in written:
                    share = len(table.rows) // CASES
                    rows = table.rows[begin * share : (begin + _PORTION) * share]
                    await connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
                await connection.execute(
                    "UPDATE bare_episode SET stage = 'S1', entry_no = 1, entered_on = $2, judged_on = $2"
                    " FROM unnest($1::text[]) AS u(loan_id) WHERE bare_episode.loan_id = u.loan_id",
                    loans[begin : begin + _PORTION],
                    _AS_OF,
                )
        return time.perf_counter() - started
    finally:
        await connection.close()


async def _twin(connection: asyncpg.Connection, table: str) -> _Written:
    """An empty table like one of the stager's, and the rows that the close wrote into that one."""
    found = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 (one of three names)
    columns = tuple(name for name in found[0].keys() if name != "id")  # noqa: SIM118 (a record has no names else)
    await connection.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
    return _Written(f"bare_{table}", columns, [tuple(row[name] for name in columns) for row in found])


def _fact(event: Event, number: int) -> Received:
    envelope = Envelope(
        id=f"e{number}", source="urn:bench", type=event.TYPE, subject=event.subject, loan_seq=1
    )
    partition = partition_of(event.key or "", PARTITIONS)
    return Received(LEDGER, partition, number, envelope, event, encode(event))


def _closed(partition: int) -> Received:
    event = BusinessDateClosed(date=_DUE_ON)
    envelope = Envelope(id=f"c{partition}", source="urn:bench", type=event.TYPE)
    return Received(LEDGER, partition, CASES, envelope, event, encode(event))


def _overdue(number: int) -> LoanOverdue:
    overdue = Overdue(
        principal="900.00", interest="100.00", fee="0.00", penalty="0.45", compound="0.00", total="1000.45"
    )
    return LoanOverdue(
        borrower_id=f"B{number}",
        loan_id=f"L{number}",
        product="consumer",
        currency="CNY",
        as_of=_AS_OF,
        dpd=1,
        dpd_zero_on=_DUE_ON,
        oldest_unpaid_due_on=_DUE_ON,
        overdue=overdue,
        outstanding_principal="9000.00",
    )
