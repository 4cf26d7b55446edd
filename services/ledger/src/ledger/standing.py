"""What the ledger last said of a loan, and what became true since: pure comparison, no day-by-day noise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Self

from ledger.domain.position import Amounts, LoanStatus, Position


@dataclass(frozen=True, slots=True)
class Standing:
    """The summary kept with a loan: its position when it was last looked at."""

    as_of: date
    status: LoanStatus
    dpd_zero_on: date | None
    oldest_unpaid_due_on: date | None
    overdue: Amounts
    outstanding_principal: int

    @classmethod
    def of(cls, position: Position) -> Self:
        return cls(
            position.as_of,
            position.status,
            position.dpd_zero_on,
            position.oldest_unpaid_due_on,
            position.overdue,
            position.outstanding_principal,
        )

    @classmethod
    def unheard_of(cls, as_of: date) -> Self:
        """Of a loan that nothing was ever said about."""
        return cls(as_of, LoanStatus.CURRENT, None, None, Amounts(), 0)

    @property
    def in_arrears(self) -> bool:
        """Whether an episode of arrears runs."""
        return self.status is LoanStatus.OVERDUE or self.dpd_zero_on is not None

    def without_accrual(self) -> tuple[object, ...]:
        """All but what grows by itself from day to day."""
        due = self.overdue
        return (
            self.status,
            self.dpd_zero_on,
            self.oldest_unpaid_due_on,
            (due.fee, due.interest, due.principal),
            self.outstanding_principal,
        )


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
    settled = now.status is LoanStatus.SETTLED and before.status is not LoanStatus.SETTLED
    if not now.in_arrears:
        return Changes(cured=before.in_arrears, settled=settled)
    if not before.in_arrears:
        return Changes(overdue=True)
    if by_facts and before.overdue != now.overdue:
        return Changes(changed=True)
    return Changes(changed=before.without_accrual() != now.without_accrual())
