"""Which dates are business days: a pure value given to the ageing of due dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol


class Calendar(Protocol):
    """Answers for one place which dates are business days."""

    def is_business_day(self, on: date, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Monday to Friday without `holidays`, and the make-up `workdays` that fall on a weekend."""

    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()

    def is_business_day(self, on: date, /) -> bool:
        if on in self.workdays:
            return True
        return on not in self.holidays and on.isoweekday() <= 5
