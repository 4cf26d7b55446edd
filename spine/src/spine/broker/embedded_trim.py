"""Deletes the embedded log's oldest records; where a partition begins moves first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import asyncpg

_PARTITIONS = """
    SELECT topic, partition FROM log_partition
    WHERE $1::text[] IS NULL OR topic = ANY($1::text[]) ORDER BY topic, partition
"""
#: Before the next statement looks: what is appended while it waits for the row must not count as old.
_LOCK = "SELECT 1 FROM log_partition WHERE topic = $1 AND partition = $2 FOR NO KEY UPDATE"
_MOVE = """
    UPDATE log_partition AS p
    SET first_offset = coalesce(
        (SELECT r."offset" FROM log_record AS r
         WHERE r.topic = p.topic AND r.partition = p.partition AND r.appended_at >= $3
         ORDER BY r."offset" LIMIT 1),
        p.next_offset)
    WHERE topic = $1 AND partition = $2
    RETURNING first_offset
"""
_OLDEST = 'SELECT min("offset") FROM log_record WHERE topic = $1 AND partition = $2'
_DELETE = 'DELETE FROM log_record WHERE topic = $1 AND partition = $2 AND "offset" < $3'
#: Records deleted by one statement, so that none runs into its time-out.
_AT_ONCE: Final = 10_000


async def trim(
    connection: asyncpg.pool.PoolConnectionProxy[Any], before: datetime, topics: Iterable[str] | None
) -> int:
    """Deletes records appended before `before`; returns how many. A reader below the new begin is told."""
    deleted = 0
    for row in await connection.fetch(_PARTITIONS, None if topics is None else list(topics)):
        topic, partition = row["topic"], row["partition"]
        async with connection.transaction():
            await connection.execute(_LOCK, topic, partition)
            first_offset = await connection.fetchval(_MOVE, topic, partition, before)
        oldest = await connection.fetchval(_OLDEST, topic, partition)
        while oldest is not None and oldest < first_offset:
            below = min(oldest + _AT_ONCE, first_offset)
            status = await connection.execute(_DELETE, topic, partition, below)
            deleted += int(status.rpartition(" ")[2])
            oldest = below
    return deleted
