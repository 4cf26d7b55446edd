"""Penalty and compound interest: grace, rate changes, caps, freezes, rounding, each on both sides of its edge."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from ledger.domain.accrual import daily_rate, rounded
from ledger.domain.facts import GraceRule, LoanFacts, Pause, PenaltyRule, RateChange, Terms
from ledger.domain.position import position

from .loans import cny, due, loan, money, on, paid, terms


def one(**rest: Any) -> LoanFacts:
    return loan(due(1, "03-10", "3000.00", "200.00"), **rest)


def penalty(facts: LoanFacts, day: str) -> str:
    return money(position(facts, on(day)).overdue.penalty)


@pytest.mark.parametrize(("rule", "on_fourth", "on_fifth"), [
    (GraceRule.FROM_DUE, "6.00", "7.50"),
    (GraceRule.AFTER_GRACE, "1.50", "3.00"),
])  # fmt: skip
def test_no_penalty_inside_grace_and_from_the_rules_day_after(
    rule: GraceRule, on_fourth: str, on_fifth: str
) -> None:
    facts = one(terms=terms(grace_days=3, grace_rule=rule))
    assert [penalty(facts, day) for day in ("03-13", "03-14", "03-15")] == ["0.00", on_fourth, on_fifth]


def test_money_inside_grace_bears_no_penalty_and_the_rest_bears_it_from_the_due_day() -> None:
    facts = one(terms=terms(grace_days=3), repayments=(paid("1200.00", "03-13"),))
    assert penalty(facts, "03-13") == "0.00"
    assert money(position(facts, on("03-14")).overdue.principal) == "2000.00"
    assert penalty(facts, "03-14") == "4.00"
    day_late = one(terms=terms(grace_days=3), repayments=(paid("1206.00", "03-14"),))
    assert position(day_late, on("03-14")).overdue == (0, 0, 0, 0, cny("2000.00"))
    assert penalty(day_late, "03-15") == "1.00"


def test_a_rate_change_splits_the_interval_on_its_day() -> None:
    facts = one(rate_changes=(RateChange(on("03-15"), Decimal("0.24")),))
    assert [penalty(facts, day) for day in ("03-15", "03-16", "03-20")] == ["7.50", "10.50", "22.50"]
    before_due = one(rate_changes=(RateChange(on("03-01"), Decimal("0.24")),))
    assert penalty(before_due, "03-11") == "3.00"


def test_a_rate_change_inside_grace_bears_each_rate_for_its_days() -> None:
    facts = one(terms=terms(grace_days=3), rate_changes=(RateChange(on("03-12"), Decimal("0.24")),))
    assert penalty(facts, "03-14") == "9.00"


def test_a_penalty_rate_of_its_own_follows_no_change_of_the_loans_rate() -> None:
    own = Terms(penalty=PenaltyRule(annual_rate=Decimal("0.36")))
    facts = one(terms=own, rate_changes=(RateChange(on("03-11"), Decimal("0.01")),))
    assert penalty(facts, "03-20") == "30.00"


def test_the_cap_limits_an_own_rate_too_and_only_above_it() -> None:
    def rate(own: str | None, cap: str) -> Fraction:
        rule = PenaltyRule(annual_rate=Decimal(own) if own else None, all_in_cap=Decimal(cap))
        return daily_rate(Decimal("0.16"), rule, 360) * 360

    assert rate(None, "0.24") == rate(None, "0.25") == Fraction("0.24")
    assert rate(None, "0.2399") == Fraction("0.2399")
    assert rate("0.36", "0.24") == Fraction("0.24")


def test_paused_days_and_freezes_bear_none_but_a_freeze_leaves_the_days_running() -> None:
    paused = position(one(pauses=(Pause(on("03-12"), on("03-14")),)), on("03-20"))
    assert (paused.dpd, money(paused.overdue.penalty)) == (8, "12.00")
    frozen = position(one(freezes=(Pause(on("03-12"), on("03-14")),)), on("03-20"))
    assert (frozen.dpd, money(frozen.overdue.penalty)) == (10, "12.00")
    both = one(freezes=(Pause(on("03-13"), on("03-15")),), pauses=(Pause(on("03-12"), on("03-14")),))
    found = position(both, on("03-20"))
    assert (found.dpd, money(found.overdue.penalty)) == (8, "10.50")


def test_penalty_does_not_compound_and_penalty_paid_is_taken_off() -> None:
    facts = one(terms=terms(compound=True), repayments=(paid("10.00", "03-20"),))
    assert position(facts, on("03-20")).overdue[:3] == (0, cny("5.00"), cny("1.00"))
    assert position(facts, on("03-30")).overdue[:3] == (0, cny("20.00"), cny("2.00"))


def test_each_instalment_and_component_is_rounded_alone() -> None:
    halves = loan(
        due(1, "03-10", "10.00", "10.00"), due(2, "03-10", "10.00", "10.00"), terms=terms(compound=True)
    )
    overdue = position(halves, on("03-11")).overdue
    assert (money(overdue.penalty), money(overdue.compound)) == ("0.02", "0.02")
    under = replace(halves, schedule=(due(1, "03-10", "9.99"), due(2, "03-10", "9.99")))
    assert position(under, on("03-11")).overdue.penalty == 0


def test_halves_round_up() -> None:
    assert [rounded(numerator, 2) for numerator in range(5)] == [0, 1, 1, 2, 2]
    assert [rounded(numerator, 3) for numerator in range(5)] == [0, 0, 1, 1, 1]


def test_many_years_of_an_awkward_rate_lose_no_digit() -> None:
    facts = loan(due(1, "2026-01-01", "99999999.99"), rate="0.123456789", terms=terms(day_count=365))
    day = on("2026-01-01") + timedelta(days=9_999)
    exact = Fraction(9_999_999_999) * Fraction("0.123456789") * Fraction("1.5") * 9_999 / 365
    assert position(facts, day).overdue.penalty == int(exact + Fraction(1, 2))
