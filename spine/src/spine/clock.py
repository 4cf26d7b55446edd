"""Two clocks: business time that rules and timers obey, and wall time for ticks, leases and time-outs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine


class BusinessClock(Protocol):
    """Drives business dates, due timers, windows, caps and `not_after`."""

    async def now(self) -> datetime:
        """The business instant, timezone-aware UTC."""


class SystemClock:
    """Business time is the machine's time: production."""

    async def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True)
class FixedClock:
    """Business time set by its holder: tests of one process."""

    instant: datetime

    async def now(self) -> datetime:
        return self.instant


@dataclass(frozen=True, slots=True)
class SteppedClock:
    """Business time is one database row that stands still until a stepper moves it: demo and stories.

    Read anew for every transaction, so no process ever acts on an instant from before a jump.
    """

    engine: AsyncEngine

    async def now(self) -> datetime:
        async with self.engine.connect() as connection:
            # One round trip: it is asked before every transaction there is.
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            row = (await connection.execute(text("SELECT instant FROM business_clock"))).one_or_none()
        if row is None:
            raise RuntimeError("the stepped clock was never set; `tact demo` sets it")
        instant: datetime = row.instant
        return instant


async def step_clock(engine: AsyncEngine, instant: datetime) -> None:
    """Moves the stepped clock and wakes whoever listens on channel `business_clock`."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO business_clock (id, instant) VALUES (1, :instant) "
                "ON CONFLICT (id) DO UPDATE SET instant = GREATEST(business_clock.instant, excluded.instant)"
            ),
            {"instant": instant},
        )
        await connection.execute(text("SELECT pg_notify('business_clock', '')"))


def wall_now() -> datetime:
    """Wall time, for ticks and leases only."""
    return datetime.now(UTC)
