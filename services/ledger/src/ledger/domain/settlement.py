"""On which day a loan was settled: the first day of the time through which nothing has been owed on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ledger.domain.book import fold
from ledger.domain.facts import LoanFacts
from ledger.domain.position import LoanStatus, position


def settled_on(facts: LoanFacts, as_of: date) -> date | None:
    """The day since which a loan that is settled on `as_of` is settled; None when it is not."""
    if position(facts, as_of).status is not LoanStatus.SETTLED:
        return None
    since = as_of
    for day in sorted({day for day in _days(facts, as_of) if day < as_of}, reverse=True):
        if position(facts, day).status is not LoanStatus.SETTLED:
            break
        since = day
    return since


def _days(facts: LoanFacts, as_of: date) -> Iterator[date]:
    """The days on which a loan can come to be settled, or no longer: nothing changes that between them."""
    yield as_of
    yield facts.opened_on
    for money in facts.repayments:
        yield from (money.value_date, *((money.reversed_on,) if money.reversed_on else ()))
    for item in fold(facts, as_of, whole=True).items:
        yield from (date.fromordinal(item.due), date.fromordinal(item.effective))
    yield from (each.due_on for each in facts.schedule)
    yield from (each.on for each in facts.chargebacks)
    yield from (each.effective_on for each in facts.reschedules)
    yield from (each.closed_on for each in facts.closures)
    yield from (each.effective_on for each in facts.waivers if each.effective_on is not None)
