"""The whole system as processes on the stepped clock, with a story, for tests that break it on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import text

from spine.clock import step_clock
from spine.settings import Surroundings
from tact.demo import Player, Stage, Story, set_clock
from tact.feed import Feed
from tact.home import Home
from tact.portfolio.published import PublishedEvent
from tact.system import OneMachine, Options
from tests.databases import FAST_SETTINGS, open_directory
from tests.system.portfolio import START, ZONE


class World:
    """Everything running. `play_until` moves the story on; faults are injected between or during that."""

    def __init__(self, home: Home, machine: OneMachine, stage: Stage, feed: Feed) -> None:
        self.home = home
        self.machine = machine
        self.stage = stage
        self.feed = feed
        self.acknowledged: list[tuple[float, PublishedEvent]] = []

    async def play(self, events: Iterable[PublishedEvent], days: int, start: int = 0) -> None:
        """Plays days `start` to `days` of the story, publishing its events that were not published before."""
        published = {event.event["id"] for _, event in self.acknowledged}
        fresh = [event for event in events if event.event["id"] not in published]
        story = Story(iter(fresh), ZONE, START + timedelta(days=start), days - start)
        player = Player(story, self.stage, Noting(self))  # type: ignore[arg-type]
        with Progress(console=Console(quiet=True)) as progress:
            await player.play(progress)

    async def step(self, instant: datetime) -> None:
        """Jumps the business clock without waiting for rest."""
        await step_clock(self.stage.log_engine, instant)

    def pid(self, child: str) -> int:
        assert self.machine.supervisor is not None
        pid = self.machine.supervisor.children[child].pid
        assert pid is not None
        return pid

    def restarts(self, child: str) -> int:
        assert self.machine.supervisor is not None
        return self.machine.supervisor.children[child].restarts

    async def arm(self, child: str, failpoints: str) -> None:
        """Starts a child anew so that it dies at a failpoint, once."""
        assert self.machine.supervisor is not None
        await self.machine.supervisor.restart(child, {"FAILPOINTS": failpoints})

    async def ready(self, service: str) -> tuple[int, list[str]]:
        """A service's readiness: status and reasons."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            answer = await client.get(f"http://127.0.0.1:{self.machine.ports[service]}/readyz")
            return answer.status_code, answer.json()["reasons"]

    async def until_ready(self, service: str, *, ready: bool, timeout_s: float = 40) -> list[str]:
        """Waits until a service is (not) ready; returns the reasons."""
        deadline = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(httpx.HTTPError):
                status, reasons = await self.ready(service)
                if (status == 200) == ready:
                    return reasons
            assert time.monotonic() < deadline, f"{service} did not become ready={ready}"
            await asyncio.sleep(0.1)

    def client(self, service: str) -> httpx.AsyncClient:
        """A REST client with the token."""
        token = (self.home.path / "token").read_text().strip()
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.machine.ports[service]}",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=20,
        )

    def gateway_record(self) -> list[dict[str, Any]]:
        """The simulator's own record."""
        path = self.home.demo / "gateway.ndjson"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    async def fetch(self, service: str, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Rows of a service's database."""
        _, runtime = self.stage.services[service]
        async with runtime.engine.connect() as connection:
            rows = await connection.execute(text(sql), parameters)
            return [dict(row._mapping) for row in rows]

    async def told(self, service: str, type_: str = "%") -> list[tuple[str, dict[str, Any]]]:
        """Events a service emitted, in outbox order."""
        rows = await self.fetch(
            service,
            "SELECT type, data FROM outbox WHERE topic = :topic AND type LIKE :type ORDER BY id",
            topic=f"{service}.v1",
            type=type_,
        )
        return [(row["type"], msgspec.json.decode(row["data"])) for row in rows]


class Noting:
    """The world's feed, noting when each event was acknowledged by the broker (wall clock)."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def published(self) -> int:
        return self._world.feed.published

    async def publish(self, events: Iterable[PublishedEvent]) -> None:
        batch = list(events)
        await self._world.feed.publish(batch)
        now = time.time()
        self._world.acknowledged += [(now, event) for event in batch]


@asynccontextmanager
async def world(
    *, kafka_bootstrap: str | None = None, start: date = START, **settings: str
) -> AsyncIterator[World]:
    """A new system in a temporary home, on the embedded log or on Kafka, its clock at `start`."""
    with _home() as home:
        options = Options(
            stepped=True,
            own_database=True,
            settings={"TACT_TIMEZONE": ZONE.key, "TACT_PARTITIONS": "3", **settings},
            postgres_settings=FAST_SETTINGS,
            kafka_bootstrap=kafka_bootstrap,
        )
        machine = OneMachine(home, options)
        stage: Stage | None = None
        try:
            await machine.start_infrastructure()
            surroundings = Surroundings.from_environment(machine.environment)
            await set_clock(surroundings, Story(iter(()), ZONE, start, 1).starts_at)
            await machine.start_services()
            await machine.wait_ready()
            stage = Stage(machine, surroundings)
            broker = await stage.open()
            feed = Feed(broker, surroundings.partitions, home.demo / "corebanking.ndjson")
            yield World(home, machine, stage, feed)
            feed.close()
        except BaseException:
            _show_logs(home)
            raise
        finally:
            if stage is not None:
                await stage.close()
            await machine.stop()
            if machine.postgres is not None:
                machine.postgres.remove()


@contextlib.contextmanager
def _home() -> Iterator[Home]:
    with open_directory("tact-world-") as path:
        yield Home(Path(path) / "home")


def _show_logs(home: Home) -> None:
    """The ends of all logs, so that a failure on another machine can be understood."""
    for log in sorted(home.logs.glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        print(f"--- {log.name}", *lines, sep="\n")
