"""What the ledger last said of a loan, and what became true since: pure comparison, no day-by-day noise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import msgspec

from ledger.domain.position import Amounts, LoanStatus, Position


class Standing(msgspec.Struct, frozen=True):
    """The summary kept with a loan: its position when it was last looked at.

    `anchor_on`: `as_of` less the days past due, also while a pause runs and `dpd_zero_on` is not given; None when
    there are none.
    """

    as_of: date
    status: LoanStatus
    dpd_zero_on: date | None
    anchor_on: date | None
    oldest_unpaid_due_on: date | None
    overdue: Amounts
    outstanding_principal: int

    @classmethod
    def of(cls, position: Position) -> Self:
        return cls(
            position.as_of,
            position.status,
            position.dpd_zero_on,
            position.as_of - timedelta(days=position.dpd) if position.dpd else None,
            position.oldest_unpaid_due_on,
            position.overdue,
            position.outstanding_principal,
        )

    @classmethod
    def unheard_of(cls, as_of: date) -> Self:
        """Of a loan that nothing was ever said about."""
        return cls(as_of, LoanStatus.CURRENT, None, None, None, Amounts(), 0)

    @property
    def in_arrears(self) -> bool:
        """Whether an episode of arrears runs."""
        return self.anchor_on is not None

    @property
    def frozen_dpd(self) -> int | None:
        """The days past due that stand still while a pause runs."""
        if self.dpd_zero_on is not None or self.anchor_on is None:
            return None
        return (self.as_of - self.anchor_on).days

    @property
    def is_over(self) -> bool:
        """Whether nothing is owed here any more: settled, or sold to someone else."""
        return self.status in (LoanStatus.SETTLED, LoanStatus.SOLD)

    def dpd_on(self, on: date) -> int:
        """Days past due on a date from `as_of` to the next transition."""
        return days_past_due(on, self.as_of, self.dpd_zero_on, self.anchor_on)

    def without_accrual(self) -> tuple[object, ...]:
        """All but what grows by itself from day to day."""
        due = self.overdue
        return (
            self.status,
            self.dpd_zero_on,
            self.frozen_dpd,
            self.oldest_unpaid_due_on,
            (due.fee, due.interest, due.principal),
            self.outstanding_principal,
        )


def days_past_due(on: date, as_of: date, dpd_zero_on: date | None, anchor_on: date | None) -> int:
    """Days past due on a date from a standing as of `as_of`; while a pause runs they stand still."""
    if dpd_zero_on is not None:
        return (on - dpd_zero_on).days
    return (as_of - anchor_on).days if anchor_on is not None else 0


@dataclass(frozen=True, slots=True)
class Changes:
    """Which facts about a loan's arrears became true; several may at once."""

    overdue: bool = False
    changed: bool = False
    cured: bool = False
    settled: bool = False


def changes(before: Standing, now: Standing, *, by_facts: bool) -> Changes:
    """Compares two standings of one loan.

    Penalty that only accrued is no change; after new facts (`by_facts`) any other amount is one, because
    money may have gone to penalty alone.
    """
    settled = now.is_over and not before.is_over
    if not now.in_arrears:
        return Changes(cured=before.in_arrears, settled=settled)
    if not before.in_arrears:
        return Changes(overdue=True)
    if by_facts and before.overdue != now.overdue:
        return Changes(changed=True)
    return Changes(changed=before.without_accrual() != now.without_accrual())
