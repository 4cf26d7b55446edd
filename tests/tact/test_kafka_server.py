"""The local Kafka: a record that was acknowledged is still there after the broker was killed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tact.kafka_distribution import find_kafka
from tact.kafka_server import KafkaCluster, KafkaFailed
from tests.brokers import kafka_libs


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tact-kafka-") as directory:
        yield Path(directory)


async def _create_topic(bootstrap: str, copies: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("loans", num_partitions=1, replication_factor=copies)])
    await admin.close()


async def _append(bootstrap: str, value: bytes) -> None:
    # A paused broker takes connections and answers nothing: the next one is asked after this time.
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, request_timeout_ms=10_000
    )
    await producer.start()
    await producer.send_and_wait("loans", value, partition=0)
    await producer.stop()


async def _read(bootstrap: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer("loans", bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    values = [(await anext(consumer)).value for _ in range(count)]
    await consumer.stop()
    return values


@pytest.mark.kafka
async def test_an_acknowledged_record_survives_a_killed_broker(home: Path) -> None:
    cluster = KafkaCluster(home, libs=kafka_libs())
    try:
        bootstrap = cluster.start()
        await _create_topic(bootstrap, copies=1)
        await _append(bootstrap, b"L-1")
        assert await _read(bootstrap, 1) == [b"L-1"]
        cluster.kill()
        assert not cluster.running()
        cluster.restart()
        assert cluster.bootstrap == bootstrap
        await _append(bootstrap, b"L-2")
        assert await _read(bootstrap, 2) == [b"L-1", b"L-2"]
    finally:
        cluster.stop()
    assert not cluster.running()


@pytest.mark.kafka
@pytest.mark.long
async def test_three_brokers_go_on_with_one_killed_and_one_paused(home: Path) -> None:
    cluster = KafkaCluster(home, 3, libs=kafka_libs())
    try:
        bootstrap = cluster.start()
        await _create_topic(bootstrap, copies=3)
        await _append(bootstrap, b"L-1")
        cluster.kill(1)
        await _append(bootstrap, b"L-2")
        cluster.restart(1)
        cluster.pause(2)
        await _append(bootstrap, b"L-3")
        cluster.resume(2)
        assert await _read(bootstrap, 3) == [b"L-1", b"L-2", b"L-3"]
    finally:
        cluster.stop()


@pytest.mark.kafka
def test_says_why_a_broker_does_not_start(home: Path) -> None:
    first = KafkaCluster(home / "first", libs=kafka_libs())
    with first as bootstrap:
        port = int(bootstrap.rpartition(":")[2])
        with pytest.raises(KafkaFailed, match=f"Port {port} .* is taken"):
            KafkaCluster(home / "second", libs=kafka_libs(), ports=[port]).start()


@pytest.mark.kafka
async def test_the_shared_broker_answers(kafka_bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    assert (await admin.describe_cluster())["brokers"]
    await admin.close()


def test_says_why_there_is_no_kafka(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    reason = find_kafka()
    assert isinstance(reason, str)
    assert "no `java`" in reason
