"""The embedded log: a broker in PostgreSQL for one machine, behind the same port as Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import DBAPIError

from spine.broker.embedded_append import append
from spine.broker.embedded_consumer import TROUBLE, EmbeddedConsumer
from spine.broker.embedded_trim import trim
from spine.broker.port import BrokerUnreachable, OutRecord, PartitionMismatch, PublishFailed
from spine.broker.size import refuse_too_large
from spine.database import create_engine, plain_url
from spine.migrations import require_head

_CONNECT_TIMEOUT_S: Final = 10.0
_COMMAND_TIMEOUT_S: Final = 15.0
_HEALTH_TIMEOUT_S: Final = 2.0
_CLOSE_TIMEOUT_S: Final = 5.0
_POOL_SIZE: Final = 4
_SERVER_SETTINGS: Final = {
    "application_name": "tact-log",
    "timezone": "UTC",
    # An append is durable when it returns, whatever the server's own setting.
    "synchronous_commit": "on",
    "statement_timeout": "10000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "5000",
    # Every query goes by primary key; no estimate about a young table may lead it elsewhere.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
}
_COUNTS = "SELECT topic, count(*) AS count FROM log_partition WHERE topic = ANY($1::text[]) GROUP BY topic"
_CREATE = """
    INSERT INTO log_partition (topic, partition)
    SELECT topic, partition FROM unnest($1::text[]) AS topic, generate_series(0, $2::int - 1) AS partition
    ON CONFLICT DO NOTHING
"""


class EmbeddedLog:
    """A `Broker` on a PostgreSQL database of its own, at the newest revision of `spine.broker`."""

    def __init__(self, url: str, *, lease_s: float = 15.0) -> None:
        self._url = plain_url(url)
        self._lease_s = lease_s
        self._pool: asyncpg.Pool | None = None

    async def start(self) -> None:
        """Connects; raises BrokerUnreachable or WrongSchema."""
        engine = create_engine(self._url, name="log", pool_size=1)
        try:
            await require_head("spine.broker", engine)
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=_POOL_SIZE,
                timeout=_CONNECT_TIMEOUT_S,
                command_timeout=_COMMAND_TIMEOUT_S,
                max_inactive_connection_lifetime=0,
                reset=_keep_as_it_is,
                server_settings=_SERVER_SETTINGS,
            )
        except (*TROUBLE, DBAPIError) as error:
            raise BrokerUnreachable(f"the embedded log does not answer: {error!r}") from error
        finally:
            await engine.dispose()

    async def ensure_topics(self, topics: Iterable[str], partitions: int) -> None:
        """Raises PartitionMismatch or BrokerUnreachable."""
        names = sorted(set(topics))
        async with self._connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('log_partition'))")
            for row in await connection.fetch(_COUNTS, names):
                if row["count"] != partitions:
                    raise PartitionMismatch(
                        f"{row['topic']} has {row['count']} partitions, not {partitions};"
                        " the number cannot be changed after the first start",
                        topic=row["topic"],
                    )
            await connection.execute(_CREATE, names, partitions)

    async def publish(self, batch: Sequence[OutRecord]) -> None:
        if not batch:
            return
        refuse_too_large(batch)
        try:
            async with self._connection() as connection:
                await append(connection, batch)
        except BrokerUnreachable as error:
            raise PublishFailed(f"{len(batch)} records are not confirmed: {error.detail}") from error

    def consumer(self, group: str, topics: Sequence[str], member: str) -> EmbeddedConsumer:
        return EmbeddedConsumer(self._connected, self._url, group, topics, member, lease_s=self._lease_s)

    async def trim(self, before: datetime, topics: Iterable[str] | None = None) -> int:
        """Deletes records appended before an instant (wall clock), of all topics or of some; returns how many."""
        async with self._connection() as connection:
            return await trim(connection, before, topics)

    async def health(self) -> str | None:
        if self._pool is None:
            return "the embedded log is not connected"
        try:
            async with self._pool.acquire(timeout=_HEALTH_TIMEOUT_S) as connection:
                await connection.fetchval("SELECT 1 FROM log_partition LIMIT 1", timeout=_HEALTH_TIMEOUT_S)
        except TROUBLE as error:
            return f"the embedded log does not answer: {type(error).__name__}"
        return None

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await pool.close()
        except TROUBLE:
            pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy[Any]]:
        try:
            async with self._connected().acquire(timeout=_CONNECT_TIMEOUT_S) as connection:
                yield connection
        except BrokerUnreachable:
            raise
        except TROUBLE as error:
            raise BrokerUnreachable(f"the embedded log does not answer: {error!r}") from error

    def _connected(self) -> asyncpg.Pool:
        if self._pool is None:
            raise BrokerUnreachable("the embedded log is not connected")
        return self._pool


async def _keep_as_it_is(_connection: object) -> None:
    """Instead of the pool's reset: nothing here changes a session, and the reset is a round trip."""
