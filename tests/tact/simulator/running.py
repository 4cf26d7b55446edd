"""A simulated gateway inside the test's own process, on a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from tact.simulator.accounts import Accounts
from tact.simulator.app import Simulator, create_app
from tact.simulator.record import Line, read_record

#: A business instant well inside every window.
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


async def noon() -> datetime:
    return NOON


@dataclass(frozen=True, slots=True)
class Running:
    """Where the gateway listens, what it wrote, and how to tell it to misbehave."""

    url: str
    record: Path
    simulator: Simulator

    def lines(self) -> list[Line]:
        return list(read_record(self.record))

    async def behave(self, **fields: Any) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.post(f"{self.url}/v1/behaviour", json=fields)).raise_for_status()


@asynccontextmanager
async def running_simulator(
    record: Path,
    secret: str,
    *,
    now: Callable[[], Awaitable[datetime]] = noon,
    receipts_url: str | None = None,
    accounts: Accounts | None = None,
) -> AsyncIterator[Running]:
    """The gateway for as long as the block lasts."""
    simulator = Simulator(record, secret, now, receipts_url=receipts_url)
    async with serving(create_app(simulator, accounts)) as url:
        yield Running(url, record, simulator)


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serves an application on a free loopback port and gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="error", access_log=False, proxy_headers=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    # The test process keeps its own signal handlers.
    task = asyncio.create_task(server._serve([listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
