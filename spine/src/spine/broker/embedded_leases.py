"""Shares the embedded log's partitions among the living members of a consumer group."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import structlog

from spine.broker.port import TopicPartition

log = structlog.get_logger()

_LOCK_GROUP = "SELECT pg_advisory_xact_lock(hashtextextended('log_lease:' || $1, 0))"
_SIGN = """
    INSERT INTO log_member AS m (consumer_group, member, incarnation, topics, expires_at)
    VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
    ON CONFLICT (consumer_group, member) DO UPDATE
        SET incarnation = excluded.incarnation, topics = excluded.topics, expires_at = excluded.expires_at
        WHERE $6 OR m.incarnation = excluded.incarnation OR m.expires_at < clock_timestamp()
    RETURNING 1
"""
_FORGET_THE_DEAD = (
    "DELETE FROM log_member WHERE consumer_group = $1 AND expires_at < now() - interval '1 day'"
)
_MEMBERS = """
    SELECT member, topics FROM log_member WHERE consumer_group = $1 AND expires_at > clock_timestamp()
"""
_LEASES = """
    SELECT p.topic, p.partition, p.first_offset, p.next_offset, p.log, l.owner, l.incarnation,
           coalesce(l.generation, 0) AS generation, m.member IS NOT NULL AS alive
    FROM log_partition AS p
    LEFT JOIN log_lease AS l ON l.consumer_group = $1 AND l.topic = p.topic AND l.partition = p.partition
    LEFT JOIN log_member AS m ON m.consumer_group = $1 AND m.member = l.owner
         AND m.incarnation = l.incarnation AND m.expires_at > clock_timestamp()
    WHERE p.topic = ANY($2::text[])
"""
_TAKE = """
    INSERT INTO log_lease (consumer_group, topic, partition, owner, incarnation, generation)
    SELECT $1, u.topic, u.partition, $2, $3, u.generation
    FROM unnest($4::text[], $5::int[], $6::bigint[]) AS u(topic, partition, generation)
    ON CONFLICT (consumer_group, topic, partition) DO UPDATE
        SET owner = excluded.owner, incarnation = excluded.incarnation, generation = excluded.generation
"""
_HAND_BACK = """
    UPDATE log_lease AS l SET owner = NULL, incarnation = NULL
    FROM unnest($3::text[], $4::int[]) AS u(topic, partition)
    WHERE l.consumer_group = $1 AND l.incarnation = $2 AND l.topic = u.topic AND l.partition = u.partition
"""
_LEAVE = """
    WITH gone AS (DELETE FROM log_member WHERE consumer_group = $1 AND incarnation = $2)
    UPDATE log_lease SET owner = NULL, incarnation = NULL WHERE consumer_group = $1 AND incarnation = $2
"""
#: A lease is renewed this many times before it would run out.
_RENEWALS: Final = 4


@dataclass(frozen=True, slots=True)
class Extent:
    """Which offsets a partition holds: first_offset <= readable < next_offset, of this `log`."""

    first_offset: int
    next_offset: int
    log: uuid.UUID


def fair_share(
    members: Mapping[str, Iterable[str]], tps: Iterable[TopicPartition]
) -> dict[TopicPartition, str]:
    """Who should own which partition: equal runs of each topic's partitions among those who read it.

    Depends on nothing but its arguments, so all members agree; and the same numbers of all topics go to the
    same member, as they hold the same borrowers.
    """
    readers: dict[str, list[str]] = {}
    for member in sorted(members):
        for topic in members[member]:
            readers.setdefault(topic, []).append(member)
    by_topic: dict[str, list[TopicPartition]] = {}
    for tp in sorted(tps):
        by_topic.setdefault(tp.topic, []).append(tp)
    return {
        tp: readers[topic][index * len(readers[topic]) // len(ordered)]
        for topic, ordered in by_topic.items()
        if topic in readers
        for index, tp in enumerate(ordered)
    }


class Leases:
    """One member's leases. `held` maps each partition it owns to its generation; `extents` is from the
    last renewal."""

    def __init__(
        self,
        pool: Callable[[], asyncpg.Pool],
        group: str,
        topics: Sequence[str],
        member: str,
        lease_s: float,
    ) -> None:
        self._pool = pool
        self._group = group
        self._topics = list(topics)
        self._member = member
        self._lease_s = lease_s
        self._incarnation = uuid.uuid4()
        self._due_at = 0.0
        self._replaced = False
        self.held: dict[TopicPartition, int] = {}
        self.extents: dict[TopicPartition, Extent] = {}

    @property
    def channel(self) -> str:
        """Where members tell each other that there is something to take or to hand back."""
        return f"log_lease:{self._group}"

    @property
    def due_in_s(self) -> float:
        """Seconds until the leases must be renewed."""
        return self._due_at - time.monotonic()

    async def join(self) -> None:
        """Becomes a member, in place of an earlier process of the same name, and takes what is free."""
        await self._renew(joining=True)

    async def renew(self) -> None:
        """Stays a member, hands back what is now another's share and takes what is free of its own."""
        await self._renew(joining=False)

    async def leave(self) -> None:
        """Hands everything back at once."""
        self.held = {}
        async with self._pool().acquire() as connection, connection.transaction():
            await connection.execute(_LOCK_GROUP, self._group)
            await connection.execute(_LEAVE, self._group, self._incarnation)
            await self._tell(connection)

    async def _renew(self, *, joining: bool) -> None:
        due_at = time.monotonic() + self._lease_s / _RENEWALS
        async with self._pool().acquire() as connection, connection.transaction():
            await connection.execute(_LOCK_GROUP, self._group)
            if not await self._sign(connection, joining=joining):
                held = {}
            else:
                members = await connection.fetch(_MEMBERS, self._group)
                rows = await connection.fetch(_LEASES, self._group, self._topics)
                extents = {_tp(r): Extent(r["first_offset"], r["next_offset"], r["log"]) for r in rows}
                share = fair_share({row["member"]: row["topics"] for row in members}, extents)
                held = await self._settle(connection, rows, share)
                self.extents = extents
            if joining:
                await connection.execute(_FORGET_THE_DEAD, self._group)
                await self._tell(connection)
        self.held = held
        self._due_at = due_at

    async def _sign(self, connection: asyncpg.pool.PoolConnectionProxy[Any], *, joining: bool) -> bool:
        args = (self._group, self._member, self._incarnation, self._topics, self._lease_s, joining)
        signed = await connection.fetchval(_SIGN, *args) is not None
        if not signed and not self._replaced:
            log.error("another process runs under this member's name", group=self._group, member=self._member)
        self._replaced = not signed
        return signed

    async def _settle(
        self,
        connection: asyncpg.pool.PoolConnectionProxy[Any],
        rows: Sequence[asyncpg.Record],
        share: Mapping[TopicPartition, str],
    ) -> dict[TopicPartition, int]:
        kept: dict[TopicPartition, int] = {}
        taken: dict[TopicPartition, int] = {}
        surplus: list[TopicPartition] = []
        for row in rows:
            tp, own = _tp(row), row["incarnation"] == self._incarnation
            if share[tp] != self._member:
                surplus += [tp] if own else []
            elif own and self.held.get(tp) == row["generation"]:
                kept[tp] = row["generation"]
            elif own or not row["alive"]:
                taken[tp] = row["generation"] + 1
        if taken:
            topics, partitions = [tp.topic for tp in taken], [tp.partition for tp in taken]
            own_args = (self._group, self._member, self._incarnation)
            await connection.execute(_TAKE, *own_args, topics, partitions, list(taken.values()))
        if surplus:
            topics, partitions = [tp.topic for tp in surplus], [tp.partition for tp in surplus]
            await connection.execute(_HAND_BACK, self._group, self._incarnation, topics, partitions)
            await self._tell(connection)
        if taken or surplus:
            log.info("leases", group=self._group, kept=len(kept), taken=len(taken), handed_back=len(surplus))
        return kept | taken

    async def _tell(self, connection: asyncpg.pool.PoolConnectionProxy[Any]) -> None:
        await connection.execute("SELECT pg_notify($1, '')", self.channel)


def _tp(row: asyncpg.Record) -> TopicPartition:
    return TopicPartition(row["topic"], row["partition"])
