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

    __slots__ = ("busy_with", "bytes_waiting", "count_waiting", "task", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[TopicPartition, list[Record]] = {}
        self.count_waiting = self.bytes_waiting = 0
        self.task: asyncio.Task[None] | None = None
        self.busy_with: Batch = {}

    def add(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        self.waiting.setdefault(tp, []).extend(records)
        self._count(records, 1)

    def drop(self, tp: TopicPartition) -> None:
        self._count(self.waiting.pop(tp, ()), -1)

    def next_batch(self) -> Batch:
        """Takes out what comes first, with what else waits of the same topic; the rest queues up again."""
        topic = next(iter(self.waiting)).topic
        batch: dict[TopicPartition, list[Record]] = {}
        room = MAX_BATCH
        for tp in [tp for tp in self.waiting if tp.topic == topic]:
            records = self.waiting.pop(tp)
            batch[tp], rest = records[:room], records[room:]
            room -= len(batch[tp])
            self._count(batch[tp], -1)
            if rest:
                self.waiting[tp] = rest
            if not room:
                break
        return batch

    def _count(self, records: Sequence[Record], sign: int) -> None:
        self.count_waiting += sign * len(records)
        self.bytes_waiting += sign * sum(len(record.value or b"") for record in records)


class Lanes:
    """Partition n of every topic goes through lane n modulo LANES, and within a lane all is serial.

    A borrower has the same partition number in every topic, so batches that run side by side have no borrower
    in common, and each partition keeps its order. A lane goes on by itself while something waits in it.
    """

    def __init__(self, apply: Callable[[Batch], Awaitable[None]]) -> None:
        self._apply = apply
        self._lanes = [_Lane() for _ in range(LANES)]
        self._ending = False
        self._one_ended = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many records wait for their turn."""
        return sum(lane.count_waiting for lane in self._lanes)

    @property
    def hungry(self) -> bool:
        """Whether a lane has less than a batch to go on with, and more may be read."""
        if self.waiting >= MAX_AHEAD or sum(lane.bytes_waiting for lane in self._lanes) >= MAX_AHEAD_BYTES:
            return False
        return any(lane.count_waiting < MAX_BATCH for lane in self._lanes)

    @property
    def is_busy(self) -> bool:
        """Whether any batch is at work."""
        return any(lane.busy_with for lane in self._lanes)

    def is_idle(self, tp: TopicPartition) -> bool:
        """Whether nothing of this partition is at work or waits; so it stays until more is added."""
        lane = self._lane(tp)
        return tp not in lane.busy_with and tp not in lane.waiting

    def add(self, polled: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Records to be applied after those that were added before. Raises what a batch has failed with."""
        for tp, records in polled.items():
            self._lane(tp).add(tp, records)
        for lane in self._lanes:
            if lane.task is not None and lane.task.done():
                lane.task.result()
                lane.task = None
            if lane.task is None and lane.waiting:
                lane.task = asyncio.create_task(self._run(lane))

    def drop(self, tp: TopicPartition) -> None:
        """Forgets what waits of a partition."""
        self._lane(tp).drop(tp)

    async def one_ends(self, timeout_s: float) -> None:
        """Waits until a batch has ended; its failure is told by the next `add`."""
        self._one_ended.clear()
        if self.is_busy:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._one_ended.wait()
            except TimeoutError:
                return

    async def finish(self) -> None:
        """Ends what is at work and begins nothing. Raises what a batch has failed with."""
        self._ending = True
        running = [lane.task for lane in self._lanes if lane.task is not None]
        try:
            await asyncio.gather(*running, return_exceptions=True)
        finally:
            self._ending = False
        for task in running:
            task.result()

    async def abandon(self, *, cancel: bool = False) -> None:
        """Forgets all that waits, and ends what is at work, whatever comes of it."""
        for lane in self._lanes:
            for tp in list(lane.waiting):
                lane.drop(tp)
        running = [lane.task for lane in self._lanes if lane.task is not None]
        if cancel:
            for task in running:
                task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for lane in self._lanes:
            lane.task, lane.busy_with = None, {}

    async def _run(self, lane: _Lane) -> None:
        while lane.waiting and not self._ending:
            lane.busy_with = lane.next_batch()
            try:
                await self._apply(lane.busy_with)
            finally:
                self._one_ended.set()
            lane.busy_with = {}

    def _lane(self, tp: TopicPartition) -> _Lane:
        return self._lanes[tp.partition % LANES]
