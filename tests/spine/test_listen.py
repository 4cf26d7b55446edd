"""The listener wakes its sleepers, each on its own, also after the server cut its connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from spine.listen import Listener


@pytest.fixture
async def url(make_database: Callable[..., Awaitable[str]]) -> str:
    return await make_database()


@pytest.fixture
async def speaker(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def test_each_holder_of_a_channel_is_woken_and_no_one_else(
    url: str, speaker: asyncpg.Connection
) -> None:
    listener = Listener(url, ["outbox", "business_clock"])
    await listener.start()
    try:
        first, second, other = (
            listener.event("outbox"),
            listener.event("outbox"),
            listener.event("business_clock"),
        )
        await speaker.execute("NOTIFY outbox")
        async with asyncio.timeout(10):
            await first.wait()
            await second.wait()
        first.clear()
        await speaker.execute("NOTIFY business_clock")
        async with asyncio.timeout(10):
            await other.wait()
        assert not first.is_set()
        assert second.is_set()
    finally:
        await listener.close()


async def test_a_cut_connection_comes_back_and_wakes_because_something_may_have_been_missed(
    url: str, speaker: asyncpg.Connection
) -> None:
    listener = Listener(url, ["outbox"])
    await listener.start()
    try:
        event = listener.event("outbox")
        await speaker.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'tact-listen' AND datname = current_database()"
        )
        async with asyncio.timeout(20):
            await event.wait()
            event.clear()
            await speaker.execute("NOTIFY outbox")
            await event.wait()
    finally:
        await listener.close()
        await listener.close()


async def test_a_server_that_does_not_answer_is_told_at_the_start() -> None:
    listener = Listener("postgresql://nobody@127.0.0.1:1/none", ["outbox"])
    with pytest.raises(OSError):
        await listener.start()
    await listener.close()
