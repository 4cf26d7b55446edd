"""What a loan owes before any money: its instalments, charges and chargebacks as items, oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Final

from ledger.domain.ageing import Spans, day_reached, effective_due
from ledger.domain.facts import ChargeKind, GraceRule, HolidayRule, Instalment, LoanFacts, PaidPart, Terms
from ledger.domain.waterfall import CarriedPenalty, Item, Source

_by_due = attrgetter("due")
#: Of an instalment, which is a tuple.
_BY_DUE_AND_SEQ: Final = itemgetter(1, 0)


class Later:
    """What falls due after the day that is asked about, not laid out item by item: most of a young loan."""

    __slots__ = ("next_due", "principal", "total")

    def __init__(self) -> None:
        self.principal = self.total = 0
        self.next_due: int | None = None

    def add(self, due: int, principal: int, total: int) -> None:
        self.principal += principal
        self.total += total
        if self.next_due is None or due < self.next_due:
            self.next_due = due


def open_items(
    facts: LoanFacts,
    schedule: Iterable[Instalment],
    carried: Sequence[CarriedPenalty],
    paused: Spans,
    *,
    paid: Sequence[PaidPart] = (),
    horizon: int,
    known: int,
) -> tuple[list[Item], Later]:
    """Items due by `horizon`, oldest first, charges before instalments of the day; and what comes later.

    `paid`: what had been paid at cut-over. A chargeback is no fact before its day: those after `known` are
    left out altogether.
    """
    items: list[Item] = []
    later = Later()
    lay_out = _laying_out(facts.terms, paused)
    later_principal = later_total = 0
    for row in sorted(schedule, key=_BY_DUE_AND_SEQ):
        _, due_on, principal, interest, fee = row
        due = due_on.toordinal()
        if paid:
            fee, interest, principal = _left(row, paid)
        if due <= horizon:
            items.append(lay_out(row, due, [fee, 0, 0, interest, principal]))
        elif total := fee + interest + principal:
            # Most rows of most loans, so without a call for each.
            later_principal += principal
            later_total += total
            if later.next_due is None:
                later.next_due = due
    later.principal, later.total = later_principal, later_total
    if not (facts.charges or facts.chargebacks or carried):
        return items, later
    first: list[Item] = []
    for source, due, rests in _charged(facts, carried):
        if due <= horizon:
            first.append(lay_out(source, due, rests))
        else:
            later.add(due, 0, sum(rests))
    for back in sorted(facts.chargebacks, key=attrgetter("on", "repayment_id", "amount")):
        due = back.on.toordinal()
        if due <= known:
            items.append(lay_out(back, due, [0, 0, 0, 0, back.amount]))
    return sorted([*first, *items], key=_by_due), later


def _left(row: Instalment, paid: Iterable[PaidPart]) -> tuple[int, int, int]:
    """Fee, interest and principal of an instalment that are not paid."""
    _, _, principal, interest, fee = row
    for part in paid:
        if part.seq == row.seq:
            fee -= part.fee
            interest -= part.interest
            principal -= part.principal
    return fee, interest, principal


def _charged(facts: LoanFacts, carried: Iterable[CarriedPenalty]) -> Iterator[tuple[Source, int, list[int]]]:
    for charge in sorted(facts.charges, key=attrgetter("due_on", "id")):
        rests = [charge.amount, 0, 0, 0, 0] if charge.kind is ChargeKind.FEE else [0, charge.amount, 0, 0, 0]
        yield charge, charge.due_on.toordinal(), rests
    for penalty in carried:
        yield penalty, penalty.due_on.toordinal(), [0, penalty.amount, 0, 0, 0]


def _laying_out(terms: Terms, paused: Spans) -> Callable[[Source, int, list[int]], Item]:
    """Gives an item its effective due day, and the days from which it is late and accrues."""
    grace = terms.grace_days
    skipped = grace if terms.grace_rule is GraceRule.AFTER_GRACE else 0
    moves = terms.holiday_rule is HolidayRule.NEXT_BUSINESS_DAY

    def lay_out(source: Source, due: int, rests: list[int]) -> Item:
        effective = effective_due(due, terms) if moves else due
        if paused:
            late_from = day_reached(effective, grace + 1, paused)
            accrues_from = day_reached(effective, skipped, paused)
        else:
            late_from = effective + grace + 1
            accrues_from = effective + skipped
        return Item(source, due, effective, late_from, accrues_from, rests)

    return lay_out
