"""Compares core banking's own arrears of a date with the ledger's; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.domain.position import Position


class CheckState(StrEnum):
    """`resolved`: a person settled the difference."""

    MATCHED = "matched"
    MISMATCH = "mismatch"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Figures:
    """Arrears as one side holds them, in minor units; `penalty` is None where it was not stated."""

    days_past_due: int
    overdue_principal: int
    overdue_interest: int
    penalty: int | None = None

    @classmethod
    def of(cls, position: Position) -> Figures:
        due = position.overdue
        return cls(position.dpd, due.principal, due.interest, due.penalty)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far amounts may lie apart and still be the same, in minor units. Days are compared exactly."""

    amount: int = 0
    penalty: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """What core banking stated of a date, and how the check of it ended."""

    as_of: date
    stated: Figures
    ledger: Figures
    state: CheckState
    differences: tuple[str, ...] = ()
    resolution: str | None = None


def check(as_of: date, stated: Figures, position: Position, tolerance: Tolerance) -> Statement:
    """The outcome of comparing a statement with the position on its date."""
    ledger = Figures.of(position)
    found = differences(stated, ledger, tolerance)
    state = CheckState.MISMATCH if found else CheckState.MATCHED
    return Statement(as_of, stated, ledger, state, found)


def differences(stated: Figures, ledger: Figures, tolerance: Tolerance) -> tuple[str, ...]:
    """The names of the figures that differ, as the statement names them."""
    found = []
    if stated.days_past_due != ledger.days_past_due:
        found.append("days_past_due")
    if abs(stated.overdue_principal - ledger.overdue_principal) > tolerance.amount:
        found.append("overdue_principal")
    if abs(stated.overdue_interest - ledger.overdue_interest) > tolerance.amount:
        found.append("overdue_interest")
    if stated.penalty is not None and abs(stated.penalty - (ledger.penalty or 0)) > tolerance.penalty:
        found.append("penalty")
    return tuple(found)
