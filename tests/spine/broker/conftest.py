"""Every contract test runs on the embedded log and on Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from spine.migrations import migrate
from tests.databases import DatabaseServer, fresh_database
from tests.spine.broker.worlds import EmbeddedOutside, KafkaOutside, Outside, World


@pytest.fixture(scope="session")
async def log_url(postgres_server: DatabaseServer) -> AsyncIterator[str]:
    async with fresh_database(postgres_server) as url:
        await migrate("spine.broker", url)
        yield url


@pytest.fixture(scope="session")
def embedded_outside(log_url: str) -> EmbeddedOutside:
    return EmbeddedOutside(log_url)


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def outside(request: pytest.FixtureRequest, embedded_outside: EmbeddedOutside) -> Outside:
    if request.param == "embedded":
        return embedded_outside
    return KafkaOutside(request.getfixturevalue("kafka_bootstrap"))


@pytest.fixture
async def world(outside: Outside) -> AsyncIterator[World]:
    world = World(outside)
    yield world
    await world.close()
