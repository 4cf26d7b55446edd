"""Penalty and compound interest: exact over any interval of days, rounded once when quoted or posted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm

from ledger.domain.ageing import FOREVER, Spans, counted_days, paused_spans, united
from ledger.domain.facts import LoanFacts, PenaltyRule, RateChange


@lru_cache(maxsize=4096)
def daily_rate(annual_rate: Decimal, rule: PenaltyRule, day_count: int) -> Fraction:
    """The exact penalty rate of one day: that of the year over the year's base."""
    return yearly_rate(annual_rate, rule) / day_count


def yearly_rate(annual_rate: Decimal, rule: PenaltyRule) -> Fraction:
    """The exact penalty rate of a year: own rate or loan rate x multiplier, capped."""
    yearly = uncapped_rate(annual_rate, rule)
    return yearly if rule.all_in_cap is None else min(yearly, Fraction(rule.all_in_cap))


def uncapped_rate(annual_rate: Decimal, rule: PenaltyRule) -> Fraction:
    """What the rule would charge in a year if nothing limited it."""
    if rule.annual_rate is not None:
        return Fraction(rule.annual_rate)
    return Fraction(annual_rate) * Fraction(rule.multiplier)


def rounded(numerator: int, denominator: int) -> int:
    """Whole minor units of an exact amount that is not negative, halves up (HALF_UP)."""
    return (2 * numerator + denominator) // (2 * denominator)


@dataclass(frozen=True, slots=True)
class Rates:
    """Daily penalty rates of a loan as integers over one `denominator`, and the days that bear none.

    `steps`: (first day, numerator) in order; the first step reaches back to the beginning of time.
    """

    denominator: int
    steps: tuple[tuple[int, int], ...]
    frozen: Spans

    def between(self, begin: int, end: int) -> int:
        """Sum of the daily rates of [begin, end), as a numerator; exact."""
        if len(self.steps) == 1:
            days = counted_days(begin, end, self.frozen) if self.frozen else end - begin
            return self.steps[0][1] * days
        total = 0
        for index, (first, numerator) in enumerate(self.steps):
            last = self.steps[index + 1][0] if index + 1 < len(self.steps) else FOREVER
            low, high = max(begin, first), min(end, last)
            if low < high:
                total += numerator * counted_days(low, high, self.frozen)
        return total


@lru_cache(maxsize=4096)
def _even(annual_rate: Decimal, rule: PenaltyRule, day_count: int) -> Rates:
    """The rates of most loans: one for ever, on every day."""
    rate = daily_rate(annual_rate, rule, day_count)
    return Rates(rate.denominator, ((0, rate.numerator),), ())


def _stated(change: RateChange) -> tuple[int, bool, datetime | None, Decimal]:
    return (
        change.effective_on.toordinal(),
        change.stated_at is not None,
        change.stated_at,
        change.annual_rate,
    )


def annual_rates(facts: LoanFacts) -> list[tuple[int, Decimal]]:
    """The loan's own rates as (first day, rate) in order; the first reaches back to the beginning of time."""
    by_day = {0: facts.annual_rate}
    for change in sorted(facts.rate_changes, key=_stated):
        by_day[change.effective_on.toordinal()] = change.annual_rate
    return list(by_day.items())


def rates_of(facts: LoanFacts, paused: Spans) -> Rates:
    """The penalty rates of a loan; paused days and interest-freezing holds bear none."""
    rule, base = facts.terms.penalty, facts.terms.day_count
    if not (facts.rate_changes or facts.freezes or paused):
        return _even(facts.annual_rate, rule, base)
    frozen = united((*paused, *paused_spans(facts.freezes)))
    by_day = {day: daily_rate(rate, rule, base) for day, rate in annual_rates(facts)}
    denominator = lcm(*(rate.denominator for rate in by_day.values()))
    steps = tuple((day, int(rate * denominator)) for day, rate in by_day.items())
    return Rates(denominator, steps, frozen)
