"""A stager on a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.stager.stand import Stand, stand


@pytest.fixture
async def stager(make_database: Callable[[], Awaitable[str]]) -> AsyncIterator[Stand]:
    async with stand(make_database) as made:
        yield made
