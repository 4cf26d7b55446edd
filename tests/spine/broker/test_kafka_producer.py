"""A failed batch leaves Kafka's idempotent producer with a hole in its sequence; the next one must pass."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from spine.broker.port import OutRecord, PublishFailed, TopicPartition
from tests.spine.broker.worlds import KafkaOutside, World, read_all, records, values

pytestmark = pytest.mark.kafka


@pytest.fixture
async def world(kafka_bootstrap: str) -> AsyncIterator[World]:
    world = World(KafkaOutside(kafka_bootstrap))
    yield world
    await world.close()


async def _accept_at_most(bootstrap: str, topic: str, size_bytes: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    limit = {"max.message.bytes": str(size_bytes)}
    responses = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, limit)])
    assert [resource[0] for response in responses for resource in response.resources] == [0]
    await admin.close()


async def test_a_batch_that_kafka_refuses_does_not_wedge_what_follows(
    world: World, kafka_bootstrap: str
) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await _accept_at_most(kafka_bootstrap, topic, 2000)
    await broker.publish(records(topic, 2))
    for start in (2, 4):
        with pytest.raises(PublishFailed, match="MessageSizeTooLarge"):
            await broker.publish([OutRecord(topic, 0, None, b"x" * 10_000, [])])
        await broker.publish(records(topic, 2, start=start))
    found = await read_all(await world.member(broker, [topic]), topic, 6)
    assert values(found[TopicPartition(topic, 0)]) == list(range(6))
