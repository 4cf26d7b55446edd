"""Repayment plans drawn up to the cent within limits, and judged by money in time order."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spine.money import parse_minor
from stager.domain.decision import canonical
from stager.domain.plan_drafting import MANDATORY, DraftFacts, draw_up, due_dates, schedule
from stager.domain.plan_judging import PlanFacts, PlanMoney, judge_plan
from stager.domain.plan_policy import faults_of_plans
from stager.domain.plans import (
    Instalment,
    Method,
    Period,
    PlanBeyondLimits,
    PlanIncomplete,
    PlanState,
    PlanTerms,
    StatedPlan,
    Structure,
)
from stager.policy import load_rulebook

POLICY = load_rulebook().plans.editions[0].policy
TODAY = date(2026, 11, 23)
FIRST = date(2026, 12, 10)


def minor(text: str) -> int:
    return parse_minor(text, "CNY")


def stated(**other: Any) -> StatedPlan:
    """M7: 50,000.00 over 36 months in equal parts, from a borrower who can pay 2,000.00 a month."""
    whole: dict[str, Any] = {
        "currency": "CNY",
        "balance": Structure(
            principal=minor("45000.00"), interest=minor("4000.00"), penalty=minor("1000.00")
        ),
        "period": Period.MONTH,
        "method": Method.EQUAL,
        "instalments": 36,
        "first_due_on": FIRST,
        "annual_rate": "0",
        "interest_accrues": False,
        "fees_accrue": False,
        "no_new_card": True,
        "rights": "May object and pay earlier.",
        "breach": "The plan ends and collection goes on.",
        "ability": minor("2000.00"),
        "willing": True,
        **other,
    }
    return StatedPlan(**whole)


def facts(stage: Any = "S3", owed: Any = "50000.00", **other: Any) -> DraftFacts:
    return DraftFacts(
        loan_id="L1",
        stated=stated(**other),
        stage=stage,
        product="consumer",
        currency="CNY",
        outstanding_principal=minor(owed),
        today=TODAY,
    )


def drawn(stage: str = "S3", **other: Any) -> PlanTerms:
    return draw_up(facts(stage, **other), POLICY)[0]


def refused(field: str, stage: str = "S3", **other: Any) -> None:
    with pytest.raises(PlanBeyondLimits) as error:
        drawn(stage, **other)
    assert error.value.facts["field"] == field


def test_m7_equal_parts_and_the_last_takes_the_remainder() -> None:
    terms = drawn()
    assert [each.total for each in terms.instalments] == [minor("1388.89")] * 35 + [minor("1388.85")]
    assert (terms.total, terms.months) == (minor("50000.00"), 36)
    assert [terms.instalments[0].due_on, terms.instalments[-1].due_on] == [FIRST, date(2029, 11, 10)]


def test_m7_annuity() -> None:
    terms = drawn(
        method=Method.ANNUITY,
        annual_rate="0.06",
        instalments=12,
        interest_accrues=True,
        ability=minor("4303.34"),
        balance=Structure(principal=minor("50000.00")),
    )
    assert [each.total for each in terms.instalments] == [minor("4303.32")] * 11 + [minor("4303.34")]
    assert sum(each.principal for each in terms.instalments) == minor("50000.00")


@pytest.mark.parametrize("name", MANDATORY)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(PlanIncomplete) as error:
        draw_up(facts(**{name: None}), POLICY)
    assert error.value.facts["field"] == name


@pytest.mark.parametrize("name", ["no_new_card", "willing"])
def test_what_must_be_promised_is_named(name: str) -> None:
    with pytest.raises(PlanIncomplete) as error:
        draw_up(facts(**{name: False}), POLICY)
    assert error.value.facts["field"] == name


@pytest.mark.parametrize(("stage", "most"), [("DUE", 12), ("S1", 12), ("S2", 36), ("S3", 60), ("S4", 60)])
def test_months_on_both_sides_of_the_edge(stage: str, most: int) -> None:
    rich: dict[str, Any] = {"ability": minor("49999.99")}
    assert drawn(stage, instalments=most, **rich).months == most
    refused("instalments", stage, instalments=most + 1, **rich)


def test_weeks_are_counted_as_months() -> None:
    assert drawn(period=Period.WEEK, instalments=260).months == 60
    refused("instalments", period=Period.WEEK, instalments=261)
    assert drawn(period=Period.FORTNIGHT, instalments=130).months == 60
    refused("instalments", period=Period.FORTNIGHT, instalments=131)


def test_approval_is_needed_beyond_so_many_months() -> None:
    needs = {}
    for months in (6, 7):
        terms, limit = draw_up(facts("S1", instalments=months, ability=minor("9000.00")), POLICY)
        needs[months] = limit.needs_approval(terms.months)
    assert needs == {6: False, 7: True}


def test_the_first_day_is_after_today_and_not_too_far() -> None:
    for day in (TODAY + timedelta(days=1), TODAY + timedelta(days=45)):
        assert drawn(first_due_on=day).instalments[0].due_on == day
    for day in (TODAY, TODAY + timedelta(days=46)):
        refused("first_due_on", first_due_on=day)


def test_ability_is_below_the_debt_and_covers_each_instalment() -> None:
    assert drawn(ability=minor("1388.89"))
    refused("ability", ability=minor("1388.88"))
    assert drawn(ability=minor("49999.99"))
    refused("ability", ability=minor("50000.00"))


def test_no_more_principal_than_is_outstanding() -> None:
    assert drawn(owed="45000.00")
    refused("balance.principal", owed="44999.99")


def test_interest_needs_an_annuity_and_its_promise() -> None:
    refused("annual_rate", annual_rate="0.06", interest_accrues=True)
    refused("annual_rate", annual_rate="0.06", method=Method.ANNUITY)
    high: dict[str, Any] = {"method": Method.ANNUITY, "interest_accrues": True, "ability": minor("9000.00")}
    assert drawn(annual_rate="0.24", **high)
    refused("annual_rate", annual_rate="0.2401", **high)


def test_the_least_instalment_and_the_currency() -> None:
    small: dict[str, Any] = {"instalments": 2, "ability": minor("150.00")}
    assert drawn(balance=Structure(principal=minor("200.00")), **small)
    refused("instalments", balance=Structure(principal=minor("199.98")), **small)
    refused("currency", currency="USD")
    refused("balance", balance=Structure())


def test_a_month_without_the_day_has_its_last() -> None:
    days = list(due_dates(date(2027, 12, 31), 4, Period.MONTH))
    assert [str(day) for day in days] == ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"]


def test_a_policy_with_unknown_stages_or_limits_never_reached_is_refused() -> None:
    faults = list(faults_of_plans(POLICY, {"DUE", "S1", "S2", "S3"}))
    assert faults == ["limits[2].stages: there is no stage S4"]
    twice = msgspec.structs.replace(POLICY, limits=(*POLICY.limits, POLICY.limits[0]))
    assert any("never reached" in fault for fault in faults_of_plans(twice, {"DUE", "S1", "S2", "S3", "S4"}))


@given(st.integers(1, 10**9), st.integers(1, 60), st.sampled_from(Period), st.decimals("0", "0.24", places=4))
def test_a_schedule_pays_the_balance_exactly(balance: int, count: int, period: Period, rate: Decimal) -> None:
    for method in Method:
        rows = schedule(balance, count, FIRST, period=period, method=method, annual_rate=rate)
        assert sum(row.principal for row in rows) == balance
        assert all(row.principal >= 0 and row.interest >= 0 for row in rows)
        assert [row.seq for row in rows] == list(range(1, count + 1))
        assert [row.due_on for row in rows] == sorted({row.due_on for row in rows})


# -- judged by money -----------------------------------------------------------------------------------------

SIGNED = date(2026, 11, 24)
THREE = tuple(
    Instalment(
        seq=n, due_on=date(2026, 11 + n, 10) if n < 2 else date(2027, n - 1, 10), principal=1000, interest=0
    )
    for n in (1, 2, 3)
)


def judged(
    closed: date, *money: tuple[int, date], grace: int = 3, tolerance: int = 0, ended: str | None = None
) -> tuple[str, int | None, int | None]:
    found = judge_plan(
        PlanFacts(
            instalments=THREE,
            grace_days=grace,
            tolerance_minor=tolerance,
            signed_on=SIGNED,
            closed_through=closed,
            money=tuple(
                PlanMoney(repayment_id=str(n), amount_minor=amount, value_date=on)
                for n, (amount, on) in enumerate(money)
            ),
            ended=ended,
        )
    )
    return found.state.value, found.breached_seq, found.short_minor


DUE = THREE[0].due_on
DAY = timedelta(days=1)


def test_a_plan_is_broken_when_the_last_day_of_grace_is_closed() -> None:
    assert judged(DUE + 2 * DAY) == ("active", None, None)
    assert judged(DUE + 3 * DAY) == ("breached", 1, 1000)


def test_money_of_the_last_day_of_grace_counts_and_of_the_day_after_not() -> None:
    later = DUE + 9 * DAY
    assert judged(later, (1000, DUE + 3 * DAY)) == ("active", None, None)
    assert judged(later, (1000, DUE + 4 * DAY)) == ("breached", 1, 1000)


def test_a_cent_and_the_tolerance() -> None:
    later = DUE + 3 * DAY
    assert judged(later, (999, DUE)) == ("breached", 1, 1)
    assert judged(later, (999, DUE), tolerance=1) == ("active", None, None)


def test_money_from_the_day_of_signature_on_counts() -> None:
    later = DUE + 3 * DAY
    assert judged(later, (1000, SIGNED))[0] == "active"
    assert judged(later, (1000, SIGNED - DAY)) == ("breached", 1, 1000)


def test_what_is_paid_ahead_completes_the_plan_early() -> None:
    assert judged(SIGNED, (3000, SIGNED)) == ("completed", None, None)
    assert judged(SIGNED, (3000, SIGNED + DAY)) == ("active", None, None)


def test_the_first_breach_ends_the_plan_whatever_comes_later() -> None:
    assert judged(date(2027, 3, 1), (3000, DUE + 5 * DAY)) == ("breached", 1, 1000)


def test_nothing_is_owed_any_more_on_the_loan() -> None:
    assert judged(SIGNED, ended="settled")[0] == "completed"
    assert judged(SIGNED, ended="sold")[0] == "cancelled"
    assert judged(DUE + 3 * DAY, ended="settled")[0] == "breached"


days = st.integers(0, 110).map(lambda n: SIGNED - 5 * DAY + n * DAY)
amounts = st.sampled_from([1, 499, 500, 999, 1000, 1001, 2000, 3000])


@settings(max_examples=300)
@given(st.lists(st.tuples(amounts, days), max_size=6), days, st.integers(0, 4), st.sampled_from([0, 1, 600]))
def test_as_a_walk_day_by_day(
    money: list[tuple[int, date]], closed: date, grace: int, tolerance: int
) -> None:
    """The plain reference: each evening everything received is held against everything due."""
    received, expected = 0, "active"
    day = SIGNED
    while day <= closed and expected == "active":
        received += sum(amount for amount, on in money if on == day)
        if received >= 3000 - tolerance:
            expected = "completed"
        for number, each in enumerate(THREE, start=1):
            if day == each.due_on + grace * DAY and received < 1000 * number - tolerance:
                expected = "breached"
        day += DAY
    assert judged(closed, *money, grace=grace, tolerance=tolerance)[0] == expected


@given(st.lists(st.tuples(amounts, days), max_size=5), days)
def test_until_the_next_date_to_judge_nothing_changes(money: list[tuple[int, date]], closed: date) -> None:
    whole = PlanFacts(
        instalments=THREE,
        grace_days=3,
        tolerance_minor=0,
        signed_on=SIGNED,
        closed_through=closed,
        money=tuple(
            PlanMoney(repayment_id=str(n), amount_minor=amount, value_date=on)
            for n, (amount, on) in enumerate(money)
        ),
    )
    now = judge_plan(whole)
    last = now.judge_on or date(2027, 6, 1)
    day = closed
    while day < last:
        found = judge_plan(msgspec.structs.replace(whole, closed_through=day))
        assert (found.state, found.breached_seq, found.short_minor) == (
            now.state,
            now.breached_seq,
            now.short_minor,
        )
        day += DAY


def test_facts_are_canonical_and_come_back() -> None:
    text = canonical(facts())
    assert msgspec.json.decode(text, type=DraftFacts) == facts()
    assert PlanState("active") is PlanState.ACTIVE
