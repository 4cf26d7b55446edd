"""One engine per process and one transaction per unit of work, retried as a whole when that is safe."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import asyncpg
import structlog
from sqlalchemy import CursorResult, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from spine.clock import BusinessClock
from spine.outbox import Outgoing, flush

T = TypeVar("T")
log = structlog.get_logger()

#: Serialization failure, deadlock, lock not available: the whole transaction may simply be tried again.
_RETRYABLE_STATES = frozenset({"40001", "40P01", "55P03"})
MAX_ATTEMPTS = 5
#: What asyncpg raises on a connection that is cut, whatever it was doing at that moment.
CONNECTION_TROUBLE = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)

#: What asyncpg itself raises, where no SQLAlchemy stands between.
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_BEGUN = text("SELECT 1")
#: A statement is taken apart once, not each time it is run.
_statement = lru_cache(maxsize=1_024)(text)


def create_engine(url: str, *, name: str, pool_size: int = 5) -> AsyncEngine:
    """An engine for `postgresql://` URLs whose server-side time-outs bound every transaction.

    Order of the time-outs: idle in transaction 5 s < lock 10 s < statement 30 s <= rebalance 30 s, so that a
    process that lost its partitions cannot hold rows its successor needs.
    """
    return create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=False,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": f"tact-{name}",
                "timezone": "UTC",
                # Dates that are made to text in a statement are read by us.
                "datestyle": "ISO",
                "statement_timeout": "30000",
                "lock_timeout": "10000",
                "idle_in_transaction_session_timeout": "5000",
            },
        },
    )


def asyncpg_url(url: str) -> str:
    """The SQLAlchemy URL of a plain PostgreSQL URL."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def plain_url(url: str) -> str:
    """The libpq-style URL that asyncpg itself takes."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@dataclass(slots=True)
class Tx:
    """One transaction: its connection, the business instant it acts at, and the events it will emit.

    `refusals` are the reasons of records that were put aside in it.
    """

    connection: AsyncConnection
    now: datetime
    source: str
    partitions: int
    outgoing: list[Outgoing] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    @property
    def service(self) -> str:
        """The name of the service whose database this is."""
        return self.source.removeprefix("tact/")

    async def execute(self, sql: str, **parameters: Any) -> CursorResult[Any]:
        """Runs one SQL statement with named parameters (`:name`); lists bind as arrays."""
        return await self.connection.execute(_statement(sql), parameters)

    async def copy(self, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]) -> None:
        """COPYs rows into a table, in their order: a third of what an INSERT of arrays costs. Raises as asyncpg."""
        raw = (await self.connection.get_raw_connection()).driver_connection
        assert isinstance(raw, asyncpg.Connection)
        if not raw.is_in_transaction():
            # It is begun with the first statement that goes through SQLAlchemy.
            await self.connection.execute(_BEGUN)
        await raw.copy_records_to_table(table, records=records, columns=columns)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What every part of one service process shares. Built once, by the composition root."""

    service: str
    engine: AsyncEngine
    clock: BusinessClock
    zone: ZoneInfo
    partitions: int

    @property
    def source(self) -> str:
        """The CloudEvents source of this service's events."""
        return f"tact/{self.service}"

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One transaction; emitted events are written to the outbox just before the commit."""
        now = await self.clock.now()
        async with self.engine.begin() as connection:
            tx = Tx(connection, now, self.source, self.partitions)
            yield tx
            await flush(tx)

    async def run(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Runs `work` in a transaction, again on conflicts with others, at most MAX_ATTEMPTS times.

        A connection lost at commit leaves the outcome unknown: it is tried again too, so `work` must be
        keyed (event id, position, request key) such that doing it twice is doing it once.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                async with self.transaction() as tx:
                    return await work(tx)
            except (DBAPIError, *DRIVER_ERRORS) as error:
                if attempt == MAX_ATTEMPTS or not is_transient(error):
                    raise
                log.warning("transaction retried", service=self.service, attempt=attempt, state=_state(error))
                await asyncio.sleep(random.uniform(0.02, 0.1) * 2**attempt)
        raise AssertionError("unreachable")


def is_transient(error: BaseException) -> bool:
    """Whether trying the whole transaction again may help: conflicts and lost connections."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(("08", "57P")) or error.sqlstate in _RETRYABLE_STATES
    if not isinstance(error, DBAPIError):
        return isinstance(
            error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError | PoolTimeout
        )
    state = _state(error)
    if state in _RETRYABLE_STATES or (state or "").startswith(("08", "57P")):
        return True
    return bool(error.connection_invalidated) or (
        state is None and isinstance(error, InterfaceError | OperationalError)
    )


def _state(error: BaseException) -> str | None:
    return getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)
