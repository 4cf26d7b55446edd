"""A book that also records how it came about: what accrued on what, and where the money went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

from ledger.domain.ageing import Spans
from ledger.domain.book import Book
from ledger.domain.facts import Instalment, LoanFacts, Overpayment, Shape, Waiver
from ledger.domain.items import Later
from ledger.domain.waterfall import COMPOUND, INTEREST, PENALTY, PRINCIPAL, Item, component_indexes


class Accrued(NamedTuple):
    """[begin, end) in which an item bore penalty on its principal and, per product, compound on its interest."""

    begin: int
    end: int
    principal: int
    interest: int


class Spent(NamedTuple):
    """Money put on a component of an item on `day`. `anew`: with a new schedule, not when it was received."""

    item: Item
    component: int
    amount: int
    day: int
    anew: bool


class Forgiven(NamedTuple):
    """What a waiver took off a component of an item on `day`. `anew`: with a new schedule."""

    component: int
    amount: int
    day: int
    waiver: Waiver
    anew: bool


class RecordingBook(Book):
    """Records beside the fold and never instead of it: every figure is the one that the plain book has.

    `accruals` by item in order of time, adjoining intervals of one amount joined. `spent` in the order in
    which money was used, `forgiven` by item. `before`: the book of the schedule that this one replaced.
    """

    __slots__ = ("_anew", "accruals", "before", "forgiven", "spent")

    def __init__(self, facts: LoanFacts, items: list[Item], later: Later, paused: Spans) -> None:
        super().__init__(facts, items, later, paused)
        self.accruals: defaultdict[Item, list[Accrued]] = defaultdict(list)
        self.spent: list[Spent] = []
        self.forgiven: defaultdict[Item, list[Forgiven]] = defaultdict(list)
        self.before: RecordingBook | None = None
        self._anew = False

    def replaced_by(self, items: list[Item], later: Later) -> Self:
        following = super().replaced_by(items, later)
        following.before = self
        return following

    def begin(self, day: int, received: int, waived: Iterable[Waiver] = ()) -> None:
        self._anew = True
        super().begin(day, received, waived)
        self._anew = False

    def _forgive(self, item: Item, component: int, amount: int, waiver: Waiver) -> None:
        super()._forgive(item, component, amount, waiver)
        self.forgiven[item].append(Forgiven(component, amount, self.today, waiver, self._anew))

    def _receive(self, day: int, amount: int) -> None:
        before = {item: (*item.rests, item.penalty_posted, item.compound_posted) for item in self.items}
        super()._receive(day, amount)
        for item, component in self._in_order_of_allocation():
            *rests, penalty, compound = before[item]
            rest = rests[component]
            if component == PENALTY:
                rest += item.penalty_posted - penalty
            elif component == COMPOUND:
                rest += item.compound_posted - compound
            if spent := rest - item.rests[component]:
                self.spent.append(Spent(item, component, spent, day, self._anew))

    def _in_order_of_allocation(self) -> Iterator[tuple[Item, int]]:
        terms, items, entered = self.facts.terms, self.items, self.entered
        indexes, due = component_indexes(terms.order), items[self.settled : entered]
        if terms.shape is Shape.HORIZONTAL:
            yield from ((item, index) for item in due for index in indexes)
        else:
            yield from ((item, index) for index in indexes for item in due)
        if terms.overpayment is Overpayment.PREPAY:
            ahead = (item for item in items[entered:] if isinstance(item.source, Instalment))
            yield from ((item, index) for item in ahead for index in indexes)

    def _accrue(self, item: Item) -> None:
        begin, principal = item.accrued_to, item.rests[PRINCIPAL]
        interest = item.rests[INTEREST] if self.facts.terms.penalty.compound_on_interest else 0
        super()._accrue(item)
        if item.accrued_to <= begin or not (principal or interest):
            return
        found = self.accruals[item]
        if found and found[-1][1:] == (begin, principal, interest):
            found[-1] = found[-1]._replace(end=item.accrued_to)
        else:
            found.append(Accrued(begin, item.accrued_to, principal, interest))
