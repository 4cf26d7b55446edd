"""Counting business days, the unit in which claims and promises wait."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Protocol


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
