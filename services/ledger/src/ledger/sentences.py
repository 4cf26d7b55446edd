"""Tells a breakdown in plain sentences that a borrower can follow, in the language asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from operator import attrgetter

from ledger.domain.breakdown import (
    Accrual,
    Allocation,
    Breakdown,
    ClosedBook,
    ItemBreakdown,
    PenaltyRate,
    WaivedPart,
)
from ledger.domain.facts import Charge, Component
from ledger.domain.position import Amounts
from ledger.itemised import exact_amount, item_kind
from ledger.phrases import PHRASES, Locale, Phrases
from spine.money import decimals_of, format_minor


def sentences(found: Breakdown, locale: Locale) -> list[str]:
    """The whole breakdown, a sentence a line: rates, then item by item, then what it comes to."""
    return list(_Teller(found, PHRASES[locale]).whole())


class _Teller:
    """One breakdown in one language."""

    def __init__(self, found: Breakdown, say: Phrases) -> None:
        self._found = found
        self._say = say
        self._currency = found.facts.currency

    def whole(self) -> Iterator[str]:
        found, say = self._found, self._say
        opening = say.title.format(
            loan=found.facts.loan_id, as_of=found.position.as_of, currency=self._currency
        )
        yield opening + say.stop
        if status := say.status.get(found.position.status):
            yield status + say.stop
        for sentence in (*self._rates(), *self._books(), *self._totals()):
            yield sentence + say.stop

    def _rates(self) -> Iterator[str]:
        items = [*(item for book in self._found.closed for item in book.items), *self._found.items]
        for rate in dict.fromkeys(each.rate for item in items for each in item.accruals):
            yield self._rate(rate)

    def _rate(self, rate: PenaltyRate) -> str:
        say = self._say
        if rate.multiplier is None:
            form = say.rate_own_capped if rate.capped else say.rate_own
        else:
            form = say.rate_capped if rate.capped else say.rate
        return form.format(
            yearly=self._percent(rate.yearly),
            loan_rate=self._percent(rate.loan_rate),
            multiplier=f"{rate.multiplier or 1:f}",
            uncapped=self._percent(rate.uncapped),
        )

    def _books(self) -> Iterator[str]:
        for book in self._found.closed:
            yield from self._closed(book)
        for item in self._found.items:
            yield from self._item(item)

    def _closed(self, book: ClosedBook) -> Iterator[str]:
        say = self._say
        for item in book.items:
            for what in self._accrued(item, book.until_on):
                sentence = say.says.format(item=self._name(item), what=what)
                yield say.closed.format(until_on=book.until_on, sentence=sentence)
        yield say.carried.format(until_on=book.until_on, amount=self._amount(book.carried))

    def _item(self, item: ItemBreakdown) -> Iterator[str]:
        say, name = self._say, self._name(item)
        told = [self._amounts(item.stated)]
        if item.effective_due_on != item.due_on:
            told.append(say.moved.format(due_on=item.due_on, effective_on=item.effective_due_on))
        grace = self._found.facts.terms.grace_days
        if grace and item.late_on is not None and (item.stated.principal or item.stated.interest):
            told.append(say.grace.format(days=self._days(grace), late_on=item.late_on))
        told += self._accrued(item, self._found.position.as_of)
        told += self._paid(item.allocations)
        told += self._waived(item.waived)
        told.append(self._unpaid(item.unpaid))
        yield from (say.says.format(item=name, what=what) for what in told)

    def _name(self, item: ItemBreakdown) -> str:
        kind, id = item_kind(item.source)
        key = str(item.source.kind) if isinstance(item.source, Charge) else kind
        return self._say.items[key].format(id=id, due_on=item.due_on)

    def _accrued(self, item: ItemBreakdown, until: date) -> Iterator[str]:
        for component, posted in ((Component.PENALTY, item.penalty), (Component.COMPOUND, item.compound)):
            lines = [each for each in item.accruals if each.component is component]
            alone = len(lines) == 1 and (lines[0].from_on, lines[0].to_on) == (item.effective_due_on, until)
            for each in lines:
                yield self._accrual(each, plain=alone)
            exact = item.exact(component)
            if len(lines) > 1 or exact != posted:
                yield self._sum(component, lines, exact, posted)

    def _sum(self, component: Component, lines: list[Accrual], exact: Fraction, posted: int) -> str:
        say = self._say
        terms = " + ".join(self._exact(each.exact) for each in lines)
        if len(lines) > 1:
            terms += f" {self._equals(exact)} {self._exact(exact)}"
        if exact != posted:
            terms += say.rounded.format(rounded=self._amount(posted))
        return say.amount.format(component=say.components[component], amount=terms)

    def _accrual(self, each: Accrual, *, plain: bool) -> str:
        say = self._say
        when = "" if plain and each.days == (each.to_on - each.from_on).days else self._interval(each)
        return say.accrual[each.component].format(
            amount=self._amount(each.amount),
            days=self._days(each.days),
            when=when,
            yearly=self._percent(each.rate.yearly),
            base=each.day_count,
            is_=self._equals(each.exact),
            exact=self._exact(each.exact),
        )

    def _interval(self, each: Accrual) -> str:
        say = self._say
        left_out = (say.paused, each.paused_days), (say.frozen, each.frozen_days)
        without = "".join(form.format(days=self._days(days)) for form, days in left_out if days)
        return say.interval.format(from_on=each.from_on, to_on=each.to_on, without=without)

    def _paid(self, allocations: Iterable[Allocation]) -> Iterator[str]:
        """One sentence for each payment and day it was used; money from before has neither id nor date."""
        say = self._say

        payment = attrgetter("applied_on", "use", "value_date", "repayment_id")
        for (applied_on, use, value_date, id), group in groupby(allocations, payment):
            amounts = self._list((each.component, each.amount) for each in group)
            form = say.uses[use]
            if id is None and applied_on is not None:
                form = say.taken_over_anew
            yield form.format(value_date=value_date, id=id, applied_on=applied_on, amounts=amounts)

    def _waived(self, waived: Iterable[WaivedPart]) -> Iterator[str]:
        """One sentence for each waiver."""
        say = self._say
        waiver = attrgetter("waiver_id", "effective_on", "applied_on", "anew")
        for (id, effective_on, applied_on, anew), group in groupby(waived, waiver):
            amounts = self._list((each.component, each.amount) for each in group)
            form = say.waived_anew if anew else say.waived
            yield form.format(id=id, effective_on=effective_on, applied_on=applied_on, amounts=amounts)

    def _unpaid(self, unpaid: Amounts) -> str:
        if not unpaid.total:
            return self._say.settled
        return self._say.unpaid.format(amounts=self._summed(unpaid))

    def _totals(self) -> Iterator[str]:
        say, position = self._say, self._found.position
        if position.overdue.total:
            yield say.overdue.format(as_of=position.as_of, amounts=self._summed(position.overdue))
        else:
            yield say.nothing_overdue.format(as_of=position.as_of)
        today = sum(item.unpaid.total for item in self._found.items if item.due_on == position.as_of)
        if today:
            yield say.due_today.format(as_of=position.as_of, total=self._amount(today))
        if position.dpd:
            yield say.past_due.format(days=self._days(position.dpd), from_on=position.counted_from_on)
        elif position.in_grace:
            yield say.in_grace.format(from_on=position.counted_from_on)
        if position.overpaid:
            yield say.credit.format(amount=self._amount(position.overpaid))

    # -- figures -------------------------------------------------------------------------------------------

    def _amounts(self, amounts: Amounts) -> str:
        """Principal first, as a borrower thinks of it; what is zero is left out."""
        order = (
            Component.PRINCIPAL,
            Component.INTEREST,
            Component.FEE,
            Component.PENALTY,
            Component.COMPOUND,
        )
        parts = [(component, getattr(amounts, component)) for component in order]
        return self._list((component, amount) for component, amount in parts if amount) or self._amount(0)

    def _summed(self, amounts: Amounts) -> str:
        together = ""
        if sum(1 for amount in amounts if amount) > 1:
            together = self._say.together.format(total=self._amount(amounts.total))
        return self._amounts(amounts) + together

    def _list(self, amounts: Iterable[tuple[Component, int]]) -> str:
        say = self._say
        return say.between.join(
            say.amount.format(component=say.components[component], amount=self._amount(amount))
            for component, amount in amounts
        )

    def _amount(self, minor: int) -> str:
        return f"{Decimal(format_minor(minor, self._currency)):,f}"

    def _exact(self, minor: Fraction) -> str:
        return f"{Decimal(exact_amount(minor, self._currency)):,f}"

    def _equals(self, minor: Fraction) -> str:
        """Whether the decimals that are shown are all there are."""
        shown = Fraction(exact_amount(minor, self._currency)) * 10 ** decimals_of(self._currency)
        return "=" if shown == minor else "≈"

    def _days(self, days: int) -> str:
        one, many = self._say.days
        return (one if days == 1 else many).format(days=days)

    def _percent(self, rate: Decimal) -> str:
        return self._say.percent.format(rate=f"{(rate * 100).normalize():f}")
