"""A Kafka broker for tests: the given one, else a local one deleted afterwards, else a reason to skip."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tact.kafka_server import KafkaCluster, find_kafka


@contextmanager
def running_kafka() -> Iterator[str]:
    """The bootstrap address of TACT_KAFKA_BOOTSTRAP if set, else of a broker that is stopped at the end."""
    if given := os.environ.get("TACT_KAFKA_BOOTSTRAP"):
        yield given
        return
    libs = kafka_libs()
    with (
        tempfile.TemporaryDirectory(prefix="tact-kafka-") as home,
        KafkaCluster(Path(home), libs=libs) as bootstrap,
    ):
        yield bootstrap


def kafka_libs() -> Path:
    """Kafka's jars for a test that starts its own brokers; skips, or fails with TACT_REQUIRE_KAFKA=1."""
    libs = find_kafka()
    if isinstance(libs, Path):
        return libs
    if os.environ.get("TACT_REQUIRE_KAFKA") == "1":
        pytest.fail(f"TACT_REQUIRE_KAFKA=1, but: {libs}", pytrace=False)
    pytest.skip(libs)
