"""How what is owed came about, item by item: what accrued on what at which rate, and where the money went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from ledger.domain.accrual import annual_rates, uncapped_rate, yearly_rate
from ledger.domain.ageing import FOREVER, counted_days
from ledger.domain.book import counting_money, fold_into
from ledger.domain.facts import (
    Charge,
    Chargeback,
    ChargeKind,
    Component,
    Instalment,
    LoanFacts,
    PaidPart,
    PenaltyRule,
    Repayment,
)
from ledger.domain.position import Amounts, Position, is_closed, position_of
from ledger.domain.recording import Accrued, Forgiven, RecordingBook, Spent
from ledger.domain.waterfall import CarriedPenalty, Item, Source

#: Components by their place in `Item.rests`.
_COMPONENTS = tuple(Component(name) for name in Amounts._fields)


@dataclass(frozen=True, slots=True)
class PenaltyRate:
    """A penalty rate of a year. `multiplier` is None where the penalty has a rate of its own.

    `uncapped`: what it would be without the all-in cap.
    """

    yearly: Decimal
    loan_rate: Decimal
    multiplier: Decimal | None
    uncapped: Decimal

    @property
    def capped(self) -> bool:
        return self.yearly < self.uncapped


@dataclass(frozen=True, slots=True)
class Accrual:
    """What one amount bore in [from_on, to_on): amount x rate x days / base; `exact` in minor units.

    `paused_days` and `frozen_days` lie in the interval and bear nothing.
    """

    component: Component
    from_on: date
    to_on: date
    amount: int
    rate: PenaltyRate
    days: int
    paused_days: int
    frozen_days: int
    day_count: int
    exact: Fraction


class Use(StrEnum):
    """How money came to an item: as received, after it waited as credit, or with a new schedule."""

    RECEIVED = "received"
    CREDIT = "credit"
    ANEW = "anew"
    TAKEN_OVER = "taken_over"


@dataclass(frozen=True, slots=True)
class Allocation:
    """Money put on a component. Without `repayment_id` it was paid before the loan was taken over."""

    repayment_id: str | None
    value_date: date | None
    applied_on: date | None
    use: Use
    component: Component
    amount: int


@dataclass(frozen=True, slots=True)
class WaivedPart:
    """What a waiver took off a component. `anew`: it had been waived before the schedule was replaced."""

    waiver_id: str
    effective_on: date
    applied_on: date
    anew: bool
    component: Component
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBreakdown:
    """One item: stated + rounded accrual - allocations - waived = unpaid, component by component.

    `late_on`: the first day on which it is past due and accrues; None while a pause without end runs.
    """

    source: Source
    due_on: date
    effective_due_on: date
    late_on: date | None
    counted_days: int
    stated: Amounts
    accruals: tuple[Accrual, ...]
    penalty: int
    compound: int
    allocations: tuple[Allocation, ...]
    waived: tuple[WaivedPart, ...]
    unpaid: Amounts

    def exact(self, component: Component) -> Fraction:
        """The exact sum of what accrued of a component, before it is rounded once."""
        return sum((each.exact for each in self.accruals if each.component is component), Fraction())


@dataclass(frozen=True, slots=True)
class ClosedBook:
    """A schedule that was replaced on `until_on`: what accrued by then became one penalty item, `carried`."""

    until_on: date
    items: tuple[ItemBreakdown, ...]
    carried: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Items due by the date of the position, and later ones on which money was put or waived; oldest first."""

    facts: LoanFacts
    position: Position
    items: tuple[ItemBreakdown, ...]
    closed: tuple[ClosedBook, ...]


def breakdown(facts: LoanFacts, as_of: date) -> Breakdown:
    """The breakdown of a loan's position on a date. Nothing is owed on a loan that is settled or sold."""
    book = fold_into(RecordingBook, facts, as_of, whole=False)
    position = position_of(book, as_of)
    if is_closed(facts, as_of):
        return Breakdown(facts, position, (), ())
    money = counting_money(facts, as_of)
    day = as_of.toordinal()
    closed = []
    later, earlier = book, book.before
    while earlier is not None:
        items = _items(earlier, money, later.opened)
        accrued = tuple(each for each in items if each.penalty or each.compound)
        carried = sum(each.penalty + each.compound for each in accrued)
        closed.append(ClosedBook(date.fromordinal(later.opened), accrued, carried))
        later, earlier = earlier, earlier.before
    shown = tuple(
        each for each in _items(book, money, day) if each.due_on <= as_of or each.allocations or each.waived
    )
    return Breakdown(facts, position, shown, tuple(reversed(closed)))


def _items(book: RecordingBook, money: Iterable[Repayment], day: int) -> list[ItemBreakdown]:
    used = defaultdict(list)
    for item, allocation in _allocations(book, money):
        used[item].append(allocation)
    return [
        ItemBreakdown(
            source=item.source,
            due_on=date.fromordinal(item.due),
            effective_due_on=date.fromordinal(item.effective),
            late_on=date.fromordinal(item.late_from) if item.late_from < FOREVER else None,
            counted_days=max(0, counted_days(item.effective, day, book.paused)),
            stated=_stated(item.source),
            accruals=tuple(_accruals(book, book.accruals.get(item, ()))),
            penalty=item.penalty_posted,
            compound=item.compound_posted,
            allocations=tuple(used[item]),
            waived=tuple(map(_waived, book.forgiven.get(item, ()))),
            unpaid=Amounts(*item.rests),
        )
        for item in book.items
    ]


def _stated(source: Source) -> Amounts:
    match source:
        case Instalment():
            return Amounts(source.fee, 0, 0, source.interest, source.principal)
        case Charge(kind=ChargeKind.FEE):
            return Amounts(fee=source.amount)
        case Charge() | CarriedPenalty():
            return Amounts(penalty=source.amount)
        case Chargeback():
            return Amounts(principal=source.amount)


def _accruals(book: RecordingBook, recorded: Iterable[Accrued]) -> Iterator[Accrual]:
    recorded = tuple(recorded)
    for component in (Component.PENALTY, Component.COMPOUND):
        for begin, end, principal, interest in recorded:
            amount = principal if component is Component.PENALTY else interest
            if amount:
                yield from _by_rate(book, begin, end, component, amount)


def _by_rate(
    book: RecordingBook, begin: int, end: int, component: Component, amount: int
) -> Iterator[Accrual]:
    """An interval, cut where the rate changes."""
    terms = book.facts.terms
    steps = annual_rates(book.facts)
    for (first, annual_rate), (following, _) in zip(steps, [*steps[1:], (FOREVER, None)], strict=True):
        low, high = max(begin, first), min(end, following)
        if low >= high:
            continue
        days = counted_days(low, high, book.rates.frozen)
        unpaused = counted_days(low, high, book.paused)
        yearly = yearly_rate(annual_rate, terms.penalty)
        yield Accrual(
            component=component,
            from_on=date.fromordinal(low),
            to_on=date.fromordinal(high),
            amount=amount,
            rate=_penalty_rate(annual_rate, terms.penalty),
            days=days,
            paused_days=high - low - unpaused,
            frozen_days=unpaused - days,
            day_count=terms.day_count,
            exact=amount * yearly * days / terms.day_count,
        )


@lru_cache(maxsize=1024)
def _penalty_rate(annual_rate: Decimal, rule: PenaltyRule) -> PenaltyRate:
    return PenaltyRate(
        _decimal(yearly_rate(annual_rate, rule)),
        annual_rate,
        None if rule.annual_rate is not None else rule.multiplier,
        _decimal(uncapped_rate(annual_rate, rule)),
    )


def _decimal(value: Fraction) -> Decimal:
    """A product of decimals as the decimal that it is."""
    with localcontext(prec=100):
        return (Decimal(value.numerator) / Decimal(value.denominator)).normalize() + 0


def _allocations(book: RecordingBook, money: Iterable[Repayment]) -> Iterator[tuple[Item, Allocation]]:
    """Says of all that was spent which money it was: what came first is used first."""
    taken_over = sum(part.principal + part.interest + part.fee for part in book.facts.paid_before)
    if book.before is None:
        yield from _paid_before(book.items, book.facts.paid_before)
        taken_over = 0
    lots: Iterator[tuple[Repayment | None, int]] = iter(
        [(None, taken_over), *((each, each.amount) for each in money)]
    )
    lot, left = next(lots)
    for spent in book.spent:
        amount = spent.amount
        while amount:
            while not left:
                lot, left = next(lots)
            part = min(amount, left)
            amount, left = amount - part, left - part
            yield spent.item, _allocation(lot, spent, part)


def _allocation(lot: Repayment | None, spent: Spent, amount: int) -> Allocation:
    applied_on = date.fromordinal(spent.day)
    use = Use.RECEIVED if lot is not None and lot.value_date == applied_on else Use.CREDIT
    return Allocation(
        lot.id if lot is not None else None,
        lot.value_date if lot is not None else None,
        applied_on,
        Use.ANEW if spent.anew else use,
        _COMPONENTS[spent.component],
        amount,
    )


def _waived(forgiven: Forgiven) -> WaivedPart:
    applied_on, waiver = date.fromordinal(forgiven.day), forgiven.waiver
    return WaivedPart(
        waiver.id,
        waiver.effective_on or applied_on,
        applied_on,
        forgiven.anew,
        _COMPONENTS[forgiven.component],
        forgiven.amount,
    )


def _paid_before(items: Iterable[Item], parts: Iterable[PaidPart]) -> Iterator[tuple[Item, Allocation]]:
    by_seq = {item.source.seq: item for item in items if isinstance(item.source, Instalment)}
    for part in parts:
        item = by_seq.get(part.seq)
        for component in (Component.FEE, Component.INTEREST, Component.PRINCIPAL):
            amount: int = getattr(part, component)
            if item is not None and amount:
                yield item, Allocation(None, None, None, Use.TAKEN_OVER, component, amount)
