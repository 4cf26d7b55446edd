"""How far a service has read each partition: rows in its own database, committed with the effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from spine.broker.port import TopicPartition
from spine.errors import Fenced
from spine.sequence import Cursor, Poison, Ready
from spine.topics import TOPICS

_TAKE_OVER = text("""
    INSERT INTO consumer_progress AS p (topic, partition, next_offset, last_position, owner_epoch, owner)
    SELECT u.topic, u.partition, u.next_offset, u.last_position, 1, :owner
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]),
                CAST(:positions AS bigint[])) AS u(topic, partition, next_offset, last_position)
    ORDER BY u.topic, u.partition
    ON CONFLICT (topic, partition) DO UPDATE
        SET owner_epoch = p.owner_epoch + 1, owner = excluded.owner, stopped = NULL, gap_since = NULL
    RETURNING topic, partition, next_offset, log_epoch, last_position, owner_epoch
""")

_SAVE = text("""
    UPDATE consumer_progress AS p
    SET next_offset = u.next_offset, last_position = u.last_position, log_epoch = u.log_epoch,
        caught_up_at = coalesce(u.caught_up_at, p.caught_up_at),
        end_offset = coalesce(u.end_offset, p.end_offset),
        gap_since = CASE WHEN u.gap THEN coalesce(p.gap_since, clock_timestamp()) END,
        dead_in_a_row = CASE WHEN u.dead < 0 THEN 0 ELSE p.dead_in_a_row + u.dead END
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]),
                CAST(:positions AS bigint[]), CAST(:log_epochs AS text[]), CAST(:owner_epochs AS bigint[]),
                CAST(:caught AS timestamptz[]), CAST(:ends AS bigint[]), CAST(:gaps AS boolean[]),
                CAST(:deads AS int[]))
         AS u(topic, partition, next_offset, last_position, log_epoch, owner_epoch, caught_up_at, end_offset,
              gap, dead)
    WHERE p.topic = u.topic AND p.partition = u.partition AND p.owner_epoch = u.owner_epoch
    RETURNING p.topic, p.partition, p.dead_in_a_row
""")


@dataclass(frozen=True, slots=True)
class Saved:
    """One partition's progress to save. `dead` counts dead letters in a row, -1 after a good record."""

    tp: TopicPartition
    next_offset: int
    last_position: int
    log_epoch: str | None
    owner_epoch: int
    gap: bool = False
    caught_up_at: datetime | None = None
    end_offset: int | None = None
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """At `at` the partition ended at `end`: once that is read, everything known by `at` was read."""

    at: datetime
    end: int


@dataclass(slots=True)
class Owned:
    """A partition this process reads: how far in memory (`cursor`), and how far in the database (`saved_*`).

    `stop`: why it must not be read on, once what came before the trouble is committed. `gap_since` is monotonic.
    """

    tp: TopicPartition
    generation: int
    cursor: Cursor
    saved_offset: int
    saved_position: int | None = None
    mark: Mark | None = None
    gap_since: float | None = None
    stop: str | None = None

    def reached(self, items: Sequence[Ready]) -> Saved:
        """The progress to save with these items; also that all up to the mark was read, where they reach it."""
        last, cursor, mark = items[-1], self.cursor, self.mark
        caught_up = mark is not None and not cursor.has_gap and last.resume_offset >= mark.end
        all_dead = all(isinstance(ready.item, Poison) for ready in items)
        return Saved(
            self.tp,
            last.resume_offset,
            last.position,
            cursor.log_epoch,
            cursor.owner_epoch,
            gap=cursor.has_gap,
            caught_up_at=mark.at if mark is not None and caught_up else None,
            end_offset=mark.end if mark is not None and caught_up else None,
            dead=len(items) if all_dead else -1,
        )

    def passed(self) -> Saved | None:
        """The progress to save though nothing came: that the mark was reached, or what a gap holds up."""
        cursor, mark = self.cursor, self.mark
        caught_up = mark is not None and not cursor.has_gap and cursor.next_offset >= mark.end
        if not caught_up and self.gap_since is None:
            return None
        return Saved(
            self.tp,
            cursor.next_offset,
            cursor.last_position,
            cursor.log_epoch,
            cursor.owner_epoch,
            gap=cursor.has_gap,
            caught_up_at=mark.at if mark is not None and caught_up else None,
            end_offset=mark.end if mark is not None else None,
        )

    def note_saved(self, saved: Saved) -> None:
        """What `saved` says is committed."""
        self.saved_offset, self.saved_position = saved.next_offset, saved.last_position
        if saved.caught_up_at is not None:
            self.mark = None


async def take_over(
    connection: AsyncConnection, owner: str, begins: Mapping[TopicPartition, int]
) -> dict[TopicPartition, Cursor]:
    """Makes `owner` the only one whose progress counts, and tells where to go on from.

    A partition never read before starts at its first offset; its positions must start at 1 unless the
    topic was trimmed before.
    """
    tps = sorted(begins)
    rows = await connection.execute(
        _TAKE_OVER,
        {
            "owner": owner,
            "topics": [tp.topic for tp in tps],
            "partitions": [tp.partition for tp in tps],
            "offsets": [begins[tp] for tp in tps],
            "positions": [0 if begins[tp] == 0 else -1 for tp in tps],
        },
    )
    return {
        TopicPartition(row.topic, row.partition): Cursor(
            next_offset=row.next_offset,
            read_offset=row.next_offset,
            log_epoch=row.log_epoch,
            last_position=row.last_position,
            owner_epoch=row.owner_epoch,
            positioned=TOPICS[row.topic].positioned if row.topic in TOPICS else False,
        )
        for row in rows
    }


async def save(connection: AsyncConnection, saved: Sequence[Saved]) -> dict[TopicPartition, int]:
    """Saves progress; returns the dead letters in a row by partition.

    Raises Fenced when any of the partitions was taken over: then the whole transaction must fail.
    """
    ordered = sorted(saved, key=lambda s: s.tp)
    rows = await connection.execute(
        _SAVE,
        {
            "topics": [s.tp.topic for s in ordered],
            "partitions": [s.tp.partition for s in ordered],
            "offsets": [s.next_offset for s in ordered],
            "positions": [s.last_position for s in ordered],
            "log_epochs": [s.log_epoch for s in ordered],
            "owner_epochs": [s.owner_epoch for s in ordered],
            "caught": [s.caught_up_at for s in ordered],
            "ends": [s.end_offset for s in ordered],
            "gaps": [s.gap for s in ordered],
            "deads": [s.dead for s in ordered],
        },
    )
    counts = {TopicPartition(row.topic, row.partition): row.dead_in_a_row for row in rows}
    if len(counts) != len(ordered):
        lost = sorted({s.tp for s in ordered} - counts.keys())
        raise Fenced(f"another consumer owns {', '.join(f'{t}/{p}' for t, p in lost)} now")
    return counts


async def stop_partition(connection: AsyncConnection, tp: TopicPartition, owner_epoch: int, why: str) -> None:
    """Marks a partition as stopped with the reason; `tact doctor` shows it and says what to do."""
    await connection.execute(
        text(
            "UPDATE consumer_progress SET stopped = :why "
            "WHERE topic = :topic AND partition = :partition AND owner_epoch = :owner_epoch"
        ),
        {"why": why, "topic": tp.topic, "partition": tp.partition, "owner_epoch": owner_epoch},
    )
