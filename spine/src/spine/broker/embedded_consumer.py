"""Reads the embedded log as a member of a consumer group: woken by NOTIFY, fenced by leases."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import asyncpg
import msgspec
import structlog

from spine.broker.embedded_append import records_channel
from spine.broker.embedded_leases import Extent, Leases
from spine.broker.port import BrokerUnreachable, OffsetLost, Record, TopicPartition
from spine.listen import Listener
from spine.topics import TOPICS

log = structlog.get_logger()

#: What it looks like when the database does not answer, restarts or takes too long.
TROUBLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
#: A notification may be missed, so everyone looks by themselves now and then.
_LOOK_EVERY_S: Final = 0.5

_READ = """
    SELECT r.*
    FROM unnest($1::text[], $2::int[], $3::bigint[]) AS wanted(topic, partition, "offset")
    CROSS JOIN LATERAL (
        SELECT topic, partition, "offset", key, value, headers, appended_at
        FROM log_record AS r
        WHERE r.topic = wanted.topic AND r.partition = wanted.partition AND r."offset" >= wanted."offset"
        ORDER BY r."offset"
        LIMIT $4
    ) AS r
    LIMIT $4
"""
_EXTENTS = """
    SELECT p.topic, p.partition, p.first_offset, p.next_offset, p.log
    FROM log_partition AS p
    JOIN unnest($1::text[], $2::int[]) AS wanted(topic, partition)
      ON p.topic = wanted.topic AND p.partition = wanted.partition
"""
_HEADERS: Final = msgspec.msgpack.Decoder(list[tuple[str, bytes]])


class EmbeddedConsumer:
    """A `BrokerConsumer` on the embedded log. Its leases are renewed by polling: who stops polling loses them."""

    def __init__(
        self,
        pool: Callable[[], asyncpg.Pool],
        url: str,
        group: str,
        topics: Sequence[str],
        member: str,
        *,
        lease_s: float,
    ) -> None:
        self._pool = pool
        self._leases = Leases(pool, group, topics, member, lease_s)
        channels = [*map(records_channel, topics), self._leases.channel]
        self._listener = Listener(url, channels)
        self._woken = self._listener.event(*channels)
        self._shared_anew = self._listener.event(self._leases.channel)
        self._generations: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._logs: dict[TopicPartition, uuid.UUID] = {}
        self._paused: set[TopicPartition] = set()
        self._turn = 0
        self._troubled = False

    async def start(self) -> None:
        try:
            await self._listener.start()
            await self._leases.join()
        except TROUBLE as error:
            await self._listener.close()
            raise BrokerUnreachable(f"the embedded log does not answer: {error!r}") from error
        self._follow_leases()

    def assignment(self) -> Mapping[TopicPartition, int]:
        return dict(self._generations)

    async def poll(self, timeout_s: float, max_records: int) -> Mapping[TopicPartition, Sequence[Record]]:
        deadline = time.monotonic() + timeout_s
        while True:
            self._woken.clear()
            try:
                if self._leases.due_in_s <= 0 or self._shared_anew.is_set():
                    self._shared_anew.clear()
                    await self._leases.renew()
                    self._follow_leases()
                    self._check(self._positions, self._leases.extents)
                records = await self._read(max_records)
                self._troubled = False
                if records:
                    return records
            except TROUBLE as error:
                if not self._troubled:
                    log.warning("the embedded log does not answer", error=repr(error))
                self._troubled = True
                self._woken.clear()
            wait_s = min(deadline - time.monotonic(), _LOOK_EVERY_S)
            if wait_s <= 0:
                return {}
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp in self._generations:
            self._positions[tp] = offset
            self._logs.pop(tp, None)
            self._woken.set()

    def pause(self, tp: TopicPartition) -> None:
        if tp in self._generations:
            self._paused.add(tp)

    def resume(self, tp: TopicPartition) -> None:
        self._paused.discard(tp)
        self._woken.set()

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {tp: extent.next_offset for tp, extent in (await self._extents(tps)).items()}

    async def begin_offsets(self, tps: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {tp: extent.first_offset for tp, extent in (await self._extents(tps)).items()}

    async def hint(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Nothing to tell: the embedded log has no tools of its own that would show it."""

    async def stop(self) -> None:
        self._generations = {}
        try:
            await self._leases.leave()
        except TROUBLE as error:
            log.warning("the leases were not handed back and will run out", error=repr(error))
        await self._listener.close()

    def _follow_leases(self) -> None:
        """Forgets where it was in partitions that changed hands, even if they came back."""
        held = self._leases.held
        for tp, generation in self._generations.items():
            if held.get(tp) != generation:
                self._positions.pop(tp, None)
                self._logs.pop(tp, None)
                self._paused.discard(tp)
        self._generations = dict(held)

    async def _read(self, max_records: int) -> dict[TopicPartition, list[Record]]:
        wanted = sorted(self._positions.keys() - self._paused)
        if not wanted:
            return {}
        if unchecked := [tp for tp in wanted if tp not in self._logs]:
            self._check(unchecked, await self._fetch_extents(unchecked))
        # Another partition comes first each time, so a full one does not starve the others.
        self._turn = (self._turn + 1) % len(wanted)
        wanted = wanted[self._turn :] + wanted[: self._turn]
        starts = {tp: self._positions[tp] for tp in wanted}
        positions = dict(starts)
        async with self._pool().acquire() as connection:
            rows = await connection.fetch(
                _READ,
                [tp.topic for tp in wanted],
                [tp.partition for tp in wanted],
                list(starts.values()),
                max_records,
            )
        records: dict[TopicPartition, list[Record]] = {}
        for row in rows:
            tp = TopicPartition(row["topic"], row["partition"])
            if row["offset"] != positions[tp]:
                self._note_hole(tp, positions[tp], row["offset"])
            positions[tp] = row["offset"] + 1
            records.setdefault(tp, []).append(_record(row))
        # A seek or a change of hands while the query ran counts more than what it brought.
        taken = {tp: found for tp, found in records.items() if self._positions.get(tp) == starts[tp]}
        for tp in taken:
            self._positions[tp] = positions[tp]
        return taken

    def _note_hole(self, tp: TopicPartition, expected: int, found: int) -> None:
        """A record is gone from the middle.

        Our own topics carry positions: the consumer sees what is missing and its owner can send it again. What
        core banking published carries none, so there a hole is a loss that only a person can judge.
        """
        if tp.topic not in TOPICS or not TOPICS[tp.topic].positioned:
            raise _lost(tp, expected, f"the next record is {found}")
        log.error("records are gone", topic=tp.topic, partition=tp.partition, first=expected, next=found)

    def _check(self, tps: Iterable[TopicPartition], extents: Mapping[TopicPartition, Extent]) -> None:
        """Whether what comes next in each partition is still, or not yet, there."""
        for tp in tps:
            position, extent = self._positions.get(tp), extents[tp]
            if position is None:
                continue
            if not extent.first_offset <= position <= extent.next_offset:
                holds = f"it holds {extent.first_offset} to {extent.next_offset}, exclusive"
                raise _lost(tp, position, holds)
            if self._logs.setdefault(tp, extent.log) != extent.log:
                raise _lost(tp, position, "it was created anew")

    async def _extents(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, Extent]:
        try:
            return await self._fetch_extents(list(tps))
        except TROUBLE as error:
            raise BrokerUnreachable(f"the embedded log does not answer: {error!r}") from error

    async def _fetch_extents(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, Extent]:
        async with self._pool().acquire() as connection:
            rows = await connection.fetch(_EXTENTS, [tp.topic for tp in tps], [tp.partition for tp in tps])
        extents = {
            TopicPartition(row["topic"], row["partition"]): Extent(
                row["first_offset"], row["next_offset"], row["log"]
            )
            for row in rows
        }
        for tp in tps:
            if tp not in extents:
                raise OffsetLost(f"there is no partition {tp.topic}/{tp.partition}")
        return extents


def _record(row: asyncpg.Record) -> Record:
    topic, partition, offset, key, value, headers, appended_at = row
    return Record(topic, partition, offset, key, value, _HEADERS.decode(headers), appended_at)


def _lost(tp: TopicPartition, offset: int, why: str) -> OffsetLost:
    return OffsetLost(
        f"{tp.topic}/{tp.partition} cannot be read on from offset {offset}: {why}",
        topic=tp.topic,
        partition=tp.partition,
        offset=offset,
    )
