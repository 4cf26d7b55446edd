"""What the ledger does by itself: it closes business dates in order, gives up payments, minds the feed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from ledger import closing
from ledger.handlers.core_facts import Intake
from ledger.handlers.transits import take_due_transits
from ledger.policy import House
from ledger.store import day, facts, feeds, intake
from spine.database import Runtime, Tx
from spine.service import Due, Schedule

log = structlog.get_logger()

_LONG_PARKED: Final = timedelta(days=1)


def schedules(runtime: Runtime, to: Intake) -> tuple[Schedule, ...]:
    """The timers of a worker."""
    alarmed: set[str] = set()

    async def close_due_date() -> int:
        """A few batches of the close of the oldest date whose time has come."""
        open_on = await runtime.run(lambda tx: day.hold_open_date(tx, to.house))
        if await runtime.clock.now() < to.house.closes_at(open_on):
            return 0
        return await closing.stride(runtime, to, open_on)

    async def watch_feed() -> int:
        """Says once that a publisher went silent, and once that it is back."""
        async with runtime.transaction() as tx:
            silent = await feeds.silent(tx, to.house.feed_silence)
        for feed in silent:
            if feed.source not in alarmed:
                log.error(
                    "core banking's feed is silent", source=feed.source, last_seen_at=str(feed.last_seen_at)
                )
        for source in alarmed - {feed.source for feed in silent}:
            log.warning("core banking's feed is back", source=source)
        alarmed.clear()
        alarmed.update(feed.source for feed in silent)
        return 0

    return (
        Schedule("close business dates", close_due_date, every_s=1.0),
        Schedule("end payments in transit", partial(take_due_transits, runtime, to), every_s=1.0),
        Schedule("watch the feed", watch_feed, every_s=15.0),
    )


async def due(tx: Tx, house: House) -> Due:
    """Business dates and payments in transit whose time has come, and when the next one's does."""
    open_on = await day.hold_open_date(tx, house)
    ahead = max(open_on, house.today(tx.now) - timedelta(days=1))
    while house.closes_at(ahead) <= tx.now:
        ahead += timedelta(days=1)
    moving, next_move_at = await facts.due_transits(tx)
    closes_at = house.closes_at(ahead)
    return Due(
        open=len(overdue_dates(house, open_on, tx.now)) + moving,
        next_at=min(closes_at, next_move_at or closes_at),
    )


def overdue_dates(house: House, open_on: date, now: datetime) -> list[date]:
    """Business dates whose close is due and not done, oldest first."""
    days = (house.today(now) - open_on).days
    dates = [open_on + timedelta(days=n) for n in range(max(0, days))]
    return [on for on in dates if house.closes_at(on) <= now]


async def behind(tx: Tx, house: House) -> list[str]:
    """Why the ledger is not ready: more than the last date waits for its close."""
    waiting = overdue_dates(house, await day.hold_open_date(tx, house), tx.now)
    if len(waiting) < 2:
        return []
    return [f"{len(waiting)} business dates wait for their close, the oldest is {waiting[0]}"]


async def warnings(tx: Tx, house: House) -> list[str]:
    """What somebody should look into: a silent feed, statements that differ, events that wait for long."""
    told = []
    for feed in await feeds.silent(tx, house.feed_silence):
        told.append(f"core banking's feed {feed.source} is silent since {feed.last_seen_at.isoformat()}")
    if differing := await facts.open_mismatches(tx):
        told.append(f"{differing} statement(s) of core banking differ from the books and hold their loans")
    if waiting := await intake.parked_before(tx, tx.now - _LONG_PARKED):
        told.append(f"{waiting} event(s) wait for a loan or a repayment for more than a day")
    return told
