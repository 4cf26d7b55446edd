"""Which dates are business days: a pure value given to the ageing of due dates."""

from __future__ import annotations

from datetime import date
from typing import Protocol


class Calendar(Protocol):
    """Answers for one place which dates are business days: no weekends and holidays, but make-up days."""

    def is_business_day(self, on: date, /) -> bool: ...
