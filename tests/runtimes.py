"""Builds a service's runtime on a fresh, migrated database, as its composition root would get it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text

from spine.clock import FixedClock
from spine.database import Runtime, create_engine
from spine.envelope import Envelope
from spine.events.registry import Event, encode
from spine.migrations import migrate
from spine.service import Received

SHANGHAI = ZoneInfo("Asia/Shanghai")


@asynccontextmanager
async def service_runtime(
    make_database: Callable[[], Awaitable[str]],
    service: str,
    *,
    now: datetime = datetime(2026, 11, 23, 4, tzinfo=UTC),
    partitions: int = 2,
) -> AsyncIterator[Runtime]:
    """A runtime with a settable clock (`runtime.clock.instant = ...`) on a new database of `service`."""
    url = await make_database()
    await migrate(service.replace("-", "_"), url)
    engine = create_engine(url, name=f"test-{service}")
    try:
        yield Runtime(service, engine, FixedClock(now), SHANGHAI, partitions)
    finally:
        await engine.dispose()


def received(
    event: Event, *, id: str, position: int | None = None, loan_seq: int | None = None, partition: int = 0
) -> Received:
    """An event as a consumer would hand it to a handler."""
    envelope = Envelope(
        id=id,
        source="test",
        type=event.TYPE,
        subject=event.subject,
        position=position,
        loan_seq=loan_seq,
        log_epoch="epoch" if position is not None else None,
    )
    return Received(event.TOPIC, partition, (position or 1) - 1, envelope, event, encode(event))


async def emitted(runtime: Runtime) -> list[tuple[str, dict[str, object]]]:
    """All events in the outbox, in order: (type, data)."""
    async with runtime.engine.connect() as connection:
        rows = await connection.execute(text("SELECT type, data FROM outbox ORDER BY id"))
        return [(row.type, msgspec.json.decode(row.data)) for row in rows]
