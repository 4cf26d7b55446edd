"""The consumer loop: effects, progress and dead letters of a batch commit together, under an owner epoch."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import text

from spine import metrics, progress
from spine.broker.port import BrokerConsumer, Record, TopicPartition
from spine.database import Runtime, Tx, is_transient
from spine.deadletters import Rejected, put_aside
from spine.errors import Fenced, Stopped
from spine.failpoints import failpoint
from spine.reading import poison_of, read_record
from spine.sequence import MAX_WAITING, Cursor, Poison, Ready, UnknownLogEpoch
from spine.service import Consume, Received, Service
from spine.wakeups import Wakeups

log = structlog.get_logger()

MAX_POLL_RECORDS: Final = 500
#: How often a partition's end is asked for, so that "read to the end" can be told with an instant.
MARK_EVERY_S: Final = 0.4
HINT_EVERY_S: Final = 5.0
#: A missing position is an alarm after this; the fuse is shut from the first moment.
GAP_ALARM_S: Final = 10.0
#: Records wait and nothing moves: the client is stuck and a restart is the cure.
STUCK_AFTER_S: Final = 60.0
MAX_DEAD_IN_A_ROW: Final = 20


@dataclass(frozen=True, slots=True)
class _Mark:
    """At `at` the partition ended at `end`: once that is read, everything known by `at` was read."""

    at: datetime
    end: int


class Consumer:
    """Reads a service's topics and hands batches to its handlers. One per worker process."""

    def __init__(
        self, service: Service, runtime: Runtime, consumer: BrokerConsumer, *, member: str, wakeups: Wakeups
    ) -> None:
        self._service = service
        self._runtime = runtime
        self._consumer = consumer
        self._member = member
        self._wakeups = wakeups
        self._consumes = {consume.topic: consume for consume in service.consumes}
        self._generations: dict[TopicPartition, int] = {}
        self._cursors: dict[TopicPartition, Cursor] = {}
        self._marks: dict[TopicPartition, _Mark] = {}
        self._saved: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._gap_since: dict[TopicPartition, float] = {}
        #: Partitions that must not be read on, once what came before the trouble is committed.
        self._to_stop: dict[TopicPartition, str] = {}
        self._moved_at = time.monotonic()
        self._marked_at = self._hinted_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Reads until `stopping` is set. Raises what only a restart or a person can mend."""
        await self._consumer.start()
        try:
            while not stopping.is_set():
                await self._step()
        finally:
            await self._consumer.stop()

    async def _step(self) -> None:
        await self._follow_assignment()
        try:
            await self._mark()
            polled = await self._consumer.poll(self._poll_timeout(), MAX_POLL_RECORDS)
            await self._take(polled)
            await self._save_caught_up()
        except Fenced as fenced:
            # Not ours any more: forget it all and let the next assignment tell what is.
            log.warning("fenced", service=self._service.name, detail=fenced.detail)
            self._generations.clear()
            self._cursors.clear()
            await asyncio.sleep(0.2)
            return
        self._watch()
        await self._hint()

    def _poll_timeout(self) -> float:
        return max(0.01, self._marked_at + MARK_EVERY_S - time.monotonic())

    async def _follow_assignment(self) -> None:
        assigned = self._consumer.assignment()
        for tp in self._generations.keys() - assigned.keys():
            self._forget(tp)
        fresh = [tp for tp, generation in assigned.items() if self._generations.get(tp) != generation]
        if not fresh:
            return
        begins = await self._consumer.begin_offsets(fresh)
        async with self._runtime.engine.begin() as connection:
            cursors = await progress.take_over(connection, self._member, begins)
        for tp, cursor in cursors.items():
            self._forget(tp)
            self._cursors[tp] = cursor
            self._generations[tp] = assigned[tp]
            self._saved[tp] = cursor.next_offset
            self._consumer.seek(tp, cursor.next_offset)
        self._marked_at = 0.0
        log.info("partitions taken over", service=self._service.name, count=len(fresh))

    def _forget(self, tp: TopicPartition) -> None:
        for known in (self._cursors, self._generations, self._marks, self._gap_since):
            known.pop(tp, None)

    async def _mark(self) -> None:
        """Notes where partitions end now, unless an earlier mark is still to be reached."""
        if time.monotonic() < self._marked_at + MARK_EVERY_S or not self._cursors:
            return
        self._marked_at = time.monotonic()
        unmarked = [tp for tp in self._cursors if tp not in self._marks]
        if not unmarked:
            return
        async with self._runtime.engine.connect() as connection:
            # Before the ends are asked for: whatever was acknowledged before this instant lies before them.
            at = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        ends = await self._consumer.end_offsets(unmarked)
        self._marks.update({tp: _Mark(at, end) for tp, end in ends.items() if tp in self._cursors})

    async def _take(self, polled: Mapping[TopicPartition, Sequence[Record]]) -> None:
        by_topic: dict[str, list[tuple[TopicPartition, Sequence[Record]]]] = defaultdict(list)
        for tp, records in polled.items():
            if tp in self._cursors and records:
                by_topic[tp.topic].append((tp, records))
        for topic in sorted(by_topic):
            await self._take_topic(self._consumes[topic], by_topic[topic])
        if by_topic:
            self._moved_at = time.monotonic()
            self._wakeups.wake_all()

    async def _take_topic(
        self, consume: Consume, polled: Sequence[tuple[TopicPartition, Sequence[Record]]]
    ) -> None:
        before = {tp: self._cursors[tp].copy() for tp, _ in polled}
        ready: dict[TopicPartition, list[Ready]] = {}
        early: list[Received] = []
        for tp, records in polled:
            ready[tp] = self._admit(consume, tp, records, early)
        try:
            if early and consume.early is not None:
                await self._apply_early(consume, early)
            if any(ready.values()):
                await self._apply(consume, ready)
        except BaseException:
            for tp, cursor in before.items():
                if tp in self._cursors:
                    self._cursors[tp] = cursor
                    self._consumer.seek(tp, cursor.read_offset)
            raise
        for tp, why in self._to_stop.items():
            await self._stop(tp, why)
        self._to_stop.clear()

    def _admit(
        self, consume: Consume, tp: TopicPartition, records: Sequence[Record], early: list[Received]
    ) -> list[Ready]:
        cursor = self._cursors[tp]
        ready: list[Ready] = []
        for record in records:
            item = read_record(record, consume)
            try:
                turn = cursor.admit(item)
            except UnknownLogEpoch as error:
                self._to_stop[tp] = error.detail
                break
            waits = not turn and cursor.has_gap and isinstance(item, Received)
            if waits and isinstance(item, Received) and isinstance(item.event, consume.early_types):
                early.append(item)
            ready += turn
        metrics.RECORDS_IN.labels(self._service.name, tp.topic).inc(len(records))
        self._note_gap(tp, cursor)
        if len(cursor.waiting) >= MAX_WAITING:
            missing = cursor.last_position + 1
            self._to_stop[tp] = f"{len(cursor.waiting)} records wait for the missing position {missing}"
        return ready

    def _note_gap(self, tp: TopicPartition, cursor: Cursor) -> None:
        if not cursor.has_gap:
            if self._gap_since.pop(tp, None) is not None:
                metrics.GAPS.labels(self._service.name, tp.topic, str(tp.partition)).set(0)
                log.info("gap closed", topic=tp.topic, partition=tp.partition)
            return
        if tp not in self._gap_since:
            self._gap_since[tp] = time.monotonic()
            missing = cursor.last_position + 1
            log.warning("gap", topic=tp.topic, partition=tp.partition, missing_position=missing)

    async def _stop(self, tp: TopicPartition, why: str) -> None:
        log.error("partition stopped", topic=tp.topic, partition=tp.partition, why=why)
        self._consumer.pause(tp)
        async with self._runtime.engine.begin() as connection:
            await progress.stop_partition(connection, tp, self._cursors[tp].owner_epoch, why)
        self._cursors.pop(tp, None)

    async def _apply_early(self, consume: Consume, early: Sequence[Received]) -> None:
        assert consume.early is not None
        handler = consume.early
        await self._runtime.run(lambda tx: handler(tx, early))
        log.warning("stop facts applied ahead of their turn", topic=consume.topic, count=len(early))

    async def _apply(self, consume: Consume, ready: Mapping[TopicPartition, Sequence[Ready]]) -> None:
        """All in one transaction; when that fails for good, one by one, and what fails alone is poison."""
        try:
            await self._commit(consume, ready)
        except Fenced:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("batch failed, going on one by one", topic=consume.topic, error=repr(error)[:300])
            for tp, items in ready.items():
                for one in items:
                    await self._apply_one(consume, tp, one)

    async def _apply_one(self, consume: Consume, tp: TopicPartition, one: Ready) -> None:
        try:
            await self._commit(consume, {tp: [one]})
        except Fenced:
            raise
        except Exception as error:
            if is_transient(error) or not isinstance(one.item, Received):
                raise
            log.error("dead letter", topic=tp.topic, offset=one.item.offset, error=type(error).__name__)
            poison = poison_of(one.item, tuple(one.item.envelope.headers()), *_reason(error))
            await self._commit(consume, {tp: [Ready(poison, one.resume_offset, one.position)]})

    async def _commit(self, consume: Consume, ready: Mapping[TopicPartition, Sequence[Ready]]) -> None:
        poisons = [r.item for items in ready.values() for r in items if isinstance(r.item, Poison)]
        events = [r.item for items in ready.values() for r in items if isinstance(r.item, Received)]
        saved = [self._saved_of(tp, items) for tp, items in ready.items() if items]
        if not poisons and not events:
            await self._save_passed(saved)
            return

        async def work(tx: Tx) -> dict[TopicPartition, int]:
            for poison in poisons:
                await put_aside(tx, self._service, _rejected(poison))
            if events:
                await consume.handler(tx, events)
            counts = await progress.save(tx.connection, saved)
            failpoint("consumer.before_commit")
            return counts

        dead = await self._runtime.run(work)
        failpoint("consumer.after_commit")
        self._note_saved(saved)
        metrics.DEAD_LETTERS.labels(self._service.name, consume.topic).inc(len(poisons))
        for tp, count in dead.items():
            if count > MAX_DEAD_IN_A_ROW:
                self._to_stop[tp] = f"{count} dead letters in a row: the sender or this version is wrong"

    async def _save_passed(self, saved: Sequence[progress.Saved]) -> None:
        """Nothing to do for this service, but others may want to see how far it is."""
        moved = [one for one in saved if self._positions.get(one.tp) != one.last_position]
        if moved:
            async with self._runtime.engine.begin() as connection:
                await progress.save(connection, moved)
            self._note_saved(moved)

    def _note_saved(self, saved: Sequence[progress.Saved]) -> None:
        for one in saved:
            self._saved[one.tp] = one.next_offset
            self._positions[one.tp] = one.last_position

    def _saved_of(self, tp: TopicPartition, items: Sequence[Ready]) -> progress.Saved:
        last = items[-1]
        cursor = self._cursors[tp]
        all_dead = all(isinstance(r.item, Poison) for r in items)
        return progress.Saved(
            tp,
            last.resume_offset,
            last.position,
            cursor.log_epoch,
            cursor.owner_epoch,
            gap=cursor.has_gap,
            dead=len(items) if all_dead else -1,
        )

    async def _save_caught_up(self) -> None:
        """Commits what moved without effects, and the instants by which partitions were read to their end."""
        saved = []
        for tp, cursor in self._cursors.items():
            mark = self._marks.get(tp)
            reached = mark is not None and not cursor.has_gap and cursor.next_offset >= mark.end
            if not reached and tp not in self._gap_since:
                continue
            saved.append(
                progress.Saved(
                    tp,
                    cursor.next_offset,
                    cursor.last_position,
                    cursor.log_epoch,
                    cursor.owner_epoch,
                    gap=cursor.has_gap,
                    caught_up_at=mark.at if mark and reached else None,
                    end_offset=mark.end if mark else None,
                )
            )
            if reached:
                self._marks.pop(tp)
        if not saved:
            return
        async with self._runtime.engine.begin() as connection:
            await progress.save(connection, saved)
        self._note_saved(saved)

    def _watch(self) -> None:
        """Alarms on gaps that stay, and gives up when records wait and nothing moves."""
        now = time.monotonic()
        for tp, since in self._gap_since.items():
            if now - since > GAP_ALARM_S:
                missing = self._cursors[tp].last_position + 1
                metrics.GAPS.labels(self._service.name, tp.topic, str(tp.partition)).set(1)
                log.error("a record is missing", topic=tp.topic, partition=tp.partition, position=missing)
                self._gap_since[tp] = now
        behind = any(
            (mark := self._marks.get(tp)) is not None and cursor.read_offset < mark.end
            for tp, cursor in self._cursors.items()
        )
        if not behind:
            self._moved_at = now
        elif now - self._moved_at > STUCK_AFTER_S:
            raise Stopped(f"{self._service.name}: records wait but none arrived for {STUCK_AFTER_S:.0f} s")

    async def _hint(self) -> None:
        if time.monotonic() < self._hinted_at + HINT_EVERY_S:
            return
        self._hinted_at = time.monotonic()
        await self._consumer.hint({tp: self._saved[tp] for tp in self._cursors})


def _rejected(poison: Poison) -> Rejected:
    return Rejected(
        poison.topic,
        poison.partition,
        poison.offset,
        poison.key,
        poison.subject,
        poison.type,
        poison.code,
        poison.message,
        poison.body,
        poison.headers,
    )


def _reason(error: Exception) -> tuple[str, str]:
    """Code and words of a handler's failure; the words of unknown errors may hold data, so only their kind."""
    code = getattr(error, "code", None)
    detail = getattr(error, "detail", None)
    if isinstance(code, str) and isinstance(detail, str):
        return code, detail
    return "handler_error", f"{type(error).__name__} in the handler; see the log of this service"
