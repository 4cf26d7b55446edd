"""The next date on which a loan's standing changes by itself: the only one on which a day close must look."""

from __future__ import annotations

from datetime import date

from ledger.domain.ageing import FOREVER, day_reached, effective_due
from ledger.domain.book import Book, fold
from ledger.domain.facts import LoanFacts
from ledger.domain.position import is_closed, position_of


def next_transition_on(facts: LoanFacts, as_of: date) -> date | None:
    """The earliest date after `as_of` on which `Position.standing` differs, without new facts; None if never.

    Between transitions only the day count and the daily accrual move, and they follow from the standing.
    """
    book = fold(facts, as_of)
    standing = position_of(book, as_of).standing()
    on = next_candidate_on(book, as_of)
    while on is not None:
        book = fold(facts, on)
        if position_of(book, on).standing() != standing:
            return on
        on = next_candidate_on(book, on)
    return None


def next_candidate_on(book: Book, after: date) -> date | None:
    """The first later day on which the standing may change; one too many costs time, too few miss a change.

    Of what falls due later the book knows only the next, so it has to be folded again on that day.
    """
    today = after.toordinal()
    days = _of_facts(book.facts)
    for span in book.paused:
        days += span
    if not is_closed(book.facts, after):
        days += _of_items(book)
    day = min([day for day in days if today < day < FOREVER], default=None)
    return None if day is None else date.fromordinal(day)


def _of_items(book: Book) -> list[int]:
    terms, paused, later = book.facts.terms, book.paused, book.later.next_due
    counts = bool(terms.grace_days or paused)
    days: list[int] = []
    for item in book.items:
        if not any(item.rests):
            continue
        days += (item.due + 1, item.late_from)
        if book.credit:
            days.append(item.effective)
        if counts:
            days.append(day_reached(item.effective, 1, paused))
    if later is not None:
        days.append(later + 1)
        if book.credit:
            days.append(effective_due(later, terms))
    return days


def _of_facts(facts: LoanFacts) -> list[int]:
    """Days of facts that are known already and count only later, and of reversals."""
    days = [repayment.value_date.toordinal() for repayment in facts.repayments]
    for repayment in facts.repayments:
        if repayment.reversed_on is not None:
            days.append(repayment.reversed_on.toordinal())
    days += [back.on.toordinal() for back in facts.chargebacks]
    days += [change.effective_on.toordinal() for change in facts.reschedules]
    days += [closure.closed_on.toordinal() for closure in facts.closures]
    days += [each.effective_on.toordinal() for each in facts.waivers if each.effective_on is not None]
    return days
