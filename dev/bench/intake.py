"""Intake: repayments a second from the broker into the books, beside reading and COPYing the same records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import text

from dev.bench.machine import PARTITIONS, Place
from dev.bench.result import Result
from ledger.app import build
from spine.broker.port import OutRecord, TopicPartition
from spine.clock import FixedClock
from spine.consumer import Consumer
from spine.database import Runtime, create_engine, plain_url
from spine.events.corebanking import COREBANKING
from spine.service import Service
from spine.wakeups import Wakeups
from tact.feed import to_record
from tact.portfolio.published import PublishedEvent, Publisher

LOANS = 10_000
EVENTS = 50_000
TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)


def _records(publisher: Publisher, type_: str, count: int) -> list[OutRecord]:
    make = _opened if type_ == "loan.opened.v1" else _repaid
    events = [publisher.publish(NOW, type_, f"{type_}-{n}", make(n)) for n in range(count)]
    return [to_record(PublishedEvent(NOW, event.event), PARTITIONS) for event in events]


def _opened(number: int) -> dict[str, object]:
    rows = [
        {
            "seq": n,
            "due_on": (TODAY + timedelta(days=30 * n - 95)).isoformat(),
            "principal": "1000.00",
            "interest": "50.00",
        }
        for n in range(1, 13)
    ]
    return {
        "borrower_id": f"B{number}",
        "loan_id": f"L{number}",
        "product": "consumer-loan",
        "currency": "CNY",
        "principal": "12000.00",
        "annual_rate": "0.12",
        "opened_on": "2026-08-01",
        "schedule": rows,
    }


def _repaid(number: int) -> dict[str, object]:
    loan = number * 7 % LOANS
    return {
        "borrower_id": f"B{loan}",
        "loan_id": f"L{loan}",
        "repayment_id": f"R{number}",
        "amount": "210.00",
        "currency": "CNY",
        "value_date": TODAY.isoformat(),
        "posted_at": NOW.isoformat(),
    }


async def measure(place: Place) -> Result:
    """Opens the loans, then takes the repayments in on one worker; all is published before it starts."""
    publisher = Publisher("urn:bench", "intake")
    engine = create_engine(place.urls["ledger"], name="bench")
    runtime = Runtime("ledger", engine, FixedClock(NOW), ZoneInfo("Asia/Shanghai"), PARTITIONS)
    try:
        service = build(runtime)
        await _publish(place, _records(publisher, "loan.opened.v1", LOANS))
        await _consume(place, service, runtime, LOANS)
        async with engine.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))
        await _publish(place, _records(publisher, "repayment.posted.v1", EVENTS))
        elapsed_s = await _consume(place, service, runtime, LOANS + EVENTS)
    finally:
        await engine.dispose()
    bare_s = await _bare(place)
    name = f"intake of repayments, {place.broker_name}"
    return Result(name, "events/s", EVENTS / elapsed_s, "read and COPY the same rows", EVENTS / bare_s, 5_000)


async def _consume(place: Place, service: Service, runtime: Runtime, wanted: int) -> float:
    """Runs one worker's consumer until what was published is committed; returns the seconds it took."""
    stopping = asyncio.Event()
    reader = place.broker.consumer("ledger", [consume.topic for consume in service.consumes], "bench")
    consumer = Consumer(service, runtime, reader, member="bench", wakeups=Wakeups())
    started = time.perf_counter()
    task = asyncio.create_task(consumer.run(stopping))
    await _until(runtime, wanted)
    elapsed_s = time.perf_counter() - started
    stopping.set()
    await task
    return elapsed_s


async def _publish(place: Place, records: Sequence[OutRecord]) -> None:
    for start in range(0, len(records), 2_000):
        await place.broker.publish(records[start : start + 2_000])


async def _until(runtime: Runtime, wanted: int) -> None:
    """Looks at the progress rows, which commit with the effects: counting those would cost what it measures."""
    read = text("SELECT coalesce(sum(next_offset), 0) FROM consumer_progress WHERE topic = :topic")
    async with asyncio.timeout(300):
        while True:
            async with runtime.engine.connect() as connection:
                if (await connection.execute(read, {"topic": COREBANKING})).scalar_one() >= wanted:
                    return
            await asyncio.sleep(0.05)


async def _bare(place: Place) -> float:
    """Reads the repayments again as another group and COPYs, with nothing decided, what intake wrote for them.

    The same rows into tables with the same indexes, and its progress, 500 records a transaction; the summaries
    of the loans, which intake updates, are left out.
    """
    reader = place.broker.consumer("bare", [COREBANKING], "bare")
    await reader.start()
    tps = [TopicPartition(COREBANKING, n) for n in range(PARTITIONS)]
    while len(reader.assignment()) < PARTITIONS:
        await reader.poll(0.05, 1)
    for tp in tps:
        reader.seek(tp, 0)
    connection = await asyncpg.connect(plain_url(place.urls["ledger"]))
    tables = [await _twin(connection, name) for name in _WRITTEN]
    await connection.execute("CREATE TABLE bare_progress (partition int PRIMARY KEY, at bigint)")
    read, started = 0, 0.0
    while read < LOANS + EVENTS:
        polled = await reader.poll(1.0, 500)
        before, read = read, read + sum(map(len, polled.values()))
        if read <= LOANS:
            continue
        started = started or time.perf_counter()
        async with connection.transaction():
            for table in tables:
                rows = table.rows_of(max(0, before - LOANS), read - LOANS)
                await connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
            await connection.executemany(
                "INSERT INTO bare_progress VALUES ($1, $2) ON CONFLICT (partition) DO UPDATE SET at = excluded.at",
                [(tp.partition, records[-1].offset) for tp, records in polled.items() if records],
            )
    elapsed_s = time.perf_counter() - started
    await connection.close()
    await reader.stop()
    return elapsed_s


#: What intake inserts for a repayment: its identity, the money, and the events that tell of it.
_WRITTEN: Final = {
    "inbox": "source, event_id, body_sha256, received_at",
    "repayment": "loan_id, repayment_id, amount_minor, value_date, posted_at, channel, recorded_at",
    "outbox": "event_id, topic, partition, type, key, subject, loan_seq, occurred_at, data, correlation_id,"
    " causation_id",
}


@dataclass(frozen=True, slots=True)
class _Table:
    """An empty table like one of the ledger's, and the rows that intake wrote into that one."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]

    def rows_of(self, begin: int, end: int) -> Sequence[tuple[object, ...]]:
        """The share of the repayments from `begin` to `end`."""
        each = len(self.rows) // EVENTS
        return self.rows[begin * each : end * each]


async def _twin(connection: asyncpg.Connection, table: str) -> _Table:
    columns = _WRITTEN[table]
    written = await connection.fetch(f"SELECT {columns} FROM {table}")  # noqa: S608
    of_repayments = written[len(written) % EVENTS :]
    await connection.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
    names = tuple(name.strip() for name in columns.split(","))
    return _Table(f"bare_{table}", names, [tuple(row) for row in of_repayments])
