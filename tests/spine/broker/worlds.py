"""A broker under test and what only the outside can do to it: kill a member, delete records, write a tombstone."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition as KafkaPartition

from spine.broker.embedded import EmbeddedLog
from spine.broker.embedded_append import records_channel
from spine.broker.kafka import KafkaBroker
from spine.broker.kafka_settings import KafkaSettings
from spine.broker.port import Broker, BrokerConsumer, OutRecord, Record, TopicPartition
from spine.clock import wall_now

PARTITIONS = 4
#: Whatever waits for a broker gives up after this; nothing is asserted about how long it took.
PATIENCE_S = 60.0


class Outside(Protocol):
    """What the two kinds of brokers need done differently."""

    def broker(self) -> Broker: ...

    def unreachable_broker(self) -> Broker: ...

    async def kill(self, consumer: BrokerConsumer) -> None:
        """The member's process is gone: it says nothing to anyone."""

    async def delete_records(self, topic: str) -> None:
        """All records of the topic so far are deleted."""

    async def write_tombstone(self, topic: str, key: bytes) -> None:
        """A record without a value, into partition 0."""


@dataclass(slots=True)
class EmbeddedOutside:
    url: str

    def broker(self) -> EmbeddedLog:
        return EmbeddedLog(self.url, lease_s=1.0)

    def unreachable_broker(self) -> EmbeddedLog:
        return EmbeddedLog("postgresql://nobody@127.0.0.1:1/none")

    async def kill(self, consumer: BrokerConsumer) -> None:
        """Leases are renewed by polling alone, so a member that is not polled is as good as dead."""

    async def delete_records(self, topic: str) -> None:
        log = self.broker()
        await log.start()
        await log.trim(wall_now(), [topic])
        await log.close()

    async def write_tombstone(self, topic: str, key: bytes) -> None:
        connection = await asyncpg.connect(self.url)
        await connection.execute(
            """
            WITH place AS (UPDATE log_partition SET next_offset = next_offset + 1
                           WHERE topic = $1 AND partition = 0 RETURNING next_offset - 1 AS "offset")
            INSERT INTO log_record (topic, partition, "offset", key, value, headers)
            SELECT $1, 0, "offset", $2, NULL, '\\x90' FROM place
            """,
            topic,
            key,
        )
        await connection.execute("SELECT pg_notify($1, '')", records_channel(topic))
        await connection.close()


@dataclass(slots=True)
class KafkaOutside:
    bootstrap: str

    def broker(self) -> KafkaBroker:
        return KafkaBroker(KafkaSettings(self.bootstrap, session_timeout_s=6.0))

    def unreachable_broker(self) -> KafkaBroker:
        return KafkaBroker(KafkaSettings("127.0.0.1:1", publish_timeout_s=2.0))

    async def kill(self, consumer: BrokerConsumer) -> None:
        # A static member tells nobody when it stops.
        await consumer.stop()

    async def delete_records(self, topic: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        everything = {KafkaPartition(topic, p): RecordsToDelete(before_offset=-1) for p in range(PARTITIONS)}
        await admin.delete_records(everything)
        await admin.close()

    async def write_tombstone(self, topic: str, key: bytes) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        await producer.send_and_wait(topic, None, key=key, partition=0)
        await producer.stop()


@dataclass(slots=True)
class World:
    """Brokers and members that are closed when the test is over."""

    outside: Outside
    brokers: list[Broker] = field(default_factory=list)
    members: list[BrokerConsumer] = field(default_factory=list)

    async def broker(self) -> Broker:
        """A new connection, as another process would have."""
        broker = self.outside.broker()
        self.brokers.append(broker)
        await broker.start()
        return broker

    async def topic(self, broker: Broker) -> str:
        """A new topic of PARTITIONS partitions."""
        name = f"test-{uuid.uuid4().hex[:12]}.v1"
        await broker.ensure_topics([name], PARTITIONS)
        return name

    async def member(
        self, broker: Broker, topics: Sequence[str], *, group: str | None = None, name: str = "member-1"
    ) -> BrokerConsumer:
        """A started member of a group, by default of one of its own."""
        consumer = broker.consumer(group or f"group-{uuid.uuid4().hex[:12]}", topics, name)
        self.members.append(consumer)
        await consumer.start()
        return consumer

    async def close(self) -> None:
        for member in self.members:
            await member.stop()
        for broker in self.brokers:
            await broker.close()


def records(topic: str, count: int, *, partition: int = 0, start: int = 0) -> list[OutRecord]:
    """Records that differ by their value: its number."""
    return [
        OutRecord(topic, partition, b"B-1", str(number).encode(), [("ce_id", b"1")])
        for number in range(start, start + count)
    ]


def values(found: Sequence[Record]) -> list[int]:
    return [int(record.value or b"-1") for record in found]


async def own(consumer: BrokerConsumer, count: int, *others: BrokerConsumer) -> Mapping[TopicPartition, int]:
    """Polls the members in turn until the first owns `count` partitions."""
    deadline = time.monotonic() + PATIENCE_S
    while len(consumer.assignment()) != count:
        assert time.monotonic() < deadline, (
            f"owns {sorted(consumer.assignment())} only, not {count} partitions"
        )
        for member in (consumer, *others):
            await member.poll(0.05, 100)
    return consumer.assignment()


async def read_all(
    consumer: BrokerConsumer, topic: str, count: int, *, begin: int = 0
) -> dict[TopicPartition, list[Record]]:
    """Owns all partitions, seeks each to `begin` and reads `count` records in all."""
    for tp in await own(consumer, PARTITIONS):
        assert tp.topic == topic
        consumer.seek(tp, begin)
    return await read(consumer, count)


async def read(consumer: BrokerConsumer, count: int) -> dict[TopicPartition, list[Record]]:
    """Polls until `count` records have come in all, and no more."""
    found: dict[TopicPartition, list[Record]] = {}
    deadline = time.monotonic() + PATIENCE_S
    while (have := sum(map(len, found.values()))) < count:
        assert time.monotonic() < deadline, f"{have} of {count} records came"
        for tp, batch in (await consumer.poll(1.0, 100)).items():
            found.setdefault(tp, []).extend(batch)
    assert sum(map(len, found.values())) == count
    return found
