"""Amounts: plain decimal strings in, integer minor units inside, and no way around it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spine.errors import BadAmount, WrongCurrency
from spine.money import Money, format_minor, parse_minor, round_half_up


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("3200.00", "CNY", 320000),
        ("3200", "CNY", 320000),
        ("0.5", "CNY", 50),
        ("7", "JPY", 7),
        ("1.234", "KWD", 1234),
    ],
)
def test_plain_decimals(text: str, currency: str, minor: int) -> None:
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e5", "NaN", "1.234", "1.", ".5", " 1", "1\n", "01", "１", "1,000", "9" * 16]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadAmount):
        parse_minor(text, "CNY")


def test_yen_has_no_decimals() -> None:
    with pytest.raises(BadAmount):
        parse_minor("7.0", "JPY")


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_format_is_the_inverse_of_parse(minor: int, currency: str) -> None:
    text = format_minor(minor, currency)
    assert parse_minor(text.removeprefix("-"), currency) == abs(minor)
    assert text.startswith("-") == (minor < 0)


@pytest.mark.parametrize(
    ("value", "rounded"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("-0.5", -1)]
)
def test_halves_round_away_from_zero(value: str, rounded: int) -> None:
    assert round_half_up(Decimal(value)) == rounded


def test_currencies_do_not_mix() -> None:
    with pytest.raises(WrongCurrency):
        Money(1, "CNY") + Money(1, "JPY")
