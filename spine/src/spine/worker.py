"""A service's worker process: consumer, relay and schedules side by side, until told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from spine.broker.port import Broker, BrokerUnreachable, PublishFailed
from spine.clock import wall_now
from spine.consumer import Consumer
from spine.database import Runtime, is_transient, plain_url
from spine.errors import Fenced
from spine.listen import Listener
from spine.migrations import require_head
from spine.relay import Relay
from spine.service import Schedule, Service
from spine.topics import TOPICS, all_topic_names, dead_letter_topic
from spine.wakeups import Wakeups

log = structlog.get_logger()

#: Failing for this long without a break, the process gives up and its supervisor starts it anew.
GIVE_UP_S: Final = 60.0
TRIM_EVERY_S: Final = 3_600.0
_PASSING: Final = (KafkaError, BrokerUnreachable, PublishFailed, Fenced)


async def work(
    service: Service,
    runtime: Runtime,
    broker: Broker,
    *,
    member: str,
    clock_dsn: str | None,
    stopping: asyncio.Event,
) -> None:
    """Runs a service's worker until `stopping` is set; what is begun is finished first.

    `clock_dsn` is where the stepped clock announces its jumps (None in production). Raises WrongSchema,
    PartitionMismatch, OffsetLost, Stopped, or the last of errors that do not go away.
    """
    await require_head(service.migrations, runtime.engine)
    await broker.start()
    await broker.ensure_topics(all_topic_names(), runtime.partitions)
    wakeups = Wakeups()
    own = Listener(plain_url(runtime.engine.url.render_as_string(hide_password=False)), ["outbox"])
    await own.start()
    clock = Listener(clock_dsn, ["business_clock"]) if clock_dsn else None
    if clock is not None:
        await clock.start()

    def consumer() -> Consumer:
        topics = [consume.topic for consume in service.consumes]
        reader = broker.consumer(service.name, topics, member)
        return Consumer(service, runtime, reader, member=member, wakeups=wakeups)

    def relay() -> Relay:
        return Relay(service, runtime, broker, member=member, outbox_woken=own.event("outbox"))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_keep("relay", lambda: relay().run(stopping), stopping))
            if service.consumes:
                group.create_task(_keep("consumer", lambda: consumer().run(stopping), stopping))
            for schedule in service.schedules:
                run = _schedule_loop(schedule, wakeups.subscribe(), stopping)
                group.create_task(_keep(schedule.name, run, stopping))
            trim = _schedule_loop(_trimming(service, broker), asyncio.Event(), stopping)
            group.create_task(_keep("trim", trim, stopping))
            group.create_task(_forward_wakeups(clock, wakeups, stopping))
    finally:
        if clock is not None:
            await clock.close()
        await own.close()
        await broker.close()
        for close in service.closing:
            await close()
        await runtime.engine.dispose()


def _trimming(service: Service, broker: Broker) -> Schedule:
    """Deletes old records of the topics this service answers for, where the broker does not by itself.

    Each topic has one such service: its owner, or the only reader of what core banking publishes.
    """
    kept = [
        t
        for t in TOPICS.values()
        if service.name == t.owner or (not t.positioned and service.name in t.readers)
    ]

    async def run() -> int:
        for topic in kept:
            before = wall_now() - timedelta(days=topic.retention_days)
            await broker.trim(before, [topic.name, dead_letter_topic(topic.name)])
        return 0

    return Schedule("trim", run, every_s=TRIM_EVERY_S)


async def _keep(name: str, run: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Runs a part again after failures that pass: lost connections, a broker or database restarting."""
    failing_since: float | None = None
    while not stopping.is_set():
        started = time.monotonic()
        try:
            await run()
            return
        except Exception as error:
            if not (
                is_transient(error)
                or isinstance(error, KafkaError | BrokerUnreachable | PublishFailed | Fenced)
            ):
                raise
            now = time.monotonic()
            if failing_since is None or now - started > GIVE_UP_S:
                failing_since = now
            if now - failing_since > GIVE_UP_S:
                raise
            log.warning("part failed, starting it again", part=name, error=repr(error)[:300])
            await _sleep(min(0.2 + (now - failing_since) / 4, 3.0), stopping)


def _schedule_loop(
    schedule: Schedule, woken: asyncio.Event, stopping: asyncio.Event
) -> Callable[[], Awaitable[None]]:
    async def loop() -> None:
        while not stopping.is_set():
            woken.clear()
            if await schedule.run() == 0:
                await _first(woken, stopping, timeout=schedule.every_s)

    return loop


async def _forward_wakeups(clock: Listener | None, wakeups: Wakeups, stopping: asyncio.Event) -> None:
    if clock is None:
        return
    jumped = clock.event("business_clock")
    while not stopping.is_set():
        await _first(jumped, stopping, timeout=1.0)
        if jumped.is_set():
            jumped.clear()
            wakeups.wake_all()


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    await _first(stopping, timeout=seconds)


async def _first(*events: asyncio.Event, timeout: float) -> None:
    """Waits until one of the events is set or the time is over."""
    if any(event.is_set() for event in events):
        return
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
