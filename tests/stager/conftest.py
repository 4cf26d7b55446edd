"""A stager on a fresh database, with a plan of messages alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.stager.stand import Stand, stand

#: What the shipped plan has of calls, visits and letters is tested apart: here a step is a message.
MESSAGES_ONLY = Path(__file__).parent / "rules"


@pytest.fixture
async def stager(
    make_database: Callable[[], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stand]:
    monkeypatch.setenv("TACT_POLICY_DIR", str(MESSAGES_ONLY))
    async with stand(make_database) as made:
        yield made
