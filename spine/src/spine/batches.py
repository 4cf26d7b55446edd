"""One batch of one topic: put in order, then applied in one transaction with its progress and dead letters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import structlog

from spine import metrics, progress
from spine.broker.port import Record, TopicPartition
from spine.database import Runtime, Tx, is_transient
from spine.deadletters import Rejected, put_aside
from spine.errors import Fenced
from spine.failpoints import failpoint
from spine.progress import Owned
from spine.reading import poison_of, read_record
from spine.sequence import MAX_WAITING, Poison, Ready, UnknownLogEpoch
from spine.service import Consume, Received, Service

log = structlog.get_logger()

MAX_DEAD_IN_A_ROW: Final = 20

#: A partition with what has its turn in it.
Turn = tuple[Owned, Sequence[Ready]]


class Batches:
    """Applies the batches of a service's topics. What it raises leaves the partitions to be taken over anew."""

    def __init__(self, service: Service, runtime: Runtime) -> None:
        self._service = service
        self._runtime = runtime

    async def take(self, consume: Consume, found: Sequence[tuple[Owned, Sequence[Record]]]) -> None:
        """Applies records of one topic; `Owned.stop` says where reading must not go on, and why."""
        early: list[Received] = []
        turns: list[Turn] = [(owned, self._admit(consume, owned, records, early)) for owned, records in found]
        if early and consume.early is not None:
            await self._apply_early(consume, early)
        turns = [(owned, ready) for owned, ready in turns if ready]
        if turns:
            await self._apply(consume, turns)

    def _admit(
        self, consume: Consume, owned: Owned, records: Sequence[Record], early: list[Received]
    ) -> list[Ready]:
        tp, cursor = owned.tp, owned.cursor
        ready: list[Ready] = []
        for record in records:
            item = read_record(record, consume)
            try:
                turn = cursor.admit(item)
            except UnknownLogEpoch as error:
                owned.stop = error.detail
                break
            if turn:
                ready += turn
            elif (
                cursor.has_gap and isinstance(item, Received) and isinstance(item.event, consume.early_types)
            ):
                early.append(item)
        metrics.RECORDS_IN.labels(self._service.name, tp.topic).inc(len(records))
        self._note_gap(owned)
        if len(cursor.waiting) >= MAX_WAITING:
            missing = cursor.last_position + 1
            owned.stop = f"{len(cursor.waiting)} records wait for the missing position {missing}"
        return ready

    def _note_gap(self, owned: Owned) -> None:
        tp, cursor = owned.tp, owned.cursor
        if not cursor.has_gap:
            if owned.gap_since is not None:
                owned.gap_since = None
                metrics.GAPS.labels(self._service.name, tp.topic, str(tp.partition)).set(0)
                log.info("gap closed", topic=tp.topic, partition=tp.partition)
            return
        if owned.gap_since is None:
            owned.gap_since = time.monotonic()
            missing = cursor.last_position + 1
            log.warning("gap", topic=tp.topic, partition=tp.partition, missing_position=missing)

    async def _apply_early(self, consume: Consume, early: Sequence[Received]) -> None:
        assert consume.early is not None
        handler = consume.early
        await self._runtime.run(lambda tx: handler(tx, early))
        log.warning("stop facts applied ahead of their turn", topic=consume.topic, count=len(early))

    async def _apply(self, consume: Consume, turns: Sequence[Turn]) -> None:
        """All in one transaction; when that fails for good, one by one, and what fails alone is poison."""
        try:
            await self._commit(consume, turns)
        except Fenced:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("batch failed, going on one by one", topic=consume.topic, error=repr(error)[:300])
            for owned, items in turns:
                for one in items:
                    await self._apply_one(consume, owned, one)

    async def _apply_one(self, consume: Consume, owned: Owned, one: Ready) -> None:
        try:
            await self._commit(consume, [(owned, [one])])
        except Fenced:
            raise
        except Exception as error:
            if is_transient(error) or not isinstance(one.item, Received):
                raise
            item = one.item
            log.error("dead letter", topic=item.topic, offset=item.offset, error=type(error).__name__)
            poison = poison_of(item, tuple(item.envelope.headers()), *_reason(error))
            await self._commit(consume, [(owned, [Ready(poison, one.resume_offset, one.position)])])

    async def _commit(self, consume: Consume, turns: Sequence[Turn]) -> None:
        poisons = [r.item for _, items in turns for r in items if isinstance(r.item, Poison)]
        events = [r.item for _, items in turns for r in items if isinstance(r.item, Received)]
        saved = [owned.reached(items) for owned, items in turns]
        if not poisons and not events:
            await self._save_passed(turns, saved)
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
        metrics.DEAD_LETTERS.labels(self._service.name, consume.topic).inc(len(poisons))
        for (owned, _), one in zip(turns, saved, strict=True):
            owned.note_saved(one)
            if dead[owned.tp] > MAX_DEAD_IN_A_ROW:
                owned.stop = f"{dead[owned.tp]} dead letters in a row: the sender or this version is wrong"

    async def _save_passed(self, turns: Sequence[Turn], saved: Sequence[progress.Saved]) -> None:
        """Nothing to do for this service, but others may want to see how far it is."""
        moved = [
            (owned, one)
            for (owned, _), one in zip(turns, saved, strict=True)
            if owned.saved_position != one.last_position or one.caught_up_at is not None
        ]
        if moved:
            async with self._runtime.engine.begin() as connection:
                await progress.save(connection, [one for _, one in moved])
            for owned, one in moved:
                owned.note_saved(one)


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
