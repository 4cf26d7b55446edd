"""Reads Kafka as a static member of a consumer group, from where the caller says and never from elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition as KafkaPartition

from spine.broker.kafka_membership import open_consumer, stop_consumer
from spine.broker.kafka_settings import KafkaSettings
from spine.broker.port import BrokerUnreachable, OffsetLost, Record, TopicPartition

log = structlog.get_logger()

_START_TIMEOUT_S: Final = 10.0
_OFFSETS_TIMEOUT_S: Final = 10.0
_HINT_TIMEOUT_S: Final = 10.0
_REOPEN_AFTER_S: Final = 1.0


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc]
    """Called by the client in the middle of a rebalance: only notes what is assigned, and holds it still."""

    def __init__(self, owner: KafkaConsumer, client: AIOKafkaConsumer) -> None:
        self._owner = owner
        self._client = client

    def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        self._owner.note_assignment(self._client, ())

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        self._owner.note_assignment(self._client, assigned)


class KafkaConsumer:
    """A `BrokerConsumer` on Kafka.

    As a static member it does not give up its partitions when it stops: a process that is back within the
    session time-out goes on with them, and nobody else had to stop for it. Others take over after it.
    """

    def __init__(self, settings: KafkaSettings, group: str, topics: Sequence[str], member: str) -> None:
        self._settings = settings
        self._group = group
        self._topics = list(topics)
        self._member = member
        self._started = False
        self._client: AIOKafkaConsumer | None = None
        self._opening: asyncio.Task[None] | None = None
        self._getting: asyncio.Task[dict[KafkaPartition, list[Any]]] | None = None
        self._hinting: asyncio.Task[None] | None = None
        self._generation = 0
        self._generations: dict[TopicPartition, int] = {}
        self._sought: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        #: Sought after the records now in hand were fetched: those are from before the seek.
        self._outdated: set[TopicPartition] = set()

    async def start(self) -> None:
        opening = self._open()
        self._started = True
        done, _ = await asyncio.wait([opening], timeout=_START_TIMEOUT_S)
        if done and (error := opening.exception()):
            await self.stop()
            raise BrokerUnreachable(f"Kafka at {self._settings.bootstrap}: {error!r}") from error

    def assignment(self) -> Mapping[TopicPartition, int]:
        return dict(self._generations)

    async def poll(self, timeout_s: float, max_records: int) -> Mapping[TopicPartition, Sequence[Record]]:
        if not self._started:
            raise BrokerUnreachable("the consumer is not started")
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fetched = await self._get(deadline, max_records)
            except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
                fetched = {}
                self._raise_if_lost(error)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("the Kafka consumer is opened anew", group=self._group, error=repr(error))
                await self._close()
                await asyncio.sleep(_REOPEN_AFTER_S)
                return {}
            if records := self._admit(fetched):
                return records
            if time.monotonic() >= deadline:
                return {}

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp not in self._generations or self._client is None:
            return
        try:
            self._client.seek(KafkaPartition(*tp), offset)
        except IllegalStateError:
            return
        if self._getting is not None and self._getting.done():
            self._outdated.add(tp)
        self._sought.add(tp)
        self._let_flow(tp)

    def pause(self, tp: TopicPartition) -> None:
        if tp in self._generations and self._client is not None:
            self._paused.add(tp)
            self._client.pause(KafkaPartition(*tp))

    def resume(self, tp: TopicPartition) -> None:
        self._paused.discard(tp)
        self._let_flow(tp)

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        return await self._offsets("end_offsets", tps)

    async def begin_offsets(self, tps: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        return await self._offsets("beginning_offsets", tps)

    async def hint(self, offsets: Mapping[TopicPartition, int]) -> None:
        if self._client is None or (self._hinting is not None and not self._hinting.done()):
            return
        ours = {KafkaPartition(*tp): offset for tp, offset in offsets.items() if tp in self._generations}
        if ours:
            self._hinting = asyncio.create_task(_commit(self._client, ours))

    async def stop(self) -> None:
        self._started = False
        if self._hinting is not None:
            await asyncio.wait([self._hinting], timeout=1.0)
            self._hinting.cancel()
        await self._close()

    def note_assignment(self, client: AIOKafkaConsumer, assigned: Iterable[KafkaPartition]) -> None:
        """What the client owns from now on. Every partition stands still until it is sought."""
        if self._client is None or client is not self._client:
            return
        self._generation += 1
        self._sought.clear()
        self._paused.clear()
        self._generations = {TopicPartition(*tp): self._generation for tp in assigned}
        for tp in assigned:
            # A position keeps the client from asking for committed offsets, which are only a hint.
            client.pause(tp)
            client.seek(tp, 0)

    def _let_flow(self, tp: TopicPartition) -> None:
        if self._client is not None and tp in self._sought and tp not in self._paused:
            self._client.resume(KafkaPartition(*tp))

    def _open(self) -> asyncio.Task[None]:
        self._client = client = open_consumer(self._settings, self._group, self._member)
        client.subscribe(topics=self._topics, listener=_Assignments(self, client))
        self._opening = asyncio.create_task(client.start())
        return self._opening

    async def _close(self) -> None:
        client, self._client = self._client, None
        self._generations = {}
        self._sought.clear()
        self._outdated.clear()
        for task in (self._getting, self._opening):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
                # Looked at, or it would be logged as an error that nobody retrieved.
                _ = task.cancelled() or task.exception()
        self._getting = self._opening = None
        if client is not None:
            await stop_consumer(client)

    async def _get(self, deadline: float, max_records: int) -> dict[KafkaPartition, list[Any]]:
        """What the client has fetched. It waits without limit during a rebalance, so it runs as a task that
        outlives a poll: cancelling it could lose records that it has already taken for delivered."""
        remaining_s = max(0.0, deadline - time.monotonic())
        opening = self._opening or self._open()
        if not opening.done():
            await asyncio.wait([opening], timeout=remaining_s)
            if not opening.done():
                return {}
        opening.result()
        assert self._client is not None
        if self._getting is None:
            getting = self._client.getmany(timeout_ms=int(remaining_s * 1000), max_records=max_records)
            self._getting = asyncio.create_task(getting)
        done, _ = await asyncio.wait([self._getting], timeout=remaining_s + 0.01)
        if not done:
            return {}
        got, self._getting = self._getting, None
        return got.result()

    def _admit(self, fetched: Mapping[KafkaPartition, list[Any]]) -> dict[TopicPartition, list[Record]]:
        records: dict[TopicPartition, list[Record]] = {}
        for kafka_tp, found in fetched.items():
            tp = TopicPartition(*kafka_tp)
            if tp not in self._sought or tp in self._outdated or not found:
                continue
            if tp in self._paused:
                # Paused after they were fetched: they come again when it goes on.
                self.seek(tp, found[0].offset)
                continue
            records[tp] = [_record(record) for record in found]
        self._outdated.clear()
        return records

    def _raise_if_lost(self, error: OffsetOutOfRangeError | NoOffsetForPartitionError) -> None:
        outdated, self._outdated = self._outdated, set()
        about = error.args[0] if error.args else None
        if not isinstance(about, Mapping):
            return
        for kafka_tp, offset in about.items():
            tp = TopicPartition(*kafka_tp)
            if tp in self._sought and tp not in outdated:
                raise OffsetLost(
                    f"Kafka no longer has, or never had, offset {offset} of {tp.topic}/{tp.partition}",
                    topic=tp.topic,
                    partition=tp.partition,
                    offset=offset,
                )

    async def _offsets(self, which: str, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        if self._client is None:
            raise BrokerUnreachable("the consumer is not connected")
        try:
            async with asyncio.timeout(_OFFSETS_TIMEOUT_S):
                offsets = await getattr(self._client, which)([KafkaPartition(*tp) for tp in tps])
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnreachable(f"Kafka does not tell its offsets: {error!r}") from error
        return {TopicPartition(*tp): offset for tp, offset in offsets.items()}


def _record(found: Any) -> Record:
    return Record(
        found.topic,
        found.partition,
        found.offset,
        found.key,
        found.value,
        [(name, value) for name, value in found.headers if value is not None],
        datetime.fromtimestamp(found.timestamp / 1000, UTC) if found.timestamp >= 0 else None,
    )


async def _commit(client: AIOKafkaConsumer, offsets: Mapping[KafkaPartition, int]) -> None:
    try:
        async with asyncio.timeout(_HINT_TIMEOUT_S):
            await client.commit(dict(offsets))
    except Exception as error:
        # Only a hint for Kafka's own tools: progress is in the service's database.
        log.info("Kafka was not told how far the group is", error=repr(error))
