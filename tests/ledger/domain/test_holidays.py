"""Due dates on holidays: days and penalty count from the next business day, reports keep the contract's date."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.domain.facts import GraceRule, HolidayRule, Instalment, LoanFacts, Overpayment, Repayment, Terms
from ledger.domain.position import position
from spine.calendars import load_calendars
from spine.errors import BadSchema
from tests.ledger.domain.calendars import ChosenDays

from .loans import due, loan, money, on, paid, penalty, terms

# Of 2026: National Day 10-01 to 10-07, Spring Festival 02-15 to 02-23, with make-up workdays around both.
CN = load_calendars()["CN"]
MOVES = terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY, calendar=CN)
GOLDEN_WEEK = [f"10-{day:02}" for day in range(1, 8)]


def moving(*schedule: Instalment, money_in: tuple[Repayment, ...] = (), held: Terms = MOVES) -> LoanFacts:
    return loan(*schedule, terms=held, repayments=money_in)


def counted_from(due_on: str) -> str:
    """The day from which an unpaid instalment counts, as its days past due tell."""
    late = on(due_on) + timedelta(days=40)
    counted = late - timedelta(days=position(moving(due(1, due_on, "3000.00")), late).dpd)
    return counted.isoformat()[5:]


@pytest.mark.parametrize("due_on", GOLDEN_WEEK)
def test_every_due_date_of_golden_week_moves_to_the_day_after_it(due_on: str) -> None:
    facts = moving(due(1, due_on, "3000.00"))
    on_the_day, late = position(facts, on("10-08")), position(facts, on("10-09"))
    assert (on_the_day.dpd, on_the_day.status, on_the_day.overdue.penalty) == (0, "current", 0)
    assert (late.dpd, late.status, money(late.overdue.penalty)) == (1, "overdue", "1.50")
    assert late.counted_from_on == on("10-08")
    for found in (on_the_day, late):
        assert found.oldest_unpaid_due_on == on(due_on)
        assert found.past_due_days == (found.as_of - on(due_on)).days
        assert money(found.overdue.principal) == "3000.00"


@pytest.mark.parametrize(("due_on", "counts_from"), [
    ("09-30", "09-30"),  # the day before the holidays
    ("10-08", "10-08"),  # the first day after them
    ("10-10", "10-10"),  # a Saturday that is made up for
    ("10-11", "10-12"),  # the Sunday after it is none
    ("10-17", "10-19"),  # a plain Saturday
    ("10-16", "10-16"),
    ("09-20", "09-20"),  # a Sunday that is made up for
    ("09-19", "09-20"),  # the Saturday before moves onto it
    ("02-14", "02-14"),  # the worked Saturday before Spring Festival
    ("02-15", "02-24"),
    ("02-23", "02-24"),
    ("01-01", "01-04"),  # a worked Sunday ends New Year
])  # fmt: skip
def test_the_day_that_counts_on_both_sides_of_holidays(due_on: str, counts_from: str) -> None:
    assert counted_from(due_on) == counts_from


def test_without_the_rule_holidays_do_not_matter() -> None:
    unmoved = moving(due(1, "10-01", "3000.00"), held=terms(calendar=CN))
    found = position(unmoved, on("10-08"))
    assert (found.dpd, money(found.overdue.penalty), found.counted_from_on) == (7, "10.50", on("10-01"))


def test_money_on_the_moved_day_is_on_time_and_the_day_after_is_late() -> None:
    in_time = position(moving(due(1, "10-01", "3000.00"), money_in=(paid("3000.00", "10-08"),)), on("10-09"))
    assert (in_time.status, in_time.overdue.total) == ("settled", 0)
    late = position(moving(due(1, "10-01", "3000.00"), money_in=(paid("3000.00", "10-09"),)), on("10-09"))
    assert (late.dpd, money(late.overdue.total)) == (1, "1.50")


def test_money_before_the_moved_day_waits_as_credit_unless_it_prepays() -> None:
    facts = moving(due(1, "10-01", "3000.00"), money_in=(paid("3000.00", "10-05"),))
    waiting = position(facts, on("10-07"))
    assert (waiting.status, money(waiting.overpaid), money(waiting.overdue.principal)) == (
        "current",
        "3000.00",
        "3000.00",
    )
    applied = position(facts, on("10-08"))
    assert (applied.status, applied.overpaid, applied.overdue.total) == ("settled", 0, 0)
    prepays = terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY, calendar=CN, overpayment=Overpayment.PREPAY)
    at_once = moving(due(1, "10-01", "3000.00"), money_in=(paid("3000.00", "10-05"),), held=prepays)
    assert position(at_once, on("10-05")).status == "settled"


@pytest.mark.parametrize(("rule", "dpd", "bears"), [
    (GraceRule.FROM_DUE, 3, "4.50"),
    (GraceRule.AFTER_GRACE, 1, "1.50"),
])  # fmt: skip
def test_grace_begins_on_the_moved_day(rule: GraceRule, dpd: int, bears: str) -> None:
    held = terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY, calendar=CN, grace_days=2, grace_rule=rule)
    facts = moving(due(1, "10-01", "3000.00"), held=held)
    grace = [position(facts, on(day)).in_grace for day in ("10-07", "10-08", "10-09", "10-10", "10-11")]
    assert grace == [False, False, True, True, False]
    assert (position(facts, on("10-10")).dpd, penalty(facts, "10-10")) == (0, "0.00")
    assert (position(facts, on("10-11")).dpd, penalty(facts, "10-11")) == (dpd, bears)


def test_two_due_dates_that_move_to_one_day_are_settled_in_the_contracts_order() -> None:
    facts = moving(due(1, "10-02", "100.00"), due(2, "10-06", "100.00"), money_in=(paid("100.00", "10-08"),))
    found = position(facts, on("10-09"))
    assert (found.dpd, found.oldest_unpaid_due_on, money(found.overdue.principal)) == (
        1,
        on("10-06"),
        "100.00",
    )


def test_a_due_date_that_moves_needs_a_calendar() -> None:
    with pytest.raises(BadSchema):
        Terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY)


def test_a_calendar_without_business_days_moves_nothing_for_ever() -> None:
    always = ChosenDays(holidays=frozenset(on("03-10") + timedelta(days=n) for n in range(400)))
    held = terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY, calendar=always)
    assert position(moving(due(1, "03-10", "3000.00"), held=held), on("03-20")).dpd == 10
