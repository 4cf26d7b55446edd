"""Kafka goes away and comes back: publishing and reading go on by themselves, nothing is lost or reordered."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from spine.broker.kafka import KafkaBroker
from spine.broker.kafka_settings import KafkaSettings
from spine.broker.port import Broker, BrokerConsumer, OutRecord, PublishFailed, TopicPartition
from tact.kafka_server import KafkaCluster
from tests.brokers import kafka_libs
from tests.spine.broker.worlds import PATIENCE_S, KafkaOutside, World, own, read_all, records, values

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    with tempfile.TemporaryDirectory(prefix="tact-kafka-") as home:
        cluster = KafkaCluster(Path(home), libs=kafka_libs(), heap="256m")
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


class ImpatientOutside(KafkaOutside):
    """A broker whose publishing gives up after moments."""

    def broker(self) -> KafkaBroker:
        return KafkaBroker(KafkaSettings(self.bootstrap, session_timeout_s=6.0, publish_timeout_s=2.0))


@pytest.fixture
async def world(cluster: KafkaCluster) -> AsyncIterator[World]:
    world = World(ImpatientOutside(cluster.bootstrap))
    yield world
    await world.close()


async def _publish_until_taken(broker: Broker, batch: list[OutRecord]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            await broker.publish(batch)
            return
        except PublishFailed:
            assert time.monotonic() < deadline, "Kafka is back, and publishing still fails"


async def _read_to(consumer: BrokerConsumer, tp: TopicPartition, last: int, *, begin: int) -> list[int]:
    """Values up to `last`; follows reassignments, as the group's coordinator was away as well."""
    found: list[int] = []
    next_offset, generation = begin, consumer.assignment().get(tp)
    deadline = time.monotonic() + PATIENCE_S
    while last not in found:
        assert time.monotonic() < deadline, f"only {found[-5:]} came"
        for record in (await consumer.poll(0.5, 100)).get(tp, ()):
            found += values([record])
            next_offset = record.offset + 1
        if consumer.assignment().get(tp) not in (None, generation):
            generation = consumer.assignment()[tp]
            consumer.seek(tp, next_offset)
    return found


def _without_twins(found: list[int]) -> list[int]:
    """As consumers do by position: what is not above the last is a twin."""
    kept = [found[0]]
    for value in found[1:]:
        if value > kept[-1]:
            kept.append(value)
    return kept


@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_after_an_outage_everything_goes_on(world: World, cluster: KafkaCluster, how: str) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    tp = TopicPartition(topic, 0)
    await broker.publish(records(topic, 10))
    member = await world.member(broker, [topic])
    await read_all(member, topic, 10)

    cluster.kill() if how == "killed" else cluster.pause()
    second = records(topic, 10, start=10)
    with pytest.raises(PublishFailed):
        await broker.publish(second)
    sentence = await broker.health()
    assert sentence is not None
    assert "does not answer" in sentence
    await member.hint({tp: 10})
    assert await member.poll(0.2, 100) == {}

    cluster.restart() if how == "killed" else cluster.resume()
    await _publish_until_taken(broker, second)
    for start in range(20, 60, 10):
        await _publish_until_taken(broker, records(topic, 10, start=start))
    assert _without_twins(await _read_to(member, tp, 59, begin=10)) == list(range(10, 60))
    assert await broker.health() is None
    await own(member, 4)
