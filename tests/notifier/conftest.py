"""What the notifier's tests ask for: `world(...)` builds one on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.notifier.world import SECRET, World, notifier


@pytest.fixture
async def world(
    make_database: Callable[[], Awaitable[str]], tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[World]]]:
    """`await world(lanes=2)` gives a notifier with these settings."""
    secret_file = tmp_path / "secret"
    secret_file.write_text(SECRET)
    async with AsyncExitStack() as worlds:

        async def make(**changes: Any) -> World:
            return await worlds.enter_async_context(
                notifier(make_database, secret_file=secret_file, **changes)
            )

        yield make
