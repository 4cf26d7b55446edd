"""Money as integer minor units with its currency: exact inside, decimal strings outside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Self

from spine.errors import BadAmount, WrongCurrency

# Minor-unit digits by ISO 4217; every currency that is not listed has two.
_DECIMALS: Final = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,3}))?", re.ASCII)


def decimals_of(currency: str) -> int:
    """Digits after the point of a currency's minor unit: CNY 2, JPY 0, KWD 3 (ISO 4217)."""
    return _DECIMALS.get(currency, 2)


def parse_minor(text: str, currency: str, *, field: str = "amount") -> int:
    """Minor units of a non-negative decimal string such as "3200.00".

    Raises BadAmount for signs, exponents, more decimals than the currency has, and anything not a number.
    """
    match = _AMOUNT.fullmatch(text)
    digits = _DECIMALS.get(currency, 2)
    whole, rest = match.groups("") if match is not None else ("", "")
    if not whole or len(rest) > digits:
        raise BadAmount(
            f"{field}: {text[:40]!r} is not a plain decimal with at most {digits} decimals for {currency}",
            field=field,
        )
    return int(whole + rest.ljust(digits, "0"))


def format_minor(minor: int, currency: str) -> str:
    """The decimal string of minor units, with exactly the currency's decimals: 320000 CNY -> "3200.00"."""
    digits = _DECIMALS.get(currency, 2)
    if digits == 2 and minor >= 0:
        # Nearly all there are, many to each event.
        return f"{minor // 100}.{minor % 100:02d}"
    sign, units = ("-", -minor) if minor < 0 else ("", minor)
    if digits == 0:
        return f"{sign}{units}"
    whole, rest = divmod(units, 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}"


def round_half_up(value: Decimal) -> int:
    """The nearest whole minor unit, halves away from zero (commercial rounding, HALF_UP)."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount: `minor` units of `currency`. Arithmetic across currencies raises WrongCurrency."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str, *, field: str = "amount") -> Self:
        return cls(parse_minor(text, currency, field=field), currency)

    def __str__(self) -> str:
        return format_minor(self.minor, self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise WrongCurrency(f"{other.currency} given where {self.currency} is owed", field="currency")
        return other.minor
