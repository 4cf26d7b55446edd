"""Counters of this process and the state of the flow as its database has it, for `/metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

RECORDS_IN = Counter("tact_records_in", "Records read", ["service", "topic"])
RECORDS_OUT = Counter("tact_records_out", "Records published", ["service"])
DEAD_LETTERS = Counter("tact_dead_letters", "Records put aside", ["service", "topic"])
GAPS = Gauge("tact_gap", "1 while a position is missing", ["service", "topic", "partition"])
REPUBLISHED = Counter("tact_republished", "Batches published again after a failure", ["service"])

_READ = text("""
    SELECT topic, partition, greatest(coalesce(end_offset, next_offset) - next_offset, 0) AS behind,
           extract(epoch FROM clock_timestamp() - caught_up_at) AS age_s, gap_since IS NOT NULL AS gap,
           stopped IS NOT NULL AS stopped
    FROM consumer_progress
""")
_OUT = text("""
    SELECT (SELECT count(*) FROM outbox WHERE position IS NULL)
           + (SELECT coalesce(sum(last_position - published_position), 0) FROM outbox_mark) AS waiting,
           (SELECT coalesce(sum(published_position), 0) FROM outbox_mark) AS published,
           (SELECT count(*) FROM dead_letter WHERE resolved_at IS NULL) AS dead,
           (SELECT extract(epoch FROM clock_timestamp() - ticked_at) FROM relay) AS tick_age_s
""")


async def flow_metrics(service: str, connection: AsyncConnection) -> bytes:
    """What the worker process does, told by the process that serves: both share the database.

    Gauges by topic and partition: records behind, seconds since read to the end, gap, stopped; and for the
    service: events waiting and published, open dead letters, seconds since the last tick.
    """
    registry = CollectorRegistry()
    names = ["service", "topic", "partition"]
    behind = Gauge("tact_behind_records", "Records not read yet", names, registry=registry)
    age = Gauge("tact_read_to_end_age_seconds", "Since read to the end", names, registry=registry)
    gap = Gauge("tact_gap_open", "1 while a position is missing", names, registry=registry)
    stopped = Gauge("tact_partition_stopped", "1 when reading was stopped", names, registry=registry)
    for row in await connection.execute(_READ):
        place = (service, row.topic, str(row.partition))
        behind.labels(*place).set(row.behind)
        gap.labels(*place).set(row.gap)
        stopped.labels(*place).set(row.stopped)
        if row.age_s is not None:
            age.labels(*place).set(row.age_s)
    out = (await connection.execute(_OUT)).one()
    for name, words, value in (
        ("tact_outbox_waiting_events", "Committed and not published yet", out.waiting),
        ("tact_outbox_published_events", "Published since the first start", out.published),
        ("tact_dead_letters_open", "Records put aside and not resolved", out.dead),
        ("tact_tick_age_seconds", "Since the service last ticked", out.tick_age_s),
    ):
        if value is not None:
            Gauge(name, words, ["service"], registry=registry).labels(service).set(value)
    return generate_latest(registry)


def warning_metrics(service: str, warnings: int) -> bytes:
    """How much a service asks people to look into; `/readyz` and `tact doctor` say what."""
    registry = CollectorRegistry()
    words = "What somebody should look into though the service works"
    Gauge("tact_warnings", words, ["service"], registry=registry).labels(service).set(warnings)
    return generate_latest(registry)
