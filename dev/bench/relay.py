"""The relay: events a second from committed outbox rows onto the broker, beside publishing alone."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy import text

from dev.bench.machine import PARTITIONS, Place
from dev.bench.result import Result
from spine.broker.port import OutRecord
from spine.clock import SystemClock
from spine.database import Runtime, Tx, create_engine
from spine.envelope import Envelope
from spine.events.ledger import LEDGER, LoanCured
from spine.events.registry import encode
from spine.outbox import emit
from spine.relay import Relay
from spine.service import Due, Service
from spine.topics import partition_of

EVENTS = 60_000
_BARE_BATCH = 2_000


def _event(number: int) -> LoanCured:
    return LoanCured(
        borrower_id=f"B{number % 5_000}",
        loan_id=f"L{number}",
        product="consumer-loan",
        currency="CNY",
        as_of=date(2026, 1, 1),
        outstanding_principal="1000.00",
    )


async def _never_due(_: Tx) -> Due:
    return Due(0, None)


async def measure(place: Place) -> Result:
    """Fills the outbox, then relays it; the bare loop publishes the same bytes without a database."""
    bare_per_s = EVENTS / await _bare(place)
    engine = create_engine(place.urls["ledger"], name="bench")
    runtime = Runtime("ledger", engine, SystemClock(), ZoneInfo("Asia/Shanghai"), PARTITIONS)
    service = Service("ledger", LEDGER, (), (), APIRouter(), "ledger", _never_due)
    try:
        for start in range(0, EVENTS, 500):
            async with runtime.transaction() as tx:
                for number in range(start, start + 500):
                    emit(tx, _event(number))
        async with engine.begin() as connection:
            await connection.execute(text("ANALYZE outbox"))
        relay = Relay(service, runtime, place.broker, member="bench", outbox_woken=asyncio.Event())
        stopping = asyncio.Event()
        started = time.perf_counter()
        task = asyncio.create_task(relay.run(stopping))
        await _until_published(runtime)
        elapsed_s = time.perf_counter() - started
        stopping.set()
        await task
    finally:
        await engine.dispose()
    return Result(
        f"relay, {place.broker_name}",
        "events/s",
        EVENTS / elapsed_s,
        "publish the same records",
        bare_per_s,
        10_000,
    )


async def _bare(place: Place) -> float:
    records = []
    for number in range(EVENTS):
        event = _event(number)
        assert event.key is not None
        envelope = Envelope(f"bare-{number}", "bench", event.TYPE, datetime.now(UTC), event.subject)
        partition = partition_of(event.key, PARTITIONS)
        records.append(
            OutRecord("ledger.v1.dlq", partition, event.key.encode(), encode(event), envelope.headers())
        )
    started = time.perf_counter()
    for start in range(0, EVENTS, _BARE_BATCH):
        await place.broker.publish(records[start : start + _BARE_BATCH])
    return time.perf_counter() - started


async def _until_published(runtime: Runtime) -> None:
    async with asyncio.timeout(120):
        while True:
            async with runtime.engine.connect() as connection:
                done = await connection.execute(text("SELECT sum(published_position) FROM outbox_mark"))
                if (done.scalar() or 0) >= EVENTS:
                    return
            await asyncio.sleep(0.02)
