"""How old the newest tick of each topic and partition is, by the database's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifier.store.gates import TICKING
from spine.database import Tx


@dataclass(frozen=True, slots=True)
class Tick:
    """The newest tick of one topic in one partition; both None when none ever came.

    `broken`: a record is missing there, or reading was stopped. Nothing that came before the trouble was found
    out proves anything then, however young.
    """

    topic: str
    partition: int
    at: datetime | None
    age_s: float | None
    broken: bool = False


async def ticks_of(tx: Tx) -> list[Tick]:
    """Every partition of every ticking topic. Ages are wall time: ticks know no business clock."""
    rows = await tx.execute(
        """
        SELECT t.topic, p.partition, f.at,
               CAST(extract(epoch FROM clock_timestamp() - f.at) AS double precision) AS age_s,
               c.gap_since IS NOT NULL OR c.stopped IS NOT NULL AS broken
        FROM unnest(CAST(:topics AS text[])) AS t(topic)
        CROSS JOIN generate_series(0, CAST(:partitions AS int) - 1) AS p(partition)
        LEFT JOIN freshness f USING (topic, partition)
        LEFT JOIN consumer_progress c USING (topic, partition)
        ORDER BY t.topic, p.partition
        """,
        topics=list(TICKING),
        partitions=tx.partitions,
    )
    return [Tick(row.topic, row.partition, row.at, row.age_s, row.broken) for row in rows]


def fresh_partitions(ticks: list[Tick], within_s: float) -> frozenset[int]:
    """The partitions in which every topic ticked less than `within_s` ago.

    A tick from the future proves nothing: with a clock that is ahead it would outlive its sender.
    """
    stale = {tick.partition for tick in ticks if not is_fresh(tick, within_s)}
    return frozenset(tick.partition for tick in ticks) - stale


def is_fresh(tick: Tick, within_s: float) -> bool:
    """Whether a tick is younger than `within_s`, not from the future by as much, and of an unbroken partition."""
    return not tick.broken and tick.age_s is not None and -within_s < tick.age_s < within_s


def ledger_ticks(ticks: list[Tick]) -> dict[int, datetime]:
    """By partition the instant (wall) up to which the ledger's word is known."""
    return {tick.partition: tick.at for tick in ticks if tick.topic == "ledger.v1" and tick.at is not None}
