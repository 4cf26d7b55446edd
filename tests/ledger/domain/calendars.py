"""A calendar of chosen days, for the ageing of due dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ChosenDays:
    """Monday to Friday without `holidays`, and the make-up `workdays` that fall on a weekend."""

    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()

    def is_business_day(self, on: date, /) -> bool:
        return on in self.workdays or (on not in self.holidays and on.isoweekday() <= 5)
