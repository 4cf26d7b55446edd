"""A loan's books as core banking keeps them: what is unpaid on a day, and what settles it to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

#: Penalty interest is one and a half times the loan's rate on overdue principal over 360 days a year, as
#: schedule.TERMS tells whoever reads the loan. Accrual is kept as principal times days, exact.
_PENALTY_NUMERATOR: Final = 3
_PENALTY_DENOMINATOR: Final = 2 * 10_000 * 360


@dataclass(frozen=True, slots=True)
class Due:
    """One instalment: amounts in minor units."""

    on: date
    principal: int
    interest: int

    @property
    def total(self) -> int:
        return self.principal + self.interest


@dataclass(slots=True)
class _Row:
    due: int
    principal: int
    interest: int
    accrued_to: int
    accrued: int = 0
    penalty_paid: int = 0


class Account:
    """Horizontal allocation, oldest instalment first: penalty, interest, principal; the rest is credit.

    `rate_bp` is the yearly rate in hundredths of a percent. Days must not go backwards between calls.
    """

    __slots__ = ("_credit", "_first", "_rate_bp", "_rows")

    def __init__(self, schedule: Sequence[Due], rate_bp: int) -> None:
        self._rows = [_Row(d.on.toordinal(), d.principal, d.interest, d.on.toordinal()) for d in schedule]
        self._rate_bp = rate_bp
        self._first = 0
        self._credit = 0

    def copy(self) -> Account:
        """An independent account in the same state, to go back to when a payment is taken back."""
        other = Account((), self._rate_bp)
        other._rows = [replace(row) for row in self._rows]
        other._first, other._credit = self._first, self._credit
        return other

    def become(self, other: Account) -> None:
        """Takes over the state of a copy, which must not be used any more."""
        self._rows, self._first, self._credit = other._rows, other._first, other._credit

    @property
    def settled(self) -> bool:
        """Whether nothing of the whole schedule is unpaid."""
        return self._first == len(self._rows)

    def close(self, on: date) -> None:
        """Applies credit to each instalment on its own due date, up to and including `on`."""
        self._spread(on.toordinal(), value_day=None)

    def pay(self, on: date, amount: int) -> None:
        """Money with value date `on`."""
        self.close(on)
        self._credit += amount
        self._spread(on.toordinal(), value_day=on.toordinal())

    def payoff(self, on: date, instalments: int) -> int:
        """What settles the oldest `instalments` unpaid ones on that day, credit taken off."""
        self.close(on)
        rows = self._rows[self._first : self._first + instalments]
        return max(0, sum(self._owed(row, on.toordinal()) for row in rows) - self._credit)

    def overdue(self, on: date) -> tuple[date | None, int]:
        """The oldest due date before `on` with principal or interest unpaid, and the number of such."""
        self.close(on)
        day = on.toordinal()
        oldest, count = None, 0
        for row in self._rows[self._first :]:
            if row.due >= day:
                break
            if row.principal + row.interest:
                oldest = oldest or row.due
                count += 1
        return (None if oldest is None else date.fromordinal(oldest)), count

    def _owed(self, row: _Row, day: int) -> int:
        if day > row.accrued_to:
            row.accrued += row.principal * (day - row.accrued_to)
            row.accrued_to = day
        return self._penalty(row) + row.interest + row.principal

    def _penalty(self, row: _Row) -> int:
        exact = row.accrued * self._rate_bp * _PENALTY_NUMERATOR
        rounded = (2 * exact + _PENALTY_DENOMINATOR) // (2 * _PENALTY_DENOMINATOR)
        return max(0, rounded - row.penalty_paid)

    def _spread(self, until: int, *, value_day: int | None) -> None:
        while self._credit and not self.settled and self._rows[self._first].due <= until:
            row = self._rows[self._first]
            self._settle(row, row.due if value_day is None else value_day)
            if row.principal or row.interest or self._penalty(row):
                return
            self._first += 1

    def _settle(self, row: _Row, day: int) -> None:
        self._owed(row, day)
        paid = min(self._credit, self._penalty(row))
        row.penalty_paid += paid
        self._credit -= paid
        paid = min(self._credit, row.interest)
        row.interest -= paid
        self._credit -= paid
        paid = min(self._credit, row.principal)
        row.principal -= paid
        self._credit -= paid
