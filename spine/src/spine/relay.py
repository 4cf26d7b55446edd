"""The relay: gives committed outbox rows their gapless positions, publishes them in order, and ticks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from spine import metrics
from spine.broker.port import Broker, OutRecord, PublishFailed
from spine.database import Runtime, plain_url
from spine.envelope import Envelope
from spine.errors import Fenced
from spine.events.registry import encode
from spine.failpoints import failpoint
from spine.service import Service

log = structlog.get_logger()

BATCH: Final = 2_000
#: Published at once at most this many of one partition.
PER_PARTITION: Final = 1_000
TICK_EVERY_S: Final = 1.0
#: Without a notification the outbox is looked at this often.
IDLE_S: Final = 0.5
_LOCK_KEY: Final = 0x7AC7_0001

# By visibility, never by `id > last`: a row that commits late has a low id and gets a later position.
_POSITIONS = text("""
    WITH fresh AS (
        SELECT id, topic, partition, row_number() OVER (PARTITION BY topic, partition ORDER BY id) AS n
        FROM (SELECT id, topic, partition FROM outbox WHERE position IS NULL ORDER BY id LIMIT :batch) AS f),
    marks AS (
        INSERT INTO outbox_mark AS m (topic, partition, last_position, published_position)
        SELECT topic, partition, count(*), 0 FROM fresh GROUP BY topic, partition
        ON CONFLICT (topic, partition) DO UPDATE SET last_position = m.last_position + excluded.last_position
        RETURNING topic, partition, last_position),
    counts AS (SELECT topic, partition, count(*) AS n FROM fresh GROUP BY topic, partition)
    UPDATE outbox AS o
    SET position = m.last_position - c.n + f.n
    FROM fresh f JOIN marks m USING (topic, partition) JOIN counts c USING (topic, partition)
    WHERE o.id = f.id
""")

_UNPUBLISHED = text("""
    SELECT o.*
    FROM outbox_mark m
    CROSS JOIN LATERAL (
        SELECT * FROM outbox o
        WHERE o.topic = m.topic AND o.partition = m.partition AND o.position > m.published_position
          AND o.position IS NOT NULL
        ORDER BY o.position LIMIT :per_partition) AS o
    WHERE m.published_position < m.last_position
    ORDER BY o.topic, o.partition, o.position
""")

_PUBLISHED = text("""
    UPDATE outbox_mark AS m SET published_position = greatest(m.published_position, u.position)
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:positions AS bigint[]))
         AS u(topic, partition, position)
    WHERE m.topic = u.topic AND m.partition = u.partition
""")

_OWNED = text("SELECT 1 FROM relay WHERE id = 1 AND owner_epoch = :epoch FOR SHARE")
_SEEN = text("UPDATE relay SET seen_at = clock_timestamp() WHERE id = 1 AND owner_epoch = :epoch RETURNING 1")
_TAKE = text(
    "UPDATE relay SET owner_epoch = owner_epoch + 1, owner = :owner WHERE id = 1"
    " RETURNING owner_epoch, log_epoch"
)
_INPUTS = text(
    "SELECT count(*) FILTER (WHERE caught_up_at IS NOT NULL AND stopped IS NULL AND gap_since IS NULL) AS read,"
    " min(caught_up_at) AS caught_up_at FROM consumer_progress WHERE topic = ANY(:topics)"
)


class Relay:
    """One per service is at work; others wait for its advisory lock. The row epoch fences a lost one."""

    def __init__(
        self, service: Service, runtime: Runtime, broker: Broker, *, member: str, outbox_woken: asyncio.Event
    ) -> None:
        self._service = service
        self._runtime = runtime
        self._broker = broker
        self._member = member
        self._woken = outbox_woken
        self._epoch = -1
        self._log_epoch = ""
        self._beat_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Relays until `stopping`; publishes what is committed before it returns."""
        url = self._runtime.engine.url.render_as_string(hide_password=False)
        lock = await asyncpg.connect(plain_url(url), timeout=10)
        try:
            if not await self._lead(lock, stopping):
                return
            while not stopping.is_set():
                if lock.is_closed():
                    raise Fenced("the relay's lock connection was lost")
                self._woken.clear()
                busy = await self._step()
                if not busy:
                    await self._rest(stopping)
            await self._step()
        finally:
            await lock.close(timeout=2)

    async def _lead(self, lock: asyncpg.Connection, stopping: asyncio.Event) -> bool:
        while not await lock.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_KEY):
            if stopping.is_set():
                return False
            await asyncio.sleep(0.5)
        async with self._runtime.engine.begin() as connection:
            row = (await connection.execute(_TAKE, {"owner": self._member})).one()
        self._epoch, self._log_epoch = row.owner_epoch, row.log_epoch
        log.info("relay leads", service=self._service.name, epoch=self._epoch)
        return True

    async def _rest(self, stopping: asyncio.Event) -> None:
        timeout = max(0.005, min(IDLE_S, self._beat_at + TICK_EVERY_S - time.monotonic()))
        waits = [asyncio.ensure_future(e.wait()) for e in (self._woken, stopping)]
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _step(self) -> bool:
        """Positions, publication, mark, tick. Returns whether more is waiting."""
        caught_up_at, at, given = await self._give_positions()
        failpoint("relay.after_positions")
        while await self._publish_waiting():
            pass
        if given == BATCH:
            return True
        # Every row that was visible at `at` has been published, whatever has been committed since.
        if self._beat_due():
            self._beat_at = time.monotonic()
            async with self._runtime.engine.begin() as connection:
                if (await connection.execute(_SEEN, {"epoch": self._epoch})).one_or_none() is None:
                    raise self._fenced()
            if self._service.tick is not None and caught_up_at is not None:
                await self._tick(min(at, caught_up_at))
        return False

    def _beat_due(self) -> bool:
        return time.monotonic() >= self._beat_at + TICK_EVERY_S

    async def _give_positions(self) -> tuple[datetime | None, datetime, int]:
        """The order matters: inputs, then the instant, then the snapshot that positions are given in."""
        async with self._runtime.engine.connect() as connection:
            caught_up_at = await self._inputs_read(connection) if self._beat_due() else None
            at = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
            await connection.rollback()
            async with connection.begin():
                await self._fence(connection)
                given = (await connection.execute(_POSITIONS, {"batch": BATCH})).rowcount
        return caught_up_at, at, given

    async def _fence(self, connection: AsyncConnection) -> None:
        if (await connection.execute(_OWNED, {"epoch": self._epoch})).one_or_none() is None:
            raise self._fenced()

    def _fenced(self) -> Fenced:
        return Fenced(f"{self._service.name}: another relay has taken over")

    async def _inputs_read(self, connection: AsyncConnection) -> datetime | None:
        """The instant at which every partition of every input had been read to its end; None if never."""
        topics = [consume.topic for consume in self._service.consumes if consume.holds_ticks]
        if not topics:
            return (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()  # type: ignore[no-any-return]
        row = (await connection.execute(_INPUTS, {"topics": topics})).one()
        if row.read < len(topics) * self._runtime.partitions:
            return None
        caught_up_at: datetime = row.caught_up_at
        return caught_up_at

    async def _publish_waiting(self) -> bool:
        """Publishes what has positions, in order; returns whether there may be more."""
        async with self._runtime.engine.connect() as connection:
            rows = (await connection.execute(_UNPUBLISHED, {"per_partition": PER_PARTITION})).all()
        if not rows:
            return False
        records = [self._record(row) for row in rows]
        await self._publish(records)
        failpoint("relay.after_publish")
        marks: dict[tuple[str, int], int] = {}
        for row in rows:
            marks[row.topic, row.partition] = row.position
        async with self._runtime.engine.begin() as connection:
            await self._fence(connection)
            await connection.execute(
                _PUBLISHED,
                {
                    "topics": [topic for topic, _ in marks],
                    "partitions": [partition for _, partition in marks],
                    "positions": list(marks.values()),
                },
            )
        metrics.RECORDS_OUT.labels(self._service.name).inc(len(rows))
        return len(rows) >= PER_PARTITION

    def _record(self, row: Row[Any]) -> OutRecord:
        envelope = Envelope(
            id=row.event_id,
            source=self._runtime.source,
            type=row.type,
            time=row.occurred_at,
            subject=row.subject,
            position=row.position,
            log_epoch=self._log_epoch,
            loan_seq=row.loan_seq,
            correlation_id=row.correlation_id,
            causation_id=row.causation_id,
            traceparent=row.traceparent,
        )
        key = row.key.encode() if row.key is not None else None
        return OutRecord(row.topic, row.partition, key, row.data, envelope.headers())

    async def _publish(self, records: Sequence[OutRecord]) -> None:
        """Publishes until the broker confirms: twins are dropped by position, so trying again is safe."""
        delay_s = 0.1
        while True:
            try:
                await self._broker.publish(records)
                return
            except PublishFailed as failed:
                log.warning("publish failed, trying again", service=self._service.name, detail=failed.detail)
                metrics.REPUBLISHED.labels(self._service.name).inc()
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 2.0)
                async with self._runtime.engine.begin() as connection:
                    await self._fence(connection)

    async def _tick(self, at: datetime) -> None:
        """Straight to the broker, without position or outbox: the newest wins and a lost one is no loss."""
        assert self._service.tick is not None
        records = []
        for partition in range(self._runtime.partitions):
            tick = self._service.tick(partition=partition, at=at)
            envelope = Envelope(
                id=f"tick-{partition}-{at.timestamp():.6f}",
                source=self._runtime.source,
                type=tick.TYPE,
                time=at,
                log_epoch=self._log_epoch,
            )
            records.append(OutRecord(self._service.topic, partition, None, encode(tick), envelope.headers()))
        await self._broker.publish(records)
        async with self._runtime.engine.begin() as connection:
            await connection.execute(text("UPDATE relay SET ticked_at = :at WHERE id = 1"), {"at": at})
