"""Which instalments a loan has on a date: its first schedule, or what reschedules made of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from ledger.domain.facts import Instalment, LoanFacts, Reschedule


def in_order(changes: Iterable[Reschedule]) -> list[Reschedule]:
    """Reschedules in the order in which they take effect; of two on one day the later stated is the later."""
    return sorted(changes, key=_order)


def replaced(instalments: tuple[Instalment, ...], change: Reschedule) -> tuple[Instalment, ...]:
    """The instalments kept and those that take the place of the others."""
    return (*(row for row in instalments if row.seq in change.keep), *change.schedule)


def schedule_on(facts: LoanFacts, on: date) -> tuple[Instalment, ...]:
    """The whole schedule in force on a date."""
    instalments = facts.schedule
    for change in in_order(facts.reschedules):
        if change.effective_on <= on:
            instalments = replaced(instalments, change)
    return instalments


def _order(change: Reschedule) -> tuple[date, bool, datetime | None, tuple[Instalment, ...]]:
    return change.effective_on, change.stated_at is not None, change.stated_at, change.schedule
