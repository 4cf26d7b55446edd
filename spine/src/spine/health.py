"""What keeps a service from being ready, in sentences a person can act on."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from spine.database import Runtime
from spine.errors import TactError
from spine.migrations import require_head
from spine.service import Service

#: How old a worker's sign of life may be before the service counts as not working.
STALE_S = 5.0

_RELAY = text(
    "SELECT extract(epoch FROM clock_timestamp() - seen_at) AS seen_s,"
    " extract(epoch FROM clock_timestamp() - ticked_at) AS ticked_s FROM relay"
)
_PROGRESS = text("""
    SELECT topic, count(*) AS partitions,
           max(extract(epoch FROM clock_timestamp() - caught_up_at)) AS age_s,
           count(*) FILTER (WHERE caught_up_at IS NULL) AS never,
           sum(greatest(coalesce(end_offset, 0) - next_offset, 0)) AS lag,
           count(*) FILTER (WHERE gap_since IS NOT NULL) AS gaps,
           string_agg(stopped, '; ') AS stopped
    FROM consumer_progress GROUP BY topic
""")


async def readiness(service: Service, runtime: Runtime) -> list[str]:
    """The reasons why the service is not ready; empty when it is."""
    try:
        await require_head(service.migrations, runtime.engine)
        async with runtime.transaction() as tx:
            reasons = await _worker(tx.connection, service)
            if service.ready is not None:
                reasons += await service.ready(tx)
            return reasons
    except TactError as error:
        return [error.detail]
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return [f"the database does not answer: {type(error).__name__}"]


async def _worker(connection: AsyncConnection, service: Service) -> list[str]:
    reasons = []
    relay = (await connection.execute(_RELAY)).one()
    if relay.seen_s is None or relay.seen_s > STALE_S:
        reasons.append(
            f"the relay does not run: is `tact work {service.name}` up, and does the broker answer?"
        )
    elif service.tick is not None and (relay.ticked_s is None or relay.ticked_s > STALE_S):
        reasons.append(f"{service.topic} does not tick: sending stops until all inputs are read to their end")
    rows = {row.topic: row for row in await connection.execute(_PROGRESS)}
    for consume in service.consumes:
        row = rows.get(consume.topic)
        if row is None or row.never == row.partitions:
            reasons.append(f"{consume.topic} has never been read to its end")
            continue
        if row.stopped:
            reasons.append(f"{consume.topic} is stopped: {row.stopped}")
        if row.gaps:
            reasons.append(f"{consume.topic} has a gap in {row.gaps} partition(s): a record is missing")
        if row.never or row.age_s > STALE_S:
            reasons.append(f"{consume.topic} is behind: not read to its end for {row.age_s or 0:.0f} s")
    return reasons
