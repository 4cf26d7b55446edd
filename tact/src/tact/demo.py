"""`tact demo`: a portfolio played through the real services on the stepped clock, then told in figures."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import httpx
import structlog
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from spine.broker.connect import connect
from spine.broker.port import Broker, PublishFailed, TopicPartition
from spine.business_days import business_date, local_instant
from spine.clock import step_clock
from spine.database import Runtime, create_engine, is_transient
from spine.errors import TactError
from spine.process import build_runtime
from spine.service import Service
from spine.settings import Surroundings
from spine.topics import TOPICS, all_topic_names
from tact.feed import Feed
from tact.home import Home
from tact.portfolio.published import PublishedEvent
from tact.quiescence import Busy, Quiescence, Quiet
from tact.report import Report
from tact.services import NAMES, build_of
from tact.system import OneMachine, Options

#: Nothing may be pending longer than this at one business instant.
STUCK_S: Final = 60.0
#: Where no bar can be drawn, a line is printed this often.
_TELL_EVERY_DAYS: Final = 15
T = TypeVar("T")
D = TypeVar("D")
log = structlog.get_logger()


class DemoStuck(TactError):
    """The system did not come to rest; `tact doctor` and the logs say why."""

    code = "demo_stuck"


@dataclass(frozen=True, slots=True)
class Story:
    """What is played: events in order of their instant, from `start_on` for `days` days."""

    events: Iterator[PublishedEvent]
    zone: ZoneInfo
    start_on: date
    days: int

    @property
    def starts_at(self) -> datetime:
        return local_instant(self.start_on, datetime.min.time(), self.zone)

    @property
    def ends_at(self) -> datetime:
        return local_instant(self.start_on + timedelta(days=self.days), datetime.min.time(), self.zone)


class Stage:
    """The running system with everything the player looks at."""

    def __init__(self, machine: OneMachine, surroundings: Surroundings) -> None:
        self.machine = machine
        self.surroundings = surroundings
        self.services: dict[str, tuple[Service, Runtime]] = {}
        self._closing = AsyncExitStack()

    async def open(self) -> Broker:
        """Connects to the databases, the broker and the gateway simulator."""
        self._closing.enter_context(_environment(self.machine.environment))
        for name in NAMES:
            runtime = build_runtime(name, self.surroundings, pool_size=1)
            service = build_of(name)(runtime)
            self.services[name] = (service, runtime)
            self._closing.push_async_callback(runtime.engine.dispose)
            for close in service.closing:
                self._closing.push_async_callback(close)
        self.log_engine = create_engine(self.surroundings.database_url("log"), name="demo", pool_size=2)
        self._closing.push_async_callback(self.log_engine.dispose)
        self._gateway = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.machine.ports['gateway']}", timeout=10, trust_env=False
        )
        self._closing.push_async_callback(self._gateway.aclose)
        broker = connect(self.surroundings, log_database_url=self.surroundings.database_url("log"))
        await broker.start()
        self._closing.push_async_callback(broker.close)
        await broker.ensure_topics(all_topic_names(), self.surroundings.partitions)
        external = [topic.name for topic in TOPICS.values() if not topic.positioned]
        self.broker = broker
        self._external = [
            TopicPartition(topic, n) for topic in external for n in range(self.surroundings.partitions)
        ]
        self._reader = broker.consumer("stepper", external, "stepper")
        await self._reader.start()
        self._closing.push_async_callback(self._reader.stop)
        return broker

    def quiescence(self) -> Quiescence:
        """The watcher over all of it."""
        return Quiescence(self.services, self._external_ends, self._pending_receipts)

    async def _external_ends(self) -> dict[tuple[str, int], int]:
        ends = await self._reader.end_offsets(self._external)
        return {(tp.topic, tp.partition): end for tp, end in ends.items()}

    async def _pending_receipts(self) -> int:
        answer = await self._gateway.get("/v1/pending")
        pending: int = answer.raise_for_status().json()["pending"]
        return pending

    async def close(self) -> None:
        """Disconnects; the services go on."""
        await self._closing.aclose()


class Player:
    """Plays a story: waits for rest, jumps to the next instant anything is due, publishes what happens then."""

    def __init__(self, story: Story, stage: Stage, feed: Feed) -> None:
        self._story = story
        self._stage = stage
        self._feed = feed
        self._quiescence = stage.quiescence()
        self.jumps = 0

    async def play(self, progress: Progress) -> None:
        """Returns when the last day is over."""
        task = progress.add_task("", total=self._story.days)
        told = 0
        events = _Peekable(self._story.events)
        now = self._story.starts_at
        while True:
            await self._publish(list(events.until(now)))
            quiet = await self._rest()
            coming = [at for at in (events.next_at, quiet.next_at) if at is not None]
            following = min(coming, default=self._story.ends_at)
            if following >= self._story.ends_at:
                break
            now = max(following, now)
            await self._step(now)
            self.jumps += 1
            day = business_date(now, self._story.zone)
            done = (day - self._story.start_on).days
            words = f"{day}  {self._feed.published:,} events in"
            progress.update(task, completed=done, description=words)
            if not progress.console.is_terminal and done >= told + _TELL_EVERY_DAYS:
                progress.console.print(f"  {words}")
                told = done
        progress.update(task, completed=self._story.days)

    async def _publish(self, events: list[PublishedEvent]) -> None:
        """Until the broker has confirmed it: the same events again change nothing."""
        await self._insist(lambda: self._feed.publish(events))

    async def _step(self, instant: datetime) -> None:
        await self._insist(lambda: step_clock(self._stage.log_engine, instant))

    async def _insist(self, act: Callable[[], Awaitable[None]]) -> None:
        async def acted() -> bool:
            await act()
            return True

        started = time.monotonic()
        while not await _unless_down(acted, False):
            if time.monotonic() - started > STUCK_S:
                raise DemoStuck(f"the database or the broker does not answer for {STUCK_S:.0f} s")
            await asyncio.sleep(0.2)

    async def _rest(self) -> Quiet:
        started = time.monotonic()
        pause_s = 0.015
        while True:
            look = await _unless_down(self._quiescence.look, Busy("the database or the broker is away"))
            if isinstance(look, Quiet):
                return look
            if time.monotonic() - started > STUCK_S:
                raise DemoStuck(f"still pending after {STUCK_S:.0f} s: {look.what}")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.05)


async def _unless_down(act: Callable[[], Awaitable[T]], otherwise: D) -> T | D:
    """What `act` returns, or `otherwise` while a server is restarting."""
    try:
        return await act()
    except (PublishFailed, KafkaError) as error:
        log.info("not now", error=repr(error)[:200])
    except Exception as error:
        if not is_transient(error):
            raise
        log.info("not now", error=repr(error)[:200])
    return otherwise


class _Peekable:
    """An iterator of events by instant that can be asked when the next one comes."""

    def __init__(self, events: Iterator[PublishedEvent]) -> None:
        self._events = events
        self._next: PublishedEvent | None = next(events, None)

    @property
    def next_at(self) -> datetime | None:
        return self._next.at if self._next is not None else None

    def until(self, now: datetime) -> Iterator[PublishedEvent]:
        while self._next is not None and self._next.at <= now:
            yield self._next
            self._next = next(self._events, None)


async def run_demo(story: Story, home: Home, console: Console, *, stay: bool) -> Report:
    """Starts everything, plays the story, prints the report; leaves the services up when `stay`."""
    began = time.monotonic()
    settings = {"TACT_TIMEZONE": story.zone.key}
    clean(home)
    # Made anew at each run: only durability against power loss is given up, for speed.
    options = Options(
        stepped=True,
        own_database=True,
        settings=settings,
        postgres_settings={"synchronous_commit": "off", "fsync": "off"},
    )
    machine = OneMachine(home, options)
    try:
        console.print("Starting PostgreSQL, four services and the gateway simulator ...")
        await machine.start_infrastructure()
        surroundings = Surroundings.from_environment({**machine.environment})
        await set_clock(surroundings, story.starts_at)
        await machine.start_services()
        await machine.wait_ready()
        console.print(f"Ready after {time.monotonic() - began:.0f} s. Playing {story.days} days ...")
        report = await _play(story, machine, surroundings, home, console)
        report.print(console, home, machine.ports)
        if stay:
            console.print("\nThe services stay up; Ctrl-C ends them.")
            await _until_interrupted()
        return report
    finally:
        await machine.stop()


async def _play(
    story: Story, machine: OneMachine, surroundings: Surroundings, home: Home, console: Console
) -> Report:
    stage = Stage(machine, surroundings)
    broker = await stage.open()
    feed = Feed(broker, surroundings.partitions, home.demo / "corebanking.ndjson")
    started = time.monotonic()
    try:
        player = Player(story, stage, feed)
        columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            await player.play(progress)
        played_s = time.monotonic() - started
        return await Report.gather(
            broker,
            surroundings.partitions,
            gateway_record=home.demo / "gateway.ndjson",
            zone=story.zone,
            played_s=played_s,
            days=story.days,
            jumps=player.jumps,
        )
    finally:
        feed.close()
        await stage.close()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The environment the services have, while this process builds and asks them."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def set_clock(surroundings: Surroundings, instant: datetime) -> None:
    engine = create_engine(surroundings.database_url("log"), name="demo", pool_size=1)
    try:
        await step_clock(engine, instant)
    finally:
        await engine.dispose()


async def _until_interrupted() -> None:
    await asyncio.Event().wait()


def clean(home: Home) -> None:
    """Removes the records of the last demo."""
    for name in ("gateway.ndjson", "corebanking.ndjson"):
        (home.demo / name).unlink(missing_ok=True)
