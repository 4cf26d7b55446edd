"""Days past due on both sides of every edge: due date, tolerance, grace, holidays, pauses, calendar ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger.domain.ageing import FOREVER, counted_days, day_reached, paused_spans
from ledger.domain.facts import (
    Charge,
    ChargeKind,
    GraceRule,
    HolidayRule,
    LoanFacts,
    Pause,
    Terms,
)
from ledger.domain.position import position
from spine.errors import BadSchema
from tests.ledger.domain.calendars import ChosenDays

from .loans import cny, due, loan, money, on, paid, terms


def one(**rest: Any) -> LoanFacts:
    return loan(due(1, "03-10", "3000.00"), **rest)


def dpds(facts: LoanFacts, since: str, count: int) -> list[int]:
    return [position(facts, on(since) + timedelta(days=days)).dpd for days in range(count)]


def test_the_due_date_itself_is_on_time() -> None:
    found = position(one(), on("03-10"))
    assert (found.dpd, found.status, found.overdue.total) == (0, "current", 0)
    assert (found.past_due_days, found.oldest_unpaid_due_on, found.in_grace) == (0, None, False)
    found = position(one(), on("03-11"))
    assert (found.dpd, found.status, money(found.overdue.principal)) == (1, "overdue", "3000.00")
    assert (found.past_due_days, found.oldest_unpaid_due_on) == (1, on("03-10"))


def test_money_of_the_due_date_is_on_time_and_of_the_next_day_is_late() -> None:
    assert position(one(repayments=(paid("3000.00", "03-10"),)), on("03-11")).status == "settled"
    late = position(one(repayments=(paid("3000.00", "03-11"),)), on("03-11"))
    assert (late.dpd, money(late.overdue.total)) == (1, "1.50")


@pytest.mark.parametrize(("due_on", "as_of", "dpd"), [
    ("2026-01-31", "2026-02-28", 28),
    ("2026-01-31", "2026-03-01", 29),
    ("2028-02-28", "2028-03-01", 2),
    ("2027-02-28", "2027-03-01", 1),
    ("2028-02-29", "2029-02-28", 365),
    ("2026-12-31", "2027-01-01", 1),
])  # fmt: skip
def test_month_ends_leap_days_and_years(due_on: str, as_of: str, dpd: int) -> None:
    assert position(loan(due(1, due_on, "10.00")), on(as_of)).dpd == dpd


def test_a_rest_equal_to_the_tolerance_counts_as_paid() -> None:
    bearable = terms(tolerance=cny("10.00"))
    paid_but_ten = one(terms=bearable, repayments=(paid("2990.00", "03-10"),))
    found = position(paid_but_ten, on("04-09"))
    assert (found.dpd, found.status, found.in_grace, found.past_due_days) == (0, "current", False, 30)
    assert money(found.overdue.principal) == "10.00"
    cent_less = position(one(terms=bearable, repayments=(paid("2989.99", "03-10"),)), on("04-09"))
    assert (cent_less.dpd, cent_less.status) == (30, "overdue")


def test_tolerance_takes_principal_and_interest_together_and_each_instalment_alone() -> None:
    both = loan(due(1, "03-10", "6.00", "4.01"), terms=terms(tolerance=cny("10.00")))
    assert position(both, on("03-20")).dpd == 10
    apart = loan(due(1, "03-10", "6.00"), due(2, "03-11", "6.00"), terms=terms(tolerance=cny("10.00")))
    assert position(apart, on("03-20")).dpd == 0


def test_fees_and_penalty_alone_make_no_days() -> None:
    facts = one(
        repayments=(paid("3000.00", "03-10"),),
        charges=(
            Charge("F", ChargeKind.FEE, cny("30.00"), on("03-12")),
            Charge("P", ChargeKind.PENALTY, cny("5.00"), on("03-14")),
        ),
    )
    found = position(facts, on("03-20"))
    assert (found.dpd, found.status, found.past_due_days, found.oldest_unpaid_due_on) == (
        0,
        "current",
        8,
        on("03-12"),
    )
    assert found.overdue == (cny("30.00"), cny("5.00"), 0, 0, 0)


@pytest.mark.parametrize(("rule", "expected"), [
    (GraceRule.FROM_DUE, [0, 0, 0, 0, 4, 5]),
    (GraceRule.AFTER_GRACE, [0, 0, 0, 0, 1, 2]),
])  # fmt: skip
def test_the_day_after_grace_by_either_rule(rule: GraceRule, expected: list[int]) -> None:
    facts = one(terms=terms(grace_days=3, grace_rule=rule))
    assert dpds(facts, "03-10", 6) == expected
    in_grace = [position(facts, on(f"03-{day}")).in_grace for day in range(10, 16)]
    assert in_grace == [False, True, True, True, False, False]
    inside = position(facts, on("03-13"))
    assert (inside.status, money(inside.overdue.total), inside.past_due_days) == ("current", "3000.00", 3)
    assert position(facts, on("03-16")).dpd_zero_on == on("03-16") - timedelta(days=expected[-1] + 1)


def test_an_older_late_instalment_leaves_no_grace() -> None:
    facts = loan(due(1, "03-10", "10.00"), due(2, "03-20", "10.00"), terms=terms(grace_days=3))
    found = position(facts, on("03-21"))
    assert (found.dpd, found.in_grace) == (11, False)


# In 2026 National Day runs to Wednesday 10-07, and Saturday 10-10 is a workday.
NATIONAL_DAY = ChosenDays(
    holidays=frozenset(on(f"10-{day:02}") for day in range(1, 8)), workdays=frozenset({on("10-10")})
)


def test_due_dates_on_holidays_move_to_the_next_business_day() -> None:
    moved = terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY, calendar=NATIONAL_DAY)
    facts = loan(due(1, "10-01", "3000.00"), terms=moved)
    assert dpds(facts, "10-07", 4) == [0, 0, 1, 2]
    found = position(facts, on("10-09"))
    assert (found.past_due_days, found.oldest_unpaid_due_on) == (8, on("10-01"))
    assert (found.counted_from_on, money(found.overdue.penalty)) == (on("10-08"), "1.50")
    assert position(facts, on("10-08")).past_due_days == 7
    unmoved = loan(due(1, "10-01", "3000.00"), terms=terms(calendar=NATIONAL_DAY))
    assert position(unmoved, on("10-09")).dpd == 8


def test_a_make_up_saturday_is_a_business_day_and_a_plain_one_is_not() -> None:
    moved = terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY, calendar=NATIONAL_DAY)
    assert position(loan(due(1, "10-10", "10.00"), terms=moved), on("10-11")).dpd == 1
    assert position(loan(due(1, "10-17", "10.00"), terms=moved), on("10-20")).dpd == 1


def test_a_due_date_that_moves_needs_a_calendar() -> None:
    with pytest.raises(BadSchema):
        Terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY)


def test_paused_days_are_not_counted_and_bear_no_penalty() -> None:
    facts = one(pauses=(Pause(on("03-13"), on("03-16")),))
    assert dpds(facts, "03-11", 8) == [1, 2, 3, 3, 3, 3, 4, 5]
    assert [position(facts, on(f"03-{day}")).paused for day in (12, 13, 15, 16)] == [False, True, True, False]
    during = position(facts, on("03-15"))
    assert (during.dpd_zero_on, during.resumes_on, during.status) == (None, on("03-16"), "overdue")
    assert position(facts, on("03-18")).dpd_zero_on == on("03-13")
    assert money(position(facts, on("03-18")).overdue.penalty) == "7.50"
    assert position(facts, on("03-18")).past_due_days == 8


def test_a_pause_before_the_due_date_takes_only_its_part_inside() -> None:
    assert dpds(one(pauses=(Pause(on("03-01"), on("03-12")),)), "03-10", 5) == [0, 0, 0, 1, 2]
    assert dpds(one(pauses=(Pause(on("03-01"), on("03-10")),)), "03-10", 3) == [0, 1, 2]


def test_overlapping_pauses_count_once_and_separate_ones_add_up() -> None:
    pauses = (
        Pause(on("03-15"), on("03-17")),
        Pause(on("03-11"), on("03-13")),
        Pause(on("03-12"), on("03-14")),
    )
    assert position(one(pauses=pauses), on("03-20")).dpd == 10 - 3 - 2


def test_a_resume_ends_the_pauses_that_run_that_day() -> None:
    endless = one(pauses=(Pause(on("03-12")),))
    assert dpds(endless, "03-11", 5) == [1, 2, 2, 2, 2]
    assert position(endless, on("03-15")).resumes_on is None
    resumed = one(pauses=(Pause(on("03-12")), Pause(on("03-11"), on("03-30"))), resumed_on=(on("03-14"),))
    assert dpds(resumed, "03-11", 5) == [1, 1, 1, 1, 2]
    same_day = one(pauses=(Pause(on("03-14")),), resumed_on=(on("03-14"),))
    assert position(same_day, on("03-20")).dpd == 10
    later = one(pauses=(Pause(on("03-16"), on("03-18")),), resumed_on=(on("03-14"), on("03-18")))
    assert position(later, on("03-20")).dpd == 8


def test_a_pause_that_touches_the_grace_lengthens_it() -> None:
    facts = one(terms=terms(grace_days=3), pauses=(Pause(on("03-12"), on("03-14")),))
    assert dpds(facts, "03-14", 4) == [0, 0, 4, 5]
    assert position(facts, on("03-15")).in_grace


def test_counting_and_reaching_are_inverse() -> None:
    spans = paused_spans((Pause(on("03-05"), on("03-08")), Pause(on("03-20"))))
    start = on("03-01").toordinal()
    for days in range(17):
        reached = day_reached(start, days, spans)
        if reached < FOREVER:
            assert counted_days(start, reached, spans) == days
            assert counted_days(start, reached - 1, spans) < days or days == 0
    assert day_reached(start, 16, spans) == on("03-20").toordinal()
    assert day_reached(start, 17, spans) == FOREVER
