"""A minimal service on real tables and a real broker: it counts what its handler was given."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from fastapi import APIRouter
from sqlalchemy import text

from spine import flow_tables
from spine.broker.embedded import EmbeddedLog
from spine.broker.port import Broker, OutRecord, TopicPartition
from spine.clock import FixedClock
from spine.consumer import Consumer
from spine.database import Runtime, Tx, create_engine
from spine.envelope import Envelope
from spine.events.ledger import LoanCured
from spine.events.registry import encode
from spine.events.stager import StagerTick
from spine.migrations import migrate
from spine.outbox import emit
from spine.relay import Relay
from spine.service import Consume, Due, Received, Service
from spine.topics import all_topic_names, partition_of
from spine.wakeups import Wakeups
from tests.runtimes import SHANGHAI

PARTITIONS = 2
MakeDatabase = Callable[[], Awaitable[str]]


def cured(loan: str, borrower: str = "B1") -> LoanCured:
    return LoanCured(
        borrower_id=borrower,
        loan_id=loan,
        product="p",
        currency="CNY",
        as_of=date(2026, 11, 23),
        outstanding_principal="0.00",
    )


def record(
    event: LoanCured, position: int | None, *, epoch: str = "e1", value: bytes | None = None
) -> OutRecord:
    """A record on ledger.v1 as the ledger's relay would publish it."""
    envelope = Envelope(
        id=f"{event.loan_id}-{position}",
        source="tact/ledger",
        type=event.TYPE,
        subject=event.loan_id,
        position=position,
        log_epoch=epoch,
        loan_seq=position,
    )
    partition = partition_of(event.borrower_id, PARTITIONS)
    body = encode(event) if value is None else value
    return OutRecord("ledger.v1", partition, event.borrower_id.encode(), body, envelope.headers())


async def _nothing_due(_: Tx) -> Due:
    return Due(0, None)


@dataclass
class Probe:
    """The service under test: a `stager` that reads ledger.v1 and stores loan ids."""

    runtime: Runtime
    broker: Broker
    early: list[str] = field(default_factory=list)
    fail_on: set[str] = field(default_factory=set)
    #: Loans whose batch stays at work until their event is set.
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    #: Held loans whose batch is or was at work.
    at_work: set[str] = field(default_factory=set)

    async def handle(self, tx: Tx, events: Sequence[Received]) -> None:
        loans = [r.event.subject for r in events if isinstance(r.event, LoanCured)]
        if bad := self.fail_on.intersection(filter(None, loans)):
            raise RuntimeError(f"cannot handle {bad}")
        for loan in loans:
            if loan in self.held:
                self.at_work.add(loan)
                await self.held[loan].wait()
        await tx.execute(
            "INSERT INTO seen (loan_id) SELECT * FROM unnest(CAST(:loans AS text[]))", loans=loans
        )

    async def handle_early(self, tx: Tx, events: Sequence[Received]) -> None:
        self.early += [r.event.subject or "" for r in events]

    @property
    def service(self) -> Service:
        return Service(
            name="stager",
            topic="stager.v1",
            emits=(StagerTick,),
            consumes=(
                Consume(
                    "ledger.v1",
                    (LoanCured,),
                    self.handle,
                    early=self.handle_early,
                    early_types=(LoanCured,),
                ),
            ),
            router=APIRouter(),
            migrations="stager",
            due=_nothing_due,
            tick=StagerTick,
        )

    @asynccontextmanager
    async def consuming(self, member: str = "m0") -> AsyncIterator[asyncio.Task[None]]:
        """The consumer loop, running."""
        stopping = asyncio.Event()
        reader = self.broker.consumer("stager", ["ledger.v1"], member)
        consumer = Consumer(self.service, self.runtime, reader, member=member, wakeups=Wakeups())
        task = asyncio.create_task(consumer.run(stopping))
        try:
            yield task
        finally:
            stopping.set()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(task, 15)

    @asynccontextmanager
    async def relaying(self, service: Service | None = None) -> AsyncIterator[asyncio.Task[None]]:
        """The relay, running."""
        stopping = asyncio.Event()
        relay = Relay(
            service or self.service, self.runtime, self.broker, member="m0", outbox_woken=asyncio.Event()
        )
        task = asyncio.create_task(relay.run(stopping))
        try:
            yield task
        finally:
            stopping.set()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(task, 15)

    async def seen(self) -> list[str]:
        async with self.runtime.engine.connect() as connection:
            rows = await connection.execute(text("SELECT loan_id FROM seen ORDER BY n"))
            return [row.loan_id for row in rows]

    async def fetch(self, sql: str) -> list[dict[str, object]]:
        async with self.runtime.engine.connect() as connection:
            return [dict(row._mapping) for row in await connection.execute(text(sql))]

    async def emit(self, *loans: str) -> None:
        async with self.runtime.transaction() as tx:
            for loan in loans:
                emit(tx, cured(loan))


@asynccontextmanager
async def probe(make_database: MakeDatabase) -> AsyncIterator[Probe]:
    """A probe on fresh databases for itself and the log."""
    log_url = await make_database()
    await migrate("spine.broker", log_url)
    engine = create_engine(await make_database(), name="probe")
    async with engine.begin() as connection:
        for statement in flow_tables._STATEMENTS_V1:
            await connection.execute(text(statement))
        await connection.execute(
            text("CREATE TABLE seen (n bigint GENERATED ALWAYS AS IDENTITY, loan_id text UNIQUE)")
        )
    broker = EmbeddedLog(log_url)
    await broker.start()
    await broker.ensure_topics(all_topic_names(), PARTITIONS)
    runtime = Runtime("stager", engine, FixedClock(datetime(2026, 11, 23, tzinfo=UTC)), SHANGHAI, PARTITIONS)
    try:
        yield Probe(runtime, broker)
    finally:
        await broker.close()
        await engine.dispose()


async def topic_positions(broker: Broker, topic: str) -> dict[int, list[tuple[int, str]]]:
    """(position, subject) of every positioned record of a topic, by partition, in offset order."""
    reader = broker.consumer("reader", [topic], "r0")
    await reader.start()
    found: dict[int, list[tuple[int, str]]] = {}
    tps = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    while len(reader.assignment()) < PARTITIONS:
        await reader.poll(0.05, 10)
    for tp in tps:
        reader.seek(tp, 0)
    ends = await reader.end_offsets(tps)
    reached = dict.fromkeys(tps, 0)
    while any(reached[tp] < ends[tp] for tp in tps):
        for tp, records in (await reader.poll(0.2, 500)).items():
            for one in records:
                envelope = Envelope.from_headers(one.headers)
                if envelope.position is not None:
                    found.setdefault(tp.partition, []).append((envelope.position, envelope.subject or ""))
                reached[tp] = one.offset + 1
    await reader.stop()
    return found


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 20.0) -> None:
    """Waits for something that must become true."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.02)
