"""What any test may ask for: a PostgreSQL server, a fresh database, a Kafka broker."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.brokers import running_kafka
from tests.databases import DatabaseServer, fresh_database, running_server

# No deadlines: a slow machine is not a failure. `make test-all` asks for the nightly profile.
settings.register_profile("quick", deadline=None)
settings.register_profile("nightly", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseServer]:
    with running_server() as server:
        yield server


@pytest.fixture
async def make_database(postgres_server: DatabaseServer) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """`await make_database()` gives the URL of a new empty database; `template=NAME` copies one."""
    async with AsyncExitStack() as databases:

        async def make(template: str | None = None) -> str:
            return await databases.enter_async_context(fresh_database(postgres_server, template))

        yield make


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    with running_kafka() as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def uci_file() -> Path:
    """The real data set, when the machine has it."""
    folder = os.environ.get("TACT_DATASETS")
    if not folder:
        pytest.skip("TACT_DATASETS does not name a folder of public data sets")
    file = Path(folder) / "uci_credit_card.csv"
    if not file.is_file():
        pytest.skip(f"{folder} holds no uci_credit_card.csv")
    return file
