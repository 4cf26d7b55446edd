"""Turns a service's declaration into a running process: `serve` its REST door, or `work` its events."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable

import structlog
import uvicorn
import uvloop

from spine.broker.connect import connect
from spine.broker.port import OffsetLost, PartitionMismatch
from spine.clock import BusinessClock, SteppedClock, SystemClock
from spine.database import Runtime, create_engine, plain_url
from spine.errors import TactError
from spine.http import create_api
from spine.logs import set_up_logs
from spine.migrations import WrongSchema
from spine.policy import BadPolicy
from spine.service import Build
from spine.settings import PORTS, BadSettings, Surroundings
from spine.worker import work

log = structlog.get_logger()

#: Exit status of a process that must not simply be started again: its supervisor tells why.
EXIT_REFUSED = 3
_REFUSALS = (BadPolicy, BadSettings, OffsetLost, PartitionMismatch, WrongSchema)


def business_clock(surroundings: Surroundings) -> BusinessClock:
    """The system's clock, or the stepped one in the log's database (TACT_CLOCK)."""
    if not surroundings.stepped_clock:
        return SystemClock()
    return SteppedClock(create_engine(surroundings.database_url("log"), name="clock", pool_size=2))


def build_runtime(name: str, surroundings: Surroundings, *, pool_size: int = 5) -> Runtime:
    """The runtime of one service process."""
    engine = create_engine(surroundings.database_url(name), name=name, pool_size=pool_size)
    return Runtime(name, engine, business_clock(surroundings), surroundings.zone, surroundings.partitions)


def serve_service(name: str, build: Build, *, host: str = "127.0.0.1", port: int | None = None) -> None:
    """Runs the REST door until SIGTERM; one process, one event loop."""
    surroundings = Surroundings.from_environment()
    set_up_logs(name, surroundings.log_level)
    runtime = build_runtime(name, surroundings)
    app = create_api(build(runtime), runtime, token=surroundings.token())
    settle_garbage()
    uvicorn.run(
        app,
        host=host,
        port=port or PORTS[name],
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=8,
        limit_concurrency=500,
        backlog=512,
    )


def work_service(name: str, build: Build) -> int:
    """Runs consumers, relay and schedules until SIGTERM; returns the exit status."""
    surroundings = Surroundings.from_environment()
    set_up_logs(name, surroundings.log_level)
    return uvloop.run(_guard(lambda: _work(name, build, surroundings)))


async def _work(name: str, build: Build, surroundings: Surroundings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    runtime = build_runtime(name, surroundings)
    service = build(runtime)
    settle_garbage()
    log_url = surroundings.database_urls.get("log", "")
    await work(
        service,
        runtime,
        connect(surroundings, log_database_url=log_url),
        member=os.environ.get("HOSTNAME", socket.gethostname()) + f"-{name}-0",
        clock_dsn=plain_url(log_url) if surroundings.stepped_clock else None,
        stopping=stopping,
    )


def settle_garbage() -> None:
    """What is there after the start stays: the collector need not walk it again and again.

    Batches make many short-lived objects without cycles; collecting less often costs little memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _guard(run: Callable[[], Awaitable[None]]) -> int:
    """Says in one line why a process ends, and chooses its exit status."""
    try:
        await run()
        return 0
    except Exception as error:
        leaves = _leaves(error)
        for leaf in leaves:
            known = isinstance(leaf, TactError)
            log.error(
                "process ends", error=type(leaf).__name__, detail=str(leaf)[:500], exc_info=not known and leaf
            )
        return EXIT_REFUSED if any(isinstance(leaf, _REFUSALS) for leaf in leaves) else 1


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in _leaves(part)]
    return [error]
