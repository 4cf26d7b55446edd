"""The fold: facts in value-date order onto the items of one loan, so that order of arrival cannot matter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from operator import itemgetter
from typing import Self, TypeVar

from ledger.domain.accrual import Rates, rates_of, rounded
from ledger.domain.ageing import FOREVER, Spans, paused_spans
from ledger.domain.facts import (
    Instalment,
    LoanFacts,
    Overpayment,
    Repayment,
    Shape,
    Waiver,
    order_of_money,
)
from ledger.domain.items import Later, open_items
from ledger.domain.schedule import in_order, replaced
from ledger.domain.waterfall import COMPOUND, INTEREST, PENALTY, PRINCIPAL, CarriedPenalty, Item, allocate

# Money as (value day, minor units).
Payment = tuple[int, int]
# What is waived at the start of a day.
Waived = tuple[int, Waiver]


class Book:
    """The items of one schedule and the money put on them, up to the day `today`.

    The first `settled` items have no rests; the first `entered` are due. `credit`: money beyond what is due.
    `opened`: the day of the reschedule with which this schedule began, else 0. `waived`: what each waiver took off.
    """

    __slots__ = (
        "_rates",
        "credit",
        "entered",
        "facts",
        "items",
        "later",
        "opened",
        "paused",
        "settled",
        "today",
        "waived",
    )

    def __init__(self, facts: LoanFacts, items: list[Item], later: Later, paused: Spans) -> None:
        self.facts = facts
        self.items = items
        self.later = later
        self.paused = paused
        self.credit = self.settled = self.entered = self.today = self.opened = 0
        self.waived: tuple[Waiver, ...] = ()
        self._rates: Rates | None = None

    def replaced_by(self, items: list[Item], later: Later) -> Self:
        """The book of the next schedule of the same loan."""
        return type(self)(self.facts, items, later, self.paused)

    @property
    def rates(self) -> Rates:
        """The penalty rates of the loan, made out when the first item needs them."""
        if self._rates is None:
            self._rates = rates_of(self.facts, self.paused)
        return self._rates

    def begin(self, day: int, received: int, waived: Iterable[Waiver] = ()) -> None:
        """Start on the day of a reschedule: what was late by then has accrued so far in the book before.

        What was waived by then is taken off anew, before money is allocated anew.
        """
        self.opened = day
        for item in self.items:
            if item.late_from <= day:
                item.accrued_to = day
        for waiver in waived:
            self.waive(day, waiver, received)
        if received:
            self._receive(day, received)

    def take(self, payments: Iterable[Payment]) -> None:
        """Allocate money in order; credit goes first to what fell due in between."""
        for day, amount in payments:
            if self.credit:
                self.use_credit(day)
            self._receive(day, amount)

    def live(self, payments: Sequence[Payment], waivers: Iterable[Waived]) -> None:
        """Money and waivers in the order of their days; of one day what is waived comes first.

        So money that settles a loan with what is waived of it is put on what is not waived.
        """
        done = 0
        for day, waiver in waivers:
            reached = bisect_left(payments, day, key=itemgetter(0))
            self.take(payments[done:reached])
            done = reached
            same_day = bisect_right(payments, day, key=itemgetter(0))
            self.waive(day, waiver, sum(amount for _, amount in payments[done:same_day]))
        self.take(payments[done:])

    def waive(self, day: int, waiver: Waiver, money: int) -> None:
        """Take off what is waived, never more than is owed after the `money` of the day: of what is due the oldest
        first, principal last.

        A settlement goes on with what is still to come, the last first, so that the loan ends sooner.
        """
        self.use_credit(day)
        self._receive(day, 0)
        within = self.items[self.settled : self.entered]
        for item in within:
            self._accrue(item)
        if waiver.settlement:
            ahead = self.items[self.entered :]
            within += [item for item in reversed(ahead) if isinstance(item.source, Instalment)]
        at_most = max(0, sum(sum(item.rests) for item in within) - money - self.credit)
        taken = [0] * len(waiver.amounts)
        for component, amount in enumerate(waiver.amounts):
            for item in within:
                part = min(amount - taken[component], item.rests[component], at_most)
                if part:
                    self._forgive(item, component, part, waiver)
                    taken[component] += part
                    at_most -= part
        took = Waiver(waiver.id, waiver.at, waiver.effective_on, tuple(taken), waiver.settlement)
        self.waived = (*self.waived, took)

    def _forgive(self, item: Item, component: int, amount: int, waiver: Waiver) -> None:
        item.rests[component] -= amount

    def use_credit(self, until: int) -> None:
        """Apply credit at the start of each effective due day up to `until`."""
        while self.credit and self.entered < len(self.items):
            day = self.items[self.entered].effective
            if day > until:
                return
            credit, self.credit = self.credit, 0
            self._receive(day, credit)

    def accrue_all(self, until: int) -> None:
        """Bring penalty and compound interest of every item up to a day."""
        self.use_credit(until)
        self.today = until
        for item in self.items:
            self._accrue(item)

    def _receive(self, day: int, amount: int) -> None:
        items, entered, settled = self.items, self.entered, self.settled
        while entered < len(items) and items[entered].effective <= day:
            entered += 1
        while settled < entered and not any(items[settled].rests):
            settled += 1
        self.entered, self.settled, self.today = entered, settled, day
        terms = self.facts.terms
        left = allocate(amount, items[settled:entered], terms.shape, terms.order, self._accrue)
        if left and terms.overpayment is Overpayment.PREPAY:
            ahead = [item for item in items[entered:] if isinstance(item.source, Instalment)]
            left = allocate(left, ahead, Shape.HORIZONTAL, terms.order, self._accrue)
        self.credit += left

    def _accrue(self, item: Item) -> None:
        """Accrue on what stayed unpaid since the last time; nothing while the item is not late.

        So money inside grace lowers what will bear penalty from the due day, and bears none itself.
        """
        today = self.today
        if today < item.late_from:
            return
        rests = item.rests
        principal = rests[PRINCIPAL]
        interest = rests[INTEREST] if self.facts.terms.penalty.compound_on_interest else 0
        if principal or interest:
            rates = self.rates
            rate = rates.between(item.accrued_to, today)
            if principal:
                item.penalty_exact += principal * rate
                posted = rounded(item.penalty_exact, rates.denominator)
                rests[PENALTY] += posted - item.penalty_posted
                item.penalty_posted = posted
            if interest:
                item.compound_exact += interest * rate
                posted = rounded(item.compound_exact, rates.denominator)
                rests[COMPOUND] += posted - item.compound_posted
                item.compound_posted = posted
        item.accrued_to = today


B = TypeVar("B", bound=Book)


def fold(facts: LoanFacts, as_of: date, *, whole: bool = False) -> Book:
    """The items of a loan at the end of `as_of`, after every fact that counts by then.

    With `whole` the instalments still to come are laid out too.
    """
    return fold_into(Book, facts, as_of, whole)


def fold_into(kind: type[B], facts: LoanFacts, as_of: date, whole: bool) -> B:
    """The fold into another kind of book, such as one that records how it came about."""
    day = as_of.toordinal()
    payments = payments_by(facts, as_of)
    paused = paused_spans(facts.pauses, facts.resumed_on) if facts.pauses else ()
    waivers = waivers_by(facts, day) if facts.waivers else []
    ahead = bool(whole or waivers) or facts.terms.overpayment is Overpayment.PREPAY
    horizon = FOREVER if ahead else day
    items, later = open_items(
        facts, facts.schedule, (), paused, paid=facts.paid_before, horizon=horizon, known=day
    )
    book = kind(facts, items, later, paused)
    if facts.reschedules:
        book, payments, waivers = _rescheduled(book, payments, waivers, horizon, day)
    if waivers:
        book.live(payments, waivers)
    else:
        book.take(payments)
    book.accrue_all(day)
    return book


def payments_by(facts: LoanFacts, as_of: date) -> list[Payment]:
    """Money that counts on a date, in the order in which it is allocated."""
    return [(each.value_date.toordinal(), each.amount) for each in counting_money(facts, as_of)]


def counting_money(facts: LoanFacts, as_of: date) -> list[Repayment]:
    """The repayments that count on a date, in the order in which they are allocated."""
    counting = [
        each
        for each in facts.repayments
        if each.value_date <= as_of and (each.reversed_on is None or each.reversed_on > as_of)
    ]
    counting.sort(key=order_of_money)
    return counting


def waivers_by(facts: LoanFacts, day: int) -> list[Waived]:
    """What is waived by the end of a day, in order; what lapsed is as if never made."""
    counting = [
        (each.effective_on.toordinal(), each)
        for each in facts.waivers
        if each.effective_on is not None and each.effective_on.toordinal() <= day
    ]
    counting.sort(key=lambda each: (each[0], each[1].at, each[1].id))
    return counting


def _rescheduled(
    book: B, payments: list[Payment], waivers: list[Waived], horizon: int, day: int
) -> tuple[B, list[Payment], list[Waived]]:
    """Close the books of each schedule on the day it was replaced and open those of the next.

    All that had accrued by then becomes one penalty item due that day, and all the money received by then is
    allocated anew, as is what was waived. Returns the last book and the money and waivers it has not seen.
    """
    facts = book.facts
    instalments: tuple[Instalment, ...] = facts.schedule
    carried: list[CarriedPenalty] = []
    cut_over = sum(part.principal + part.interest + part.fee for part in facts.paid_before)
    for change in in_order(facts.reschedules):
        start = change.effective_on.toordinal()
        if start > day:
            break
        book.live(
            [each for each in payments if book.opened <= each[0] < start],
            [each for each in waivers if book.opened <= each[0] < start],
        )
        book.accrue_all(start)
        accrued = sum(item.penalty_posted + item.compound_posted for item in book.items)
        if accrued:
            carried.append(CarriedPenalty(change.effective_on, accrued))
        instalments = replaced(instalments, change)
        items, later = open_items(facts, instalments, carried, book.paused, horizon=horizon, known=day)
        waived = [_anew(each) for each in book.waived]
        book = book.replaced_by(items, later)
        book.begin(start, cut_over + sum(amount for on, amount in payments if on < start), waived)
    return (
        book,
        [each for each in payments if each[0] >= book.opened],
        [each for each in waivers if each[0] >= book.opened],
    )


def _anew(waiver: Waiver) -> Waiver:
    """What was waived of the schedule before, to be taken off the next: compound has become penalty there."""
    fee, penalty, compound, interest, principal = waiver.amounts
    amounts = (fee, penalty + compound, 0, interest, principal)
    return Waiver(waiver.id, waiver.at, waiver.effective_on, amounts, True)
