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
    """The exact penalty rate of one day: own rate or loan rate x multiplier, capped, over the year's base."""
    yearly = Fraction(annual_rate) * Fraction(rule.multiplier)
    if rule.annual_rate is not None:
        yearly = Fraction(rule.annual_rate)
    if rule.all_in_cap is not None:
        yearly = min(yearly, Fraction(rule.all_in_cap))
    return yearly / day_count


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
            return self.steps[0][1] * counted_days(begin, end, self.frozen)
        total = 0
        for index, (first, numerator) in enumerate(self.steps):
            last = self.steps[index + 1][0] if index + 1 < len(self.steps) else FOREVER
            low, high = max(begin, first), min(end, last)
            if low < high:
                total += numerator * counted_days(low, high, self.frozen)
        return total


def _stated(change: RateChange) -> tuple[int, bool, datetime | None, Decimal]:
    return (
        change.effective_on.toordinal(),
        change.stated_at is not None,
        change.stated_at,
        change.annual_rate,
    )


def rates_of(facts: LoanFacts, paused: Spans) -> Rates:
    """The penalty rates of a loan; paused days and interest-freezing holds bear none."""
    rule, base = facts.terms.penalty, facts.terms.day_count
    first = daily_rate(facts.annual_rate, rule, base)
    frozen = paused
    if facts.freezes:
        frozen = united((*paused, *paused_spans(facts.freezes)))
    if not facts.rate_changes:
        return Rates(first.denominator, ((0, first.numerator),), frozen)
    by_day = {0: first}
    for change in sorted(facts.rate_changes, key=_stated):
        by_day[change.effective_on.toordinal()] = daily_rate(change.annual_rate, rule, base)
    denominator = lcm(*(rate.denominator for rate in by_day.values()))
    steps = tuple((day, int(rate * denominator)) for day, rate in by_day.items())
    return Rates(denominator, steps, frozen)
