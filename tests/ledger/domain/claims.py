"""One thing owed, as the plain reference keeps it: exact fractions accrue, whole minor units are paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from ledger.domain.facts import PenaltyRule


@dataclass
class Claim:
    """One thing owed; `held` is the rate of the days of grace, which bears on what is unpaid when it ends."""

    rank: int
    key: str
    due: date
    effective: date
    unpaid: dict[str, int]
    accrued: dict[str, Fraction] = field(
        default_factory=lambda: {"penalty": Fraction(0), "compound": Fraction(0)}
    )
    paid: dict[str, int] = field(default_factory=lambda: {"penalty": 0, "compound": 0})
    counted: int = 0
    held: Fraction = Fraction(0)

    def rest(self, component: str) -> int:
        rest = self.unpaid[component]
        if component in self.accrued:
            rest += half_up(self.accrued[component]) - self.paid[component]
        return rest

    def pay(self, component: str, amount: int) -> int:
        taken = min(amount, self.rest(component))
        if component in self.accrued:
            from_fixed = min(taken, self.unpaid[component])
            self.unpaid[component] -= from_fixed
            self.paid[component] += taken - from_fixed
        else:
            self.unpaid[component] -= taken
        return amount - taken

    def rests(self) -> dict[str, int]:
        return {component: self.rest(component) for component in self.unpaid}


def half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


@lru_cache(maxsize=1024)
def daily(yearly: Decimal, rule: PenaltyRule, day_count: int) -> Fraction:
    rate = Fraction(yearly) * Fraction(rule.multiplier)
    if rule.annual_rate is not None:
        rate = Fraction(rule.annual_rate)
    if rule.all_in_cap is not None and rate > rule.all_in_cap:
        rate = Fraction(rule.all_in_cap)
    return rate / day_count
