"""Instalment plans: the worked example to the cent, and parts that sum exactly whatever is asked."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spine.amortisation import Part, annuity, equal_split

amounts = st.one_of(st.integers(0, 500), st.integers(0, 10**14))
counts = st.one_of(st.integers(1, 60), st.integers(61, 480))
annual_rates = st.one_of(
    st.decimals(0, 1, places=4), st.sampled_from([Decimal(text) for text in ("0", "0.000001", "36", "100")])
)


def test_m7_plan_of_fifty_thousand_over_thirty_six() -> None:
    assert equal_split(50_000_00, 36) == (1_388_89,) * 35 + (1_388_85,)


def test_m7_annuity_of_fifty_thousand_at_six_percent_over_twelve_months() -> None:
    parts = annuity(50_000_00, Decimal("0.06"), 12)
    assert [part.total for part in parts] == [4_303_32] * 11 + [4_303_34]
    assert sum(part.principal for part in parts) == 50_000_00
    assert parts[0] == Part(principal=4_053_32, interest=250_00)


@pytest.mark.parametrize(("amount", "count", "parts"), [
    (100, 1, [100]),
    (100, 4, [25, 25, 25, 25]),
    (100, 3, [33, 33, 34]),
    (101, 2, [51, 50]),
    (0, 3, [0, 0, 0]),
])  # fmt: skip
def test_the_last_part_takes_the_remainder_of_rounding(amount: int, count: int, parts: list[int]) -> None:
    assert list(equal_split(amount, count)) == parts


@pytest.mark.parametrize(("amount", "count", "parts"), [
    (1, 3, [0, 0, 1]),
    (2, 4, [1, 1, 0, 0]),
    (5, 9, [1, 1, 1, 1, 1, 0, 0, 0, 0]),
    (4, 9, [0, 0, 0, 0, 0, 0, 0, 0, 4]),
])  # fmt: skip
def test_more_parts_than_cents_are_never_negative(amount: int, count: int, parts: list[int]) -> None:
    assert list(equal_split(amount, count)) == parts


def test_an_annuity_without_interest_is_the_equal_split() -> None:
    for rate in ("0", "0.00", "1E-90"):
        parts = annuity(50_000_00, Decimal(rate), 36)
        assert [part.principal for part in parts] == list(equal_split(50_000_00, 36))
        assert {part.interest for part in parts} == {0}


def test_one_payment_is_all_of_it_with_one_periods_interest() -> None:
    assert annuity(1_000_00, Decimal("0.12"), 1) == (Part(1_000_00, 10_00),)
    assert annuity(1_000_00, Decimal("0.12"), 1, per_year=4) == (Part(1_000_00, 30_00),)


def test_an_annuity_of_a_few_cents_ends_early_rather_than_below_zero() -> None:
    parts = annuity(5, Decimal("0.06"), 9)
    assert [part.principal for part in parts] == [1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert annuity(0, Decimal("0.06"), 3) == (Part(0, 0),) * 3


def test_interest_that_eats_the_payment_leaves_the_principal_to_the_last() -> None:
    parts = annuity(1, Decimal(6), 12)
    assert [part.principal for part in parts] == [0] * 11 + [1]
    assert {part.interest for part in parts} == {1}


def test_halves_of_interest_round_up() -> None:
    # 100.50 of a balance at 1 % a month bears 1.005.
    assert annuity(100_50, Decimal("0.12"), 2)[0].interest == 1_01


def test_the_callers_decimal_context_does_not_matter() -> None:
    expected = annuity(50_000_00, Decimal("0.0435"), 60)
    with localcontext(prec=3, rounding=ROUND_DOWN):
        assert annuity(50_000_00, Decimal("0.0435"), 60) == expected


@pytest.mark.parametrize("call", [
    lambda: equal_split(-1, 3),
    lambda: equal_split(100, 0),
    lambda: annuity(-1, Decimal("0.06"), 3),
    lambda: annuity(100, Decimal("0.06"), 0),
    lambda: annuity(100, Decimal("-0.01"), 3),
    lambda: annuity(100, Decimal("NaN"), 3),
    lambda: annuity(100, Decimal("0.06"), 3, per_year=0),
])  # fmt: skip
def test_what_cannot_be_split_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^(amount|count|annual_rate): "):
        call()


@given(amounts, counts)
def test_equal_parts_sum_to_the_amount_and_all_but_the_end_are_equal(amount: int, count: int) -> None:
    parts = equal_split(amount, count)
    assert (len(parts), sum(parts)) == (count, amount)
    assert min(parts) >= 0
    full = [part for part in parts[:-1] if part == parts[0]]
    assert parts[: len(full)] == tuple(full)
    if parts[-1] > 0:
        assert len(full) == count - 1
        assert abs(parts[0] - Fraction(amount, count)) <= Fraction(1, 2)


@given(amounts, annual_rates, counts)
def test_an_annuity_repays_the_principal_in_parts_of_one_payment(
    amount: int, rate: Decimal, count: int
) -> None:
    parts = annuity(amount, rate, count)
    assert (len(parts), sum(part.principal for part in parts)) == (count, amount)
    assert all(part.principal >= 0 and part.interest >= 0 for part in parts)
    balance = amount
    for part in parts:
        exact = balance * Fraction(rate) / 12
        assert part.interest == int(exact + Fraction(1, 2))
        balance -= part.principal
        if balance:
            assert part.total == parts[0].total


@given(st.integers(1, 10**12), st.decimals("0.0001", 2, places=4), st.integers(1, 120))
def test_the_payment_is_that_of_the_exact_formula(amount: int, rate: Decimal, count: int) -> None:
    monthly = Fraction(rate) / 12
    exact = amount * monthly / (1 - (1 + monthly) ** -count)
    parts = annuity(amount, rate, count)
    if count > 1 and parts[0].principal < amount:
        assert parts[0].total == int(exact + Fraction(1, 2))
