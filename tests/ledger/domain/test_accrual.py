"""Penalty and compound interest: rate changes, caps, freezes, rounding, each on both sides of its edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.accrual import rounded
from ledger.domain.facts import Component, GraceRule, LoanFacts, Pause, PenaltyRule, RateChange, Terms
from ledger.domain.position import position

from .loans import cny, due, loan, money, on, paid, penalty, terms


def one(**rest: Any) -> LoanFacts:
    return loan(due(1, "03-10", "3000.00", "200.00"), **rest)


@pytest.mark.parametrize(("effective", "expected"), [
    ("03-01", ["3.00", "6.00", "9.00"]),  # before the due date
    ("03-10", ["3.00", "6.00", "9.00"]),  # on it: the first day counts from the due date on
    ("03-11", ["1.50", "4.50", "7.50"]),
    ("03-12", ["1.50", "3.00", "6.00"]),
    ("03-13", ["1.50", "3.00", "4.50"]),  # on the day asked about
    ("03-14", ["1.50", "3.00", "4.50"]),
])  # fmt: skip
def test_a_rate_change_holds_from_its_day(effective: str, expected: list[str]) -> None:
    facts = one(rate_changes=(RateChange(on(effective), Decimal("0.24")),))
    assert [penalty(facts, day) for day in ("03-11", "03-12", "03-13")] == expected


def test_several_rate_changes_split_the_interval_and_of_one_day_the_later_stated_holds() -> None:
    down, up = RateChange(on("03-12"), Decimal("0.06")), RateChange(on("03-15"), Decimal("0.24"))
    for stated in ((down, up), (up, down)):
        assert penalty(one(rate_changes=stated), "03-20") == "20.25"  # 2 x 1.50 + 3 x 0.75 + 5 x 3.00
    first, second = (datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2))
    for earlier, later, bears in (("0.06", "0.24", "3.00"), ("0.24", "0.06", "0.75")):
        corrected = (
            RateChange(on("03-10"), Decimal(later), stated_at=second),
            RateChange(on("03-10"), Decimal(earlier), stated_at=first),
        )
        assert penalty(one(rate_changes=corrected), "03-11") == bears


def test_a_rate_change_to_nothing_stops_the_penalty_and_back() -> None:
    free = (RateChange(on("03-12"), Decimal(0)), RateChange(on("03-18"), Decimal("0.12")))
    assert [penalty(one(rate_changes=free), day) for day in ("03-12", "03-18", "03-20")] == [
        "3.00", "3.00", "6.00",
    ]  # fmt: skip


@pytest.mark.parametrize(("rule", "effective", "expected"), [
    (GraceRule.FROM_DUE, "03-12", "9.00"),  # each rate for its days: 2 x 1.50 + 2 x 3.00
    (GraceRule.AFTER_GRACE, "03-12", "3.00"),
    (GraceRule.AFTER_GRACE, "03-13", "3.00"),  # the end of grace
    (GraceRule.AFTER_GRACE, "03-14", "1.50"),
])  # fmt: skip
def test_a_rate_change_inside_grace(rule: GraceRule, effective: str, expected: str) -> None:
    facts = one(
        terms=terms(grace_days=3, grace_rule=rule),
        rate_changes=(RateChange(on(effective), Decimal("0.24")),),
    )
    assert penalty(facts, "03-14") == expected


def test_a_penalty_rate_of_its_own_follows_no_change_of_the_loans_rate() -> None:
    own = Terms(penalty=PenaltyRule(annual_rate=Decimal("0.36")))
    facts = one(terms=own, rate_changes=(RateChange(on("03-11"), Decimal("0.01")),))
    assert penalty(facts, "03-20") == "30.00"


@pytest.mark.parametrize(("cap", "expected"), [
    ("0.2399", "59.98"),  # 59.975
    ("0.24", "60.00"),
    ("0.2699", "67.48"),  # 67.475, just below 18 % x 1.5
    ("0.27", "67.50"),
    ("0.2701", "67.50"),
    ("0", "0.00"),
    (None, "67.50"),
])  # fmt: skip
def test_the_cap_limits_only_what_is_above_it(cap: str | None, expected: str) -> None:
    facts = loan(due(1, "03-01", "3000.00"), rate="0.18", terms=terms(cap=cap))
    assert penalty(facts, "03-31") == expected


def test_the_cap_limits_an_own_rate_and_compound_interest_too_and_each_rate_alone() -> None:
    own = Terms(penalty=PenaltyRule(annual_rate=Decimal("0.36"), all_in_cap=Decimal("0.24")))
    assert penalty(one(terms=own), "03-20") == "20.00"
    capped = terms(cap="0.24", compound=True)
    raised = one(terms=capped, rate="0.18", rate_changes=(RateChange(on("03-20"), Decimal("0.12")),))
    found = position(raised, on("03-30")).overdue
    assert (money(found.penalty), money(found.compound)) == ("35.00", "2.33")  # 10 days of 24 %, 10 of 18 %


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


def test_penalty_left_over_when_the_principal_was_paid_stays_and_grows_no_more() -> None:
    order = (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY, Component.COMPOUND)
    facts = one(terms=terms(order=order), repayments=(paid("3200.00", "03-20"),))
    for day in ("03-20", "03-21", "06-30"):
        found = position(facts, on(day))
        assert (found.dpd, found.status, money(found.overdue.total)) == (0, "current", "15.00")
        assert (found.oldest_unpaid_due_on, found.outstanding_principal) == (on("03-10"), 0)
    rest_paid = replace(facts, repayments=(*facts.repayments, paid("15.00", "03-25")))
    assert [position(rest_paid, on(day)).status for day in ("03-24", "03-25")] == ["current", "settled"]


def test_what_was_paid_of_penalty_never_makes_the_rest_negative() -> None:
    # Penalty of ten days is paid; then it turns out that the principal had come in time.
    late = one(repayments=(paid("15.00", "03-20"),))
    assert position(late, on("03-20")).overdue.penalty == 0
    found = position(
        replace(late, repayments=(*late.repayments, paid("3200.00", "03-10", posted="03-21"))), on("03-21")
    )
    assert (found.status, found.overdue.total, money(found.overpaid)) == ("settled", 0, "15.00")


def test_half_cents_are_rounded_once_however_often_money_comes() -> None:
    # 10.00 bears 0.005 a day: 1 cent owed after the first day, no second one on the second.
    facts = loan(due(1, "03-10", "10.00"))
    assert [penalty(facts, f"03-{day}") for day in (11, 12, 13, 14)] == ["0.01", "0.01", "0.02", "0.02"]
    paying = replace(facts, repayments=tuple(paid("0.01", f"03-{day}") for day in (11, 12)))
    # The second cent finds no penalty and goes to the principal.
    assert [penalty(paying, f"03-{day}") for day in (11, 12, 14)] == ["0.00", "0.00", "0.01"]
    assert money(position(paying, on("03-12")).overdue.principal) == "9.99"
