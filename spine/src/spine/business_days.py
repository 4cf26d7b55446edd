"""Business dates and days: the lender's calendar date at an instant, and days counted without holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Calendar(Protocol):
    """Answers for one place which dates are business days: no weekends and holidays, but make-up days."""

    def is_business_day(self, on: date, /) -> bool: ...


def add_business_days(day: date, count: int, calendar: Calendar) -> date:
    """The `count`-th business day after `day`, which itself never counts."""
    while count > 0:
        day += timedelta(days=1)
        if calendar.is_business_day(day):
            count -= 1
    return day


def business_date(instant: datetime, zone: ZoneInfo) -> date:
    """The business date at an instant: the calendar date in the lender's zone, rolled at local midnight."""
    return instant.astimezone(zone).date()


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time. A time skipped by DST is taken after the gap, a doubled one first."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def end_of_business_date(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` is over in the lender's zone (exclusive)."""
    return local_instant(day + timedelta(days=1), time(0), zone)
