"""The trade's worked examples by their numbers, to the cent. M7, instalment plans, is spine's arithmetic."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from ledger.domain.facts import LoanFacts, Shape
from ledger.domain.position import lines, position
from spine.business_days import business_date

from .loans import cny, due, loan, money, on, paid, terms


def test_m1_penalty_of_fifteen_days_on_either_base() -> None:
    facts = loan(due(1, "03-01", "3000.00"))
    assert money(position(facts, on("03-16")).overdue.penalty) == "22.50"
    other_base = replace(facts, terms=terms(day_count=365))
    assert money(position(other_base, on("03-16")).overdue.penalty) == "22.19"


def test_m2_compound_interest_on_overdue_interest() -> None:
    facts = loan(due(1, "03-01", "1000.00", "200.00"), terms=terms(compound=True))
    assert money(position(facts, on("03-16")).overdue.compound) == "1.50"
    assert position(replace(facts, terms=terms()), on("03-16")).overdue.compound == 0


def test_m3_accrual_is_rounded_once_and_not_daily() -> None:
    facts = loan(due(1, "03-01", "1234.56"))
    assert money(position(facts, on("03-01") + timedelta(days=45)).overdue.penalty) == "27.78"


def test_m4_part_payment_splits_the_interval_and_leaves_the_days() -> None:
    facts = loan(
        due(1, "03-01", "2950.00", "250.00"),
        rate="0.144",
        terms=terms(compound=True),
        repayments=(paid("1000.00", "03-11"),),
    )
    before = position(replace(facts, repayments=()), on("03-11")).overdue
    assert (money(before.penalty), money(before.compound)) == ("17.70", "1.50")
    after = position(facts, on("03-11")).overdue
    assert after == (0, 0, 0, 0, cny("2219.20"))
    later = position(facts, on("04-01"))
    assert later.dpd == 31
    assert money(later.overdue.penalty) == "27.96"
    assert money(later.overdue.total) == "2247.16"


def test_m5_all_in_cap_limits_rate_times_multiplier() -> None:
    facts = loan(due(1, "03-01", "3000.00"), rate="0.18", terms=terms(cap="0.24"))
    assert money(position(facts, on("03-31")).overdue.penalty) == "60.00"
    at_the_cap = replace(facts, terms=terms(cap="0.27"))
    assert money(position(at_the_cap, on("03-31")).overdue.penalty) == "67.50"


@pytest.fixture
def two_instalments() -> LoanFacts:
    return loan(
        due(1, "10-10", "900.00", "100.00", "20.00"),
        due(2, "11-10", "910.00", "90.00"),
        terms=terms(compound=True),
    )


def test_m6_two_instalments_with_penalty_compound_and_fee(two_instalments: LoanFacts) -> None:
    overdue = position(two_instalments, on("11-20")).overdue
    assert money(overdue.penalty) == "23.00"
    assert money(overdue.compound) == "2.50"
    assert money(overdue.total) == "2045.50"
    october = position(replace(two_instalments, schedule=two_instalments.schedule[:1]), on("11-20")).overdue
    assert (money(october.penalty), money(october.compound)) == ("18.45", "2.05")
    november = position(replace(two_instalments, schedule=two_instalments.schedule[1:]), on("11-20")).overdue
    assert (money(november.penalty), money(november.compound)) == ("4.55", "0.45")


def test_m6_horizontal_settles_october_and_vertical_leaves_95(two_instalments: LoanFacts) -> None:
    assert position(two_instalments, on("11-20")).dpd == 41
    horizontal = replace(two_instalments, repayments=(paid("1040.50", "11-20"),))
    assert position(horizontal, on("11-20")).dpd == 10
    vertical = replace(horizontal, terms=terms(compound=True, shape=Shape.VERTICAL))
    after = position(vertical, on("11-20"))
    assert after.dpd == 41
    assert [money(line.unpaid.total) for line in lines(vertical, on("11-20"))] == ["95.00", "910.00"]
    assert after.overdue == (0, 0, 0, 0, cny("95.00") + cny("910.00"))


def test_d1_three_unpaid_instalments_settled_one_by_one() -> None:
    facts = loan(*(due(seq, f"{8 + seq:02}-10", "1000.00") for seq in (1, 2, 3)))
    # On 11-23 September has borne 37.00 of penalty, October 22.00 and November 6.50.
    money_in = tuple(paid(amount, "11-23") for amount in ("1037.00", "1022.00", "1006.50"))
    found = [position(replace(facts, repayments=money_in[:settled]), on("11-23")) for settled in range(4)]
    assert [each.dpd for each in found] == [74, 44, 13, 0]
    assert [money(each.overdue.total) for each in found] == ["3065.50", "2028.50", "1006.50", "0.00"]


def test_d2_days_past_due_grow_by_one_at_shanghais_midnight() -> None:
    facts = loan(due(1, "11-20", "3000.00"))
    instants = ("15:59:59Z", "15:59:59.999999Z", "16:00:00Z", "16:00:00.000001Z")
    dates = [
        business_date(datetime.fromisoformat(f"2026-11-23T{time}"), ZoneInfo("Asia/Shanghai"))
        for time in instants
    ]
    assert dates == [on("11-23"), on("11-23"), on("11-24"), on("11-24")]
    assert [position(facts, each).dpd for each in dates] == [3, 3, 4, 4]
    # Asked again, and for days in any order: the same.
    assert [position(facts, on(f"11-{day}")).dpd for day in (24, 20, 23, 24, 21)] == [4, 0, 3, 4, 1]
    assert {position(facts, on(f"11-{day}")).dpd_zero_on for day in range(21, 30)} == {on("11-20")}


def test_d3_late_posting_with_an_on_time_value_date_takes_penalty_and_days_back() -> None:
    facts = loan(due(1, "11-20", "3000.00"))
    before = position(facts, on("11-24"))
    assert (before.dpd, money(before.overdue.penalty)) == (4, "6.00")
    posted = replace(facts, repayments=(paid("3000.00", "11-20", posted="11-24"),))
    after = position(posted, on("11-24"))
    assert (after.dpd, after.overdue.total, after.status) == (0, 0, "settled")


def test_the_line_of_the_command_for_one_overdue_instalment() -> None:
    facts = loan(due(1, "09-23", "2950.00", "250.00"), rate="0.144", terms=terms(compound=True))
    found = position(facts, on("10-24"))
    assert (found.status, found.dpd, found.past_due_days, found.oldest_unpaid_due_on) == (
        "overdue",
        31,
        31,
        on("09-23"),
    )
    assert [money(part) for part in found.overdue] == ["0.00", "54.87", "4.65", "250.00", "2950.00"]
    assert (money(found.overdue.total), money(found.outstanding_principal)) == ("3259.52", "2950.00")
    assert (found.overpaid, found.in_grace, found.paused) == (0, False, False)
