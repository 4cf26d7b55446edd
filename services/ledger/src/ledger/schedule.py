"""What the ledger does by itself: each business date is closed when its time has come, missed ones in order."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ledger import closing
from ledger.handlers import Intake
from ledger.policy import House
from ledger.store import day
from spine.database import Runtime, Tx
from spine.service import Due, Schedule


def schedules(runtime: Runtime, to: Intake) -> tuple[Schedule, ...]:
    """The timers of a worker."""

    async def close_due_date() -> int:
        """One batch of the close of the oldest date whose time has come."""
        open_on = await runtime.run(lambda tx: day.hold_open_date(tx, to.house))
        if await runtime.clock.now() < to.house.closes_at(open_on):
            return 0
        return await closing.step(runtime, to, open_on)

    return (Schedule("close business dates", close_due_date, every_s=1.0),)


async def due(tx: Tx, house: House) -> Due:
    """Business dates that wait for their close now, and when the next one does."""
    open_on = await day.hold_open_date(tx, house)
    ahead = max(open_on, house.today(tx.now) - timedelta(days=1))
    while house.closes_at(ahead) <= tx.now:
        ahead += timedelta(days=1)
    return Due(open=len(overdue_dates(house, open_on, tx.now)), next_at=house.closes_at(ahead))


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
