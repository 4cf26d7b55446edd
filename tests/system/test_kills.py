"""kill -9 at every failpoint of every service, of PostgreSQL and of the broker: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spine.failpoints import NAMES as FAILPOINTS
from tact.kafka_server import KafkaCluster
from tests.brokers import kafka_libs
from tests.databases import open_directory
from tests.system.invariants import accepted, check_all
from tests.system.portfolio import Small
from tests.system.world import World, world

SERVICES = ("ledger", "stager", "notifier", "contact-log")
#: At each failpoint all workers that pass it are killed, on the same day.
KILLS = {
    name: [
        f"{service}-worker"
        for service in SERVICES
        if name.partition(".")[0] in (service, "consumer", "relay")
    ]
    for name in FAILPOINTS
}
SHORT = Small(loans=48, days=8, zones=("Asia/Shanghai", "America/New_York"))
STORY = Small(loans=60, days=2 * len(KILLS) + 4, zones=("Asia/Shanghai", "Asia/Shanghai", "America/New_York"))
QUICK = {
    "TACT_NOTIFIER_LEASE_S": "4",
    "TACT_NOTIFIER_HTTP_TIMEOUT_S": "3",
    "TACT_NOTIFIER_SETTLE_S": "1",
    "TACT_NOTIFIER_ASK_AGAIN_S": "1",
}


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[KafkaCluster]:
    """A broker of this module's own, to be killed."""
    libs = kafka_libs()
    with open_directory("tact-kafka-") as home:
        cluster = KafkaCluster(Path(home), libs=libs)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


async def play_with_kills(w: World, story: Small) -> None:
    """The processes die at a failpoint while a day is played; each of them must have been hit."""
    events = list(story.events())
    await w.play(events, 2)
    day = 2
    for name, children in KILLS.items():
        before = {child: w.restarts(child) for child in children}
        await asyncio.gather(*(w.arm(child, f"{name}=kill@1") for child in children))
        # The first end is the asked one of arming it, the second must be the failpoint's.
        while missed := [child for child in children if w.restarts(child) < before[child] + 2]:
            assert day < story.days, f"{name} was never hit in {missed}"
            await w.play(events, day + 1, start=day)
            day += 1
    await w.play(events, min(day + 1, story.days), start=day)


async def test_one_kill_for_each_failpoint_of_each_service() -> None:
    async with world(**QUICK) as w:
        await play_with_kills(w, STORY)
        await check_all(w)
        assert len(accepted(w)) > 100


async def kill_while_playing(w: World, story: Small, kill: Callable[[], object]) -> None:
    """Kills something in the middle of the story."""
    playing = asyncio.create_task(w.play(story.events(), story.days))
    await asyncio.sleep(4)
    await asyncio.to_thread(kill)
    await playing


@pytest.mark.kafka
@pytest.mark.long
async def test_the_kill_matrix_on_kafka(own_kafka: KafkaCluster) -> None:
    async with world(kafka_bootstrap=own_kafka.bootstrap, **QUICK) as w:
        await play_with_kills(w, STORY)
        await check_all(w)
        assert len(accepted(w)) > 100


async def test_postgresql_killed_in_the_middle() -> None:
    async with world(**QUICK) as w:
        assert w.machine.postgres is not None
        postgres = w.machine.postgres

        playing = asyncio.create_task(w.play(SHORT.events(), SHORT.days))
        await asyncio.sleep(4)
        # In this thread: the server ends with the thread that starts it.
        postgres.kill()
        postgres.start()
        await playing
        await check_all(w)


@pytest.mark.kafka
@pytest.mark.long
@pytest.mark.parametrize("brokers", [1, 3])
async def test_a_kafka_broker_killed_in_the_middle(brokers: int) -> None:
    libs = kafka_libs()
    with open_directory("tact-kafka-") as home:
        cluster = KafkaCluster(Path(home), brokers, libs=libs)
        try:
            async with world(kafka_bootstrap=cluster.start(), **QUICK) as w:

                def kill_and_start() -> None:
                    cluster.kill()
                    cluster.restart()

                await kill_while_playing(w, SHORT, kill_and_start)
                await check_all(w)
        finally:
            cluster.stop()


@pytest.mark.long
async def test_random_kills_of_whole_processes() -> None:
    async with world(**QUICK) as w:
        story = Small(loans=48, days=10, prefix="r")
        playing = asyncio.create_task(w.play(story.events(), story.days))
        victims = [f"{service}-{part}" for service in SERVICES for part in ("worker", "api")]
        for victim in victims:
            await asyncio.sleep(1.5)
            if playing.done():
                break
            os.kill(w.pid(victim), signal.SIGKILL)
        await playing
        await check_all(w)
