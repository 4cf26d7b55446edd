"""Counting business days, the unit in which claims and promises wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

#: Tells whether a date is a working day.
Calendar = Callable[[date], bool]

_SATURDAY = 5


def weekdays(day: date) -> bool:
    """The calendar that knows no holidays: Monday to Friday."""
    return day.weekday() < _SATURDAY


def add_business_days(day: date, count: int, calendar: Calendar = weekdays) -> date:
    """The `count`-th working day after `day`, which itself never counts."""
    while count > 0:
        day += timedelta(days=1)
        if calendar(day):
            count -= 1
    return day
