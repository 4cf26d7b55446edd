"""Batches side by side: while one waits for the database, the next is read and another is computed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from spine.broker.port import Record, TopicPartition

LANES: Final = 2
#: Records of one batch, and so of one transaction, at most.
MAX_BATCH: Final = 500
#: Beyond either of these nothing more is read ahead.
MAX_AHEAD: Final = 5_000
MAX_AHEAD_BYTES: Final = 4_000_000

#: Records of one topic, in order within each partition.
Batch = Mapping[TopicPartition, Sequence[Record]]


class _Lane:
    """What waits for its turn in one lane, and the batch at work."""

    __slots__ = ("busy_with", "bytes_waiting", "task", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[TopicPartition, list[Record]] = {}
        self.bytes_waiting = 0
        self.task: asyncio.Task[None] | None = None
        self.busy_with: Batch = {}

    def add(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        self.waiting.setdefault(tp, []).extend(records)
        self.bytes_waiting += _bytes(records)

    def drop(self, tp: TopicPartition) -> None:
        self.bytes_waiting -= _bytes(self.waiting.pop(tp, ()))

    def next_batch(self) -> Batch:
        """Takes out what comes first, with what else waits of the same topic; the rest queues up again."""
        topic = next(iter(self.waiting)).topic
        batch: dict[TopicPartition, list[Record]] = {}
        room = MAX_BATCH
        for tp in [tp for tp in self.waiting if tp.topic == topic]:
            records = self.waiting.pop(tp)
            batch[tp], rest = records[:room], records[room:]
            room -= len(batch[tp])
            self.bytes_waiting -= _bytes(batch[tp])
            if rest:
                self.waiting[tp] = rest
            if not room:
                break
        return batch


class Lanes:
    """Partition n of every topic goes through lane n modulo LANES, and within a lane all is serial.

    A borrower has the same partition number in every topic, so batches that run side by side have no borrower
    in common, and each partition keeps its order.
    """

    def __init__(self, apply: Callable[[Batch], Awaitable[None]]) -> None:
        self._apply = apply
        self._lanes = [_Lane() for _ in range(LANES)]

    @property
    def waiting(self) -> int:
        """How many records wait for their turn."""
        return sum(len(records) for lane in self._lanes for records in lane.waiting.values())

    @property
    def hungry(self) -> bool:
        """Whether a lane has nothing to go on with, and more may be read."""
        if self.waiting >= MAX_AHEAD or sum(lane.bytes_waiting for lane in self._lanes) >= MAX_AHEAD_BYTES:
            return False
        return not all(lane.waiting for lane in self._lanes)

    @property
    def is_busy(self) -> bool:
        """Whether any batch is at work."""
        return any(lane.task is not None for lane in self._lanes)

    def is_busy_with(self, tp: TopicPartition) -> bool:
        """Whether a batch with records of this partition is at work."""
        return tp in self._lane(tp).busy_with

    def add(self, polled: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Records to be applied after those that were added before."""
        for tp, records in polled.items():
            self._lane(tp).add(tp, records)

    def drop(self, tp: TopicPartition) -> None:
        """Forgets what waits of a partition."""
        self._lane(tp).drop(tp)

    def start(self) -> None:
        """Sets idle lanes to work. Raises what a batch has failed with."""
        for lane in self._lanes:
            if lane.task is not None and lane.task.done():
                ended, lane.task, lane.busy_with = lane.task, None, {}
                ended.result()
            if lane.task is None and lane.waiting:
                lane.busy_with = lane.next_batch()
                lane.task = asyncio.ensure_future(self._apply(lane.busy_with))

    async def one_ends(self, timeout_s: float) -> None:
        """Waits until a batch has ended; its failure is told by the next `start`."""
        if running := self._running():
            await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

    async def finish(self) -> None:
        """Ends what is at work and begins nothing. Raises what a batch has failed with."""
        if running := self._running():
            await asyncio.wait(running)
        for task in running:
            task.result()

    async def abandon(self, *, cancel: bool = False) -> None:
        """Forgets all that waits, and ends what is at work, whatever comes of it."""
        for lane in self._lanes:
            for tp in list(lane.waiting):
                lane.drop(tp)
        running = self._running()
        if cancel:
            for task in running:
                task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for lane in self._lanes:
            lane.task, lane.busy_with = None, {}

    def _running(self) -> list[asyncio.Task[None]]:
        return [lane.task for lane in self._lanes if lane.task is not None]

    def _lane(self, tp: TopicPartition) -> _Lane:
        return self._lanes[tp.partition % LANES]


def _bytes(records: Sequence[Record]) -> int:
    return sum(len(record.value) for record in records if record.value is not None)
