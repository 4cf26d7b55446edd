"""Splits an amount into instalments exact to the minor unit: equal parts, or equal payments with interest."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from spine.money import round_half_up

# Enough digits that a century of monthly compounding cannot move the last minor unit.
_DIGITS: Final = 60


class Part(NamedTuple):
    """What one instalment pays, in minor units."""

    principal: int
    interest: int

    @property
    def total(self) -> int:
        return self.principal + self.interest


def equal_split(amount: int, count: int) -> tuple[int, ...]:
    """`amount` minor units in `count` parts: equal ones, rounded HALF_UP, and the last takes the remainder.

    Where rounding up would use the amount up before the end (5 in 9 parts), the parts after that are 0: no
    part is negative. Raises ValueError for a negative amount or no parts.
    """
    _check(amount, count)
    equal = (2 * amount + count) // (2 * count)
    parts = []
    rest = amount
    for _ in range(count - 1):
        part = min(equal, rest)
        parts.append(part)
        rest -= part
    return (*parts, rest)


def annuity(principal: int, annual_rate: Decimal, count: int, *, per_year: int = 12) -> tuple[Part, ...]:
    """Equal payments of principal and interest by the standard formula; the last takes the remainder.

    `principal` in minor units, `annual_rate` as a fraction of a year (0.06), `per_year` payments in a year.
    The payment and each period's interest are rounded HALF_UP. Principal parts sum to the principal and none
    is negative; what rounding pays early shortens the end. Without interest it is the equal split. Raises
    ValueError for a negative amount or rate, or no payments.
    """
    _check(principal, count)
    if not annual_rate.is_finite() or annual_rate < 0 or per_year < 1:
        raise ValueError(f"annual_rate: {annual_rate} in {per_year} periods is no rate of interest")
    with localcontext(prec=_DIGITS):
        rate = annual_rate / per_year
        growth = (1 + rate) ** count
        if growth == 1:
            return tuple(Part(part, 0) for part in equal_split(principal, count))
        # principal x rate / (1 - growth^-1), written so that it is never below the first period's interest.
        payment = round_half_up(principal * rate + principal * rate / (growth - 1))
        parts = []
        balance = principal
        for number in range(1, count + 1):
            interest = round_half_up(balance * rate)
            repaid = balance if number == count else min(payment - interest, balance)
            parts.append(Part(repaid, interest))
            balance -= repaid
    return tuple(parts)


def _check(amount: int, count: int) -> None:
    if amount < 0:
        raise ValueError(f"amount: {amount} minor units cannot be paid in instalments")
    if count < 1:
        raise ValueError(f"count: nothing can be paid in {count} instalments")
