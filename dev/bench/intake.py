"""Intake: repayments a second from the broker into the books, beside reading and COPYing the same records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
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
    return Result(name, "events/s", EVENTS / elapsed_s, "read and COPY the records", EVENTS / bare_s, 5_000)


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
            await asyncio.sleep(0.02)


async def _bare(place: Place) -> float:
    """Reads the repayments again as another group and COPYs them, 500 a transaction, with nothing decided."""
    reader = place.broker.consumer("bare", [COREBANKING], "bare")
    await reader.start()
    tps = [TopicPartition(COREBANKING, n) for n in range(PARTITIONS)]
    while len(reader.assignment()) < PARTITIONS:
        await reader.poll(0.05, 1)
    for tp in tps:
        reader.seek(tp, 0)
    connection = await asyncpg.connect(plain_url(place.urls["ledger"]))
    await connection.execute(
        "CREATE TABLE bare (topic text, partition int, at bigint, key bytea, value bytea)"
    )
    read, started = 0, time.perf_counter()
    while read < LOANS + EVENTS:
        rows = [
            (r.topic, r.partition, r.offset, r.key, r.value)
            for records in (await reader.poll(1.0, 500)).values()
            for r in records
        ]
        if read < LOANS <= read + len(rows):
            started = time.perf_counter()
        await connection.copy_records_to_table("bare", records=rows)
        read += len(rows)
    elapsed_s = time.perf_counter() - started
    await connection.close()
    await reader.stop()
    return elapsed_s
