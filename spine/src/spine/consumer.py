"""The consumer loop: reads a service's topics, hands batches to the lanes, and tells how far it has read."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog
from sqlalchemy import text

from spine import metrics, progress
from spine.batches import Batches
from spine.broker.port import BrokerConsumer, TopicPartition
from spine.database import Runtime
from spine.errors import Fenced, Stopped
from spine.lanes import MAX_BATCH, Batch, Lanes
from spine.progress import Mark, Owned
from spine.service import Service
from spine.wakeups import Wakeups

log = structlog.get_logger()

#: How often a partition's end is asked for, so that "read to the end" can be told with an instant.
MARK_EVERY_S: Final = 0.4
HINT_EVERY_S: Final = 5.0
#: A missing position is an alarm after this; the fuse is shut from the first moment.
GAP_ALARM_S: Final = 10.0
#: Records wait and nothing moves: the client is stuck and a restart is the cure.
STUCK_AFTER_S: Final = 60.0


class Consumer:
    """Reads a service's topics and hands batches to its handlers. One per worker process.

    Effects, progress and dead letters of a batch commit together, under the owner epoch of its partitions.
    """

    def __init__(
        self, service: Service, runtime: Runtime, consumer: BrokerConsumer, *, member: str, wakeups: Wakeups
    ) -> None:
        self._service = service
        self._runtime = runtime
        self._consumer = consumer
        self._member = member
        self._wakeups = wakeups
        self._consumes = {consume.topic: consume for consume in service.consumes}
        self._batches = Batches(service, runtime)
        self._lanes = Lanes(self._take)
        #: As assigned, those that were stopped included.
        self._generations: dict[TopicPartition, int] = {}
        self._owned: dict[TopicPartition, Owned] = {}
        self._moved_at = time.monotonic()
        self._marked_at = self._hinted_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Reads until `stopping` is set. Raises what only a restart or a person can mend."""
        await self._consumer.start()
        try:
            while not stopping.is_set():
                await self._step()
            await self._lanes.finish()
        finally:
            await self._lanes.abandon(cancel=True)
            await self._consumer.stop()

    async def _step(self) -> None:
        try:
            await self._follow_assignment()
            await self._mark()
            await self._read()
            await self._save_caught_up()
        except Fenced as fenced:
            # Not ours any more: forget it all and let the next assignment tell what is.
            log.warning("fenced", service=self._service.name, detail=fenced.detail)
            await self._lanes.abandon()
            self._generations.clear()
            self._owned.clear()
            await asyncio.sleep(0.2)
            return
        self._watch()
        await self._hint()

    async def _read(self) -> None:
        """Reads ahead while a lane has little to go on with; else waits until one has."""
        until_mark_s = max(0.01, self._marked_at + MARK_EVERY_S - time.monotonic())
        ours: Batch = {}
        if self._lanes.hungry:
            polled = await self._consumer.poll(0.0 if self._lanes.waiting else until_mark_s, MAX_BATCH)
            ours = {tp: records for tp, records in polled.items() if tp in self._owned and records}
        self._lanes.add(ours)
        if not ours and self._lanes.waiting:
            await self._lanes.one_ends(until_mark_s)

    async def _follow_assignment(self) -> None:
        assigned = self._consumer.assignment()
        gone = [tp for tp in self._generations if tp not in assigned]
        fresh = [tp for tp, generation in assigned.items() if self._generations.get(tp) != generation]
        if not gone and not fresh:
            return
        for tp in (*gone, *fresh):
            self._lanes.drop(tp)
        # Under the epoch that they began with; whoever took over meanwhile makes them fail.
        await self._lanes.finish()
        for tp in gone:
            self._forget(tp)
        if not fresh:
            return
        begins = await self._consumer.begin_offsets(fresh)
        async with self._runtime.engine.begin() as connection:
            cursors = await progress.take_over(connection, self._member, begins)
        for tp, cursor in cursors.items():
            self._owned[tp] = Owned(tp, assigned[tp], cursor, cursor.next_offset)
            self._generations[tp] = assigned[tp]
            self._consumer.seek(tp, cursor.next_offset)
        self._marked_at = 0.0
        log.info("partitions taken over", service=self._service.name, count=len(fresh))

    def _forget(self, tp: TopicPartition) -> None:
        self._generations.pop(tp, None)
        self._owned.pop(tp, None)

    async def _mark(self) -> None:
        """Notes where partitions end now, unless an earlier mark is still to be reached."""
        if time.monotonic() < self._marked_at + MARK_EVERY_S or not self._owned:
            return
        self._marked_at = time.monotonic()
        unmarked = [tp for tp, owned in self._owned.items() if owned.mark is None]
        if not unmarked:
            return
        async with self._runtime.engine.connect() as connection:
            # Before the ends are asked for: whatever was acknowledged before this instant lies before them.
            at = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        for tp, end in (await self._consumer.end_offsets(unmarked)).items():
            if tp in self._owned:
                self._owned[tp].mark = Mark(at, end)

    async def _take(self, batch: Batch) -> None:
        """One batch of one topic, in its lane."""
        found = [(self._owned[tp], records) for tp, records in batch.items() if tp in self._owned]
        if not found:
            return
        await self._batches.take(self._consumes[found[0][0].tp.topic], found)
        for owned, _ in found:
            if owned.stop is not None:
                await self._stop(owned, owned.stop)
        self._moved_at = time.monotonic()
        self._wakeups.wake_all()

    async def _stop(self, owned: Owned, why: str) -> None:
        tp = owned.tp
        log.error("partition stopped", topic=tp.topic, partition=tp.partition, why=why)
        self._consumer.pause(tp)
        async with self._runtime.engine.begin() as connection:
            await progress.stop_partition(connection, tp, owned.cursor.owner_epoch, why)
        self._owned.pop(tp, None)
        self._lanes.drop(tp)

    async def _save_caught_up(self) -> None:
        """Commits what moved without effects, and the instants by which partitions were read to their end."""
        idle = [owned for tp, owned in self._owned.items() if self._lanes.is_idle(tp)]
        moved = [(owned, saved) for owned in idle if (saved := owned.passed()) is not None]
        if not moved:
            return
        async with self._runtime.engine.begin() as connection:
            await progress.save(connection, [saved for _, saved in moved])
        for owned, saved in moved:
            owned.note_saved(saved)

    def _watch(self) -> None:
        """Alarms on gaps that stay, and gives up when records wait and nothing moves."""
        now = time.monotonic()
        for tp, owned in self._owned.items():
            if owned.gap_since is not None and now - owned.gap_since > GAP_ALARM_S:
                missing = owned.cursor.last_position + 1
                metrics.GAPS.labels(self._service.name, tp.topic, str(tp.partition)).set(1)
                log.error("a record is missing", topic=tp.topic, partition=tp.partition, position=missing)
                owned.gap_since = now
        behind = any(
            owned.mark is not None and owned.cursor.read_offset < owned.mark.end
            for owned in self._owned.values()
        )
        if not behind or self._lanes.is_busy:
            self._moved_at = now
        elif now - self._moved_at > STUCK_AFTER_S:
            raise Stopped(f"{self._service.name}: records wait but none arrived for {STUCK_AFTER_S:.0f} s")

    async def _hint(self) -> None:
        if time.monotonic() < self._hinted_at + HINT_EVERY_S:
            return
        self._hinted_at = time.monotonic()
        await self._consumer.hint({tp: owned.saved_offset for tp, owned in self._owned.items()})
