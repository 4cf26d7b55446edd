"""Appends to the embedded log: the partition's row gives out offsets, so they are gapless and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from spine.broker.port import OutRecord, PublishFailed, TopicPartition

#: Locked in this order by everyone, so appenders wait for each other and never in a circle.
_LOCK = """
    SELECT p.topic, p.partition, p.next_offset
    FROM log_partition AS p
    JOIN unnest($1::text[], $2::int[]) AS wanted(topic, partition)
      ON p.topic = wanted.topic AND p.partition = wanted.partition
    ORDER BY p.topic, p.partition
    FOR NO KEY UPDATE OF p
"""
_APPEND = """
    WITH added AS (
        INSERT INTO log_record (topic, partition, "offset", key, value, headers)
        SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])
    ), moved AS (
        UPDATE log_partition AS p SET next_offset = p.next_offset + a.count
        FROM unnest($7::text[], $8::int[], $9::bigint[]) AS a(topic, partition, count)
        WHERE p.topic = a.topic AND p.partition = a.partition
    )
    SELECT pg_notify(channel, '') FROM unnest($10::text[]) AS channel
"""


def records_channel(topic: str) -> str:
    """Where those who read `topic` listen for new records."""
    return f"log:{topic}"


async def append(connection: asyncpg.pool.PoolConnectionProxy[Any], batch: Sequence[OutRecord]) -> None:
    """Stores the batch and wakes its readers, in one transaction; durable when it returns.

    Raises PublishFailed for a partition that does not exist.
    """
    counts = Counter(TopicPartition(record.topic, record.partition) for record in batch)
    tps = sorted(counts)
    topics, partitions = [tp.topic for tp in tps], [tp.partition for tp in tps]
    async with connection.transaction():
        rows = await connection.fetch(_LOCK, topics, partitions)
        offsets = {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        if missing := [tp for tp in tps if tp not in offsets]:
            raise PublishFailed(f"there is no partition {missing[0].topic}/{missing[0].partition}")
        await connection.execute(
            _APPEND,
            [record.topic for record in batch],
            [record.partition for record in batch],
            [_take(offsets, TopicPartition(record.topic, record.partition)) for record in batch],
            [record.key for record in batch],
            [record.value for record in batch],
            [msgspec.msgpack.encode(record.headers) for record in batch],
            topics,
            partitions,
            [counts[tp] for tp in tps],
            [records_channel(topic) for topic in sorted(set(topics))],
        )


def _take(offsets: dict[TopicPartition, int], tp: TopicPartition) -> int:
    offset = offsets[tp]
    offsets[tp] = offset + 1
    return offset
