"""Keeps which business date is open and how the close of each went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ledger.policy import House
from spine.database import Tx

#: Whoever works on the open date holds this lock shared; whoever ends the date holds it alone.
_OPEN_DATE = 7102
_SHARED = "SELECT pg_advisory_xact_lock_shared(:kind, 0)"
_ALONE = "SELECT pg_advisory_xact_lock(:kind, 0)"


async def hold_open_date(tx: Tx, house: House) -> date:
    """The open business date; it stays open until the end of the transaction.

    At the very first start it is today's, or the one the settings name.
    """
    await tx.execute(_SHARED, kind=_OPEN_DATE)
    return await _read(tx, house)


async def seize_open_date(tx: Tx, house: House) -> date:
    """The open business date, once nobody else works on it; others wait until the end of the transaction."""
    await tx.execute(_ALONE, kind=_OPEN_DATE)
    return await _read(tx, house)


async def _read(tx: Tx, house: House) -> date:
    open_on: date | None = (await tx.execute("SELECT open_on FROM business_date")).scalar_one_or_none()
    if open_on is None:
        first = house.first_business_date or house.today(tx.now)
        await tx.execute(
            "INSERT INTO business_date (id, open_on, opened_at) VALUES (1, :first, :now) ON CONFLICT DO NOTHING",
            first=first,
            now=tx.now,
        )
        open_on = (await tx.execute("SELECT open_on FROM business_date")).scalar_one()
    return open_on


async def advance(tx: Tx, closed: date, opened: date) -> None:
    """Ends the close run of `closed` and opens the next date."""
    await count(tx, closed, 0, 0)
    await tx.execute(
        "UPDATE close_run SET finished_at = :now WHERE business_date = :closed", now=tx.now, closed=closed
    )
    await tx.execute(
        "UPDATE business_date SET open_on = :opened, opened_at = :now WHERE open_on = :closed",
        opened=opened,
        now=tx.now,
        closed=closed,
    )


async def count(tx: Tx, closing: date, visited: int, changed: int) -> None:
    """Adds to the counts of a date's close run, which begins with the first."""
    await tx.execute(
        "INSERT INTO close_run AS r (business_date, started_at, loans_visited, loans_changed) "
        "VALUES (:closing, :now, :visited, :changed) ON CONFLICT (business_date) DO UPDATE "
        "SET loans_visited = r.loans_visited + :visited, loans_changed = r.loans_changed + :changed",
        closing=closing,
        now=tx.now,
        visited=visited,
        changed=changed,
    )


@dataclass(frozen=True, slots=True)
class CloseRun:
    """The close of one business date; `finished_at` is None while it goes on or after a crash."""

    business_date: date
    started_at: datetime
    finished_at: datetime | None
    loans_visited: int
    loans_changed: int


async def last_run(tx: Tx) -> CloseRun | None:
    """The newest close run, finished or not."""
    row = (
        await tx.execute(
            "SELECT business_date, started_at, finished_at, loans_visited, loans_changed FROM close_run "
            "ORDER BY business_date DESC LIMIT 1"
        )
    ).one_or_none()
    if row is None:
        return None
    return CloseRun(row.business_date, row.started_at, row.finished_at, row.loans_visited, row.loans_changed)
