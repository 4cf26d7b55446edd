"""The position of a loan on a date: days past due, what is overdue by component, and its status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from ledger.domain.ageing import FOREVER, Span, Spans, counted_days, span_at
from ledger.domain.book import Book, fold
from ledger.domain.facts import Closure, ClosureReason, GraceRule, LoanFacts, Terms
from ledger.domain.waterfall import INTEREST, PRINCIPAL, Item, Source


class LoanStatus(StrEnum):
    CURRENT = "current"
    OVERDUE = "overdue"
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"
    SOLD = "sold"


class Amounts(NamedTuple):
    """Minor units by component, in the default order of allocation."""

    fee: int = 0
    penalty: int = 0
    compound: int = 0
    interest: int = 0
    principal: int = 0

    @property
    def total(self) -> int:
        return sum(self)


_CLOSURE_RANK: Final = {ClosureReason.SETTLED: 0, ClosureReason.WRITTEN_OFF: 1, ClosureReason.SOLD: 2}


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a loan at the end of business date `as_of`.

    `dpd_zero_on`: without new facts the DPD on a later date is that date minus this one, until the next
    transition; None while nothing counts or a pause runs (which ends on `resumes_on`, if that is known).
    `counted_from_on`: the effective due date the DPD or the grace is counted from. `past_due_days` and
    `oldest_unpaid_due_on` follow the contractual dates alone. `overpaid`: money beyond what is due.
    """

    as_of: date
    status: LoanStatus
    dpd: int
    dpd_zero_on: date | None
    counted_from_on: date | None
    past_due_days: int
    oldest_unpaid_due_on: date | None
    overdue: Amounts
    outstanding_principal: int
    overpaid: int
    in_grace: bool
    paused: bool
    resumes_on: date | None

    def standing(self) -> tuple[object, ...]:
        """All that changes only on a transition: everything but the day count and the daily accrual."""
        return (
            self.status,
            self.dpd_zero_on or self.dpd,
            self.counted_from_on,
            self.oldest_unpaid_due_on,
            self.overdue.fee,
            self.overdue.interest,
            self.overdue.principal,
            self.outstanding_principal,
            self.overpaid,
            self.in_grace,
            self.paused,
            self.resumes_on,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One item of the breakdown: what is unpaid of it, and the days counted since its effective due date."""

    source: Source
    due_on: date
    effective_due_on: date
    counted_days: int
    unpaid: Amounts


def position(facts: LoanFacts, as_of: date) -> Position:
    """The position of a loan on a date, from facts alone (rules of ageing and money, terms of the loan)."""
    return position_of(fold(facts, as_of), as_of)


def lines(facts: LoanFacts, as_of: date) -> tuple[Line, ...]:
    """The breakdown of what is owed on a date, item by item, oldest first, the future ones included."""
    book = fold(facts, as_of, whole=True)
    day = as_of.toordinal()
    return tuple(
        Line(
            item.source,
            date.fromordinal(item.due),
            date.fromordinal(item.effective),
            max(0, counted_days(item.effective, day, book.paused)),
            Amounts(*item.rests),
        )
        for item in book.items
    )


def position_of(book: Book, as_of: date) -> Position:
    """Read the position off a folded book."""
    facts, day, paused = book.facts, as_of.toordinal(), book.paused
    closure = _closure_by(facts.closures, as_of) if facts.closures else None
    if closure is not None and closure.reason is not ClosureReason.WRITTEN_OFF:
        return _closed(book, as_of, closure)
    overdue, oldest, outstanding, unpaid = _sums(book.items, day)
    unpaid = unpaid or book.later.next_due is not None
    counting = _counting(book.items, facts.terms.tolerance, day, paused)
    in_grace = counting is not None and day < counting.late_from
    dpd = 0 if counting is None or in_grace else _days_past_due(counting, facts.terms, day, paused)
    pause = span_at(day, paused) if paused else None
    return Position(
        as_of=as_of,
        status=LoanStatus.WRITTEN_OFF if closure else _status(unpaid, dpd),
        dpd=dpd,
        dpd_zero_on=date.fromordinal(day - dpd) if dpd and pause is None else None,
        counted_from_on=date.fromordinal(counting.effective) if counting else None,
        past_due_days=day - oldest if oldest else 0,
        oldest_unpaid_due_on=date.fromordinal(oldest) if oldest else None,
        overdue=overdue,
        outstanding_principal=outstanding + book.later.principal,
        overpaid=book.credit,
        in_grace=in_grace,
        paused=pause is not None,
        resumes_on=_end_of(pause),
    )


def is_closed(facts: LoanFacts, as_of: date) -> bool:
    """Whether the loan is settled or sold by a closure, so that nothing is owed here; a write-off is no such."""
    closure = _closure_by(facts.closures, as_of) if facts.closures else None
    return closure is not None and closure.reason is not ClosureReason.WRITTEN_OFF


def _closure_by(closures: Sequence[Closure], as_of: date) -> Closure | None:
    """The closure in force: the latest; of several on one day sold goes before written off before settled."""
    counting = [each for each in closures if each.closed_on <= as_of]
    return max(counting, key=lambda each: (each.closed_on, _CLOSURE_RANK[each.reason]), default=None)


def _closed(book: Book, as_of: date, closure: Closure) -> Position:
    """Nothing is owed here any more; credit is set against all that was still to come (early settlement)."""
    pause = span_at(as_of.toordinal(), book.paused)
    owed = sum(sum(item.rests) for item in book.items) + book.later.total
    return Position(
        as_of=as_of,
        status=LoanStatus(closure.reason.value),
        dpd=0,
        dpd_zero_on=None,
        counted_from_on=None,
        past_due_days=0,
        oldest_unpaid_due_on=None,
        overdue=Amounts(),
        outstanding_principal=0,
        overpaid=max(0, book.credit - owed),
        in_grace=False,
        paused=pause is not None,
        resumes_on=_end_of(pause),
    )


def _sums(items: Sequence[Item], day: int) -> tuple[Amounts, int | None, int, bool]:
    """Unpaid amounts and oldest due day of items due before `day`; all unpaid principal; if any is unpaid."""
    due_fee = due_penalty = due_compound = due_interest = due_principal = 0
    oldest: int | None = None
    outstanding = 0
    unpaid = False
    for item in items:
        fee, penalty, compound, interest, principal = item.rests
        if not (principal or interest or penalty or fee or compound):
            continue
        unpaid = True
        outstanding += principal
        if item.due < day:
            if oldest is None:
                oldest = item.due
            due_fee += fee
            due_penalty += penalty
            due_compound += compound
            due_interest += interest
            due_principal += principal
    due = Amounts(due_fee, due_penalty, due_compound, due_interest, due_principal)
    return due, oldest, outstanding, unpaid


def _counting(items: Sequence[Item], tolerance: int, day: int, paused: Spans) -> Item | None:
    """The item DPD or grace is counted from: the oldest above tolerance, if a day of it has been counted."""
    for item in items:
        if item.rests[PRINCIPAL] + item.rests[INTEREST] > tolerance:
            return item if counted_days(item.effective, day, paused) > 0 else None
    return None


def _days_past_due(item: Item, terms: Terms, day: int, paused: Spans) -> int:
    """The days counted of a late item, by the rule of its grace."""
    days = counted_days(item.effective, day, paused)
    return days - terms.grace_days if terms.grace_rule is GraceRule.AFTER_GRACE else days


def _status(unpaid: bool, dpd: int) -> LoanStatus:
    if not unpaid:
        return LoanStatus.SETTLED
    return LoanStatus.OVERDUE if dpd else LoanStatus.CURRENT


def _end_of(pause: Span | None) -> date | None:
    return date.fromordinal(pause[1]) if pause and pause[1] < FOREVER else None
