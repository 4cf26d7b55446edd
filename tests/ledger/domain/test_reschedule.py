"""A new schedule from a day on: what was kept, what accrued, and the money allocated anew."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ledger.domain.facts import (
    Charge,
    Chargeback,
    ChargeKind,
    LoanFacts,
    Overpayment,
    Repayment,
    Reschedule,
)
from ledger.domain.position import lines, position
from ledger.domain.waterfall import CarriedPenalty

from .loans import cny, due, loan, money, on, paid, terms

OLD = (due(1, "03-10", "1000.00"), due(2, "04-10", "1000.00"), due(3, "05-10", "1000.00"))
NEW = (due(4, "06-10", "1000.00"), due(5, "07-10", "1000.00"))


def extended(*money_in: Repayment, effective: str = "04-01") -> LoanFacts:
    return loan(*OLD, repayments=money_in, reschedules=(Reschedule(on(effective), (1,), NEW),))


def test_for_earlier_days_the_old_schedule_answers() -> None:
    assert position(extended(), on("03-31")) == position(loan(*OLD), on("03-31"))


def test_replaced_instalments_are_gone_and_kept_ones_age_on() -> None:
    found = position(extended(), on("04-20"))
    assert (found.dpd, found.oldest_unpaid_due_on) == (41, on("03-10"))
    assert money(found.overdue.principal) == "1000.00"
    assert money(found.outstanding_principal) == "3000.00"
    assert money(position(extended(), on("06-11")).overdue.principal) == "2000.00"


def test_what_had_accrued_becomes_one_penalty_item_and_accrual_goes_on() -> None:
    carried = [line for line in lines(extended(), on("04-01")) if isinstance(line.source, CarriedPenalty)]
    assert [(line.due_on, money(line.unpaid.penalty)) for line in carried] == [(on("04-01"), "11.00")]
    assert money(position(extended(), on("04-02")).overdue.penalty) == "11.50"
    whole = [money(position(facts, on("04-09")).overdue.penalty) for facts in (extended(), loan(*OLD))]
    assert whole == ["15.00", "15.00"]


def test_the_penalty_item_alone_makes_no_days() -> None:
    all_replaced = loan(*OLD, reschedules=(Reschedule(on("04-01"), (), (due(9, "06-10", "3000.00"),)),))
    found = position(all_replaced, on("04-20"))
    assert (found.dpd, found.past_due_days, money(found.overdue.total)) == (0, 19, "11.00")


def test_money_received_is_allocated_anew_on_the_new_schedule() -> None:
    # 505.00 on 03-20 had paid 5.00 of penalty; anew it goes to the kept instalment first, oldest first.
    facts = extended(paid("505.00", "03-20"))
    assert money(position(facts, on("03-31")).overdue.principal) == "500.00"
    found = position(facts, on("04-02")).overdue
    assert (money(found.principal), money(found.penalty)) == ("495.00", "8.25")
    credit = position(extended(paid("1500.00", "03-10")), on("04-01"))
    assert (money(credit.overpaid), money(credit.outstanding_principal)) == ("500.00", "2000.00")


def test_prepaid_money_of_a_replaced_instalment_is_not_lost() -> None:
    facts = loan(
        *OLD,
        terms=terms(overpayment=Overpayment.PREPAY),
        repayments=(paid("1800.00", "03-10"),),
        reschedules=(Reschedule(on("04-01"), (1,), NEW),),
    )
    assert [line.unpaid.principal for line in lines(facts, on("04-01"))] == [0, cny("200.00"), cny("1000.00")]


def test_money_of_the_day_meets_the_new_schedule() -> None:
    facts = extended(paid("1011.00", "04-01"))
    assert (position(facts, on("04-01")).overdue.total, position(facts, on("04-01")).overpaid) == (0, 0)
    assert position(facts, on("06-10")).dpd == 0


def test_an_instalment_late_since_that_very_day_accrues_once() -> None:
    facts = loan(due(1, "03-31", "1000.00"), reschedules=(Reschedule(on("04-01"), (1,), ()),))
    assert [money(position(facts, on(day)).overdue.penalty) for day in ("04-01", "04-03")] == ["0.00", "1.50"]
    after = [line.unpaid.penalty for line in lines(facts, on("04-03"))]
    assert after == [cny("1.00"), cny("0.50")]


def test_grace_that_runs_on_the_day_goes_on_from_the_due_date() -> None:
    facts = loan(
        due(1, "03-30", "1000.00"),
        terms=terms(grace_days=5),
        reschedules=(Reschedule(on("04-01"), (1,), ()),),
    )
    assert money(position(facts, on("04-04")).overdue.penalty) == "0.00"
    late = position(facts, on("04-05"))
    assert (late.dpd, money(late.overdue.penalty)) == (6, "3.00")


def test_a_second_reschedule_carries_only_what_accrued_since_the_first() -> None:
    facts = loan(
        *OLD,
        reschedules=(Reschedule(on("04-20"), (1, 4, 5), ()), Reschedule(on("04-01"), (1,), NEW)),
    )
    carried = [
        line.unpaid.penalty for line in lines(facts, on("04-20")) if isinstance(line.source, CarriedPenalty)
    ]
    assert carried == [cny("11.00"), cny("9.50")]


def test_of_two_on_one_day_the_later_stated_holds() -> None:
    first, second = (datetime(2026, 3, day, tzinfo=UTC) for day in (28, 29))
    other = (due(7, "08-10", "2000.00"),)
    changes = (
        Reschedule(on("04-01"), (1,), other, stated_at=second),
        Reschedule(on("04-01"), (1,), NEW, stated_at=first),
    )
    sources = [line.due_on for line in lines(loan(*OLD, reschedules=changes), on("03-31"))]
    assert sources == [on("03-10"), on("04-10"), on("05-10")]
    after = [line.due_on for line in lines(loan(*OLD, reschedules=changes), on("04-01"))]
    assert after == [on("03-10"), on("04-01"), on("08-10")]


def test_a_chargeback_stays_an_item_of_its_own() -> None:
    facts = loan(
        *OLD,
        chargebacks=(Chargeback("R", cny("70.00"), on("03-20")),),
        reschedules=(Reschedule(on("04-01"), (), NEW),),
    )
    assert position(facts, on("04-02")).dpd == 13


def test_a_reschedule_of_today_counts_and_of_tomorrow_does_not() -> None:
    today = position(extended(effective="04-01"), on("04-01"))
    assert (today.dpd, money(today.outstanding_principal)) == (22, "3000.00")
    assert [line.due_on for line in lines(extended(effective="04-01"), on("04-01"))] == [
        on("03-10"),
        on("04-01"),
        on("06-10"),
        on("07-10"),
    ]
    tomorrow = extended(effective="04-02")
    assert position(tomorrow, on("04-01")) == position(loan(*OLD), on("04-01"))
    assert [line.due_on for line in lines(tomorrow, on("04-01"))] == [row.due_on for row in OLD]


def test_the_carried_penalty_is_due_on_the_day_and_overdue_the_day_after() -> None:
    all_replaced = loan(*OLD, reschedules=(Reschedule(on("04-01"), (), (due(9, "06-10", "3000.00"),)),))
    found = [position(all_replaced, on(day)) for day in ("04-01", "04-02")]
    assert [(money(each.overdue.penalty), each.past_due_days) for each in found] == [
        ("0.00", 0),
        ("11.00", 1),
    ]
    assert [(each.dpd, each.status) for each in found] == [(0, "current")] * 2


def test_compound_interest_accrued_goes_into_the_same_penalty_item() -> None:
    facts = loan(
        due(1, "03-10", "1000.00", "100.00"),
        terms=terms(compound=True),
        reschedules=(Reschedule(on("03-20"), (), (due(2, "06-10", "1000.00", "100.00"),)),),
    )
    assert position(facts, on("03-19")).overdue[1:3] == (cny("4.50"), cny("0.45"))
    assert position(facts, on("03-21")).overdue == (0, cny("5.50"), 0, 0, 0)


def test_the_day_before_a_due_date_and_on_it() -> None:
    replaced_on = {
        day: loan(OLD[0], reschedules=(Reschedule(on(day), (), (due(4, "06-10", "1000.00"),)),))
        for day in ("03-09", "03-10", "03-11")
    }
    carried = {day: position(facts, on("04-01")).overdue.penalty for day, facts in replaced_on.items()}
    assert carried == {"03-09": 0, "03-10": 0, "03-11": cny("0.50")}
    assert {position(facts, on("06-11")).dpd for facts in replaced_on.values()} == {1}


def test_penalty_paid_before_the_day_stays_owed_and_its_money_is_used_again() -> None:
    # 1,005.00 on 03-20 settled March with its 5.00; anew it pays March and then the 5.00 that are carried.
    facts = extended(paid("1005.00", "03-20"))
    assert position(facts, on("03-31")).overdue.total == 0
    found = position(facts, on("04-02"))
    assert (found.overdue.total, found.overpaid, found.status) == (0, 0, "current")
    assert money(found.outstanding_principal) == "2000.00"


@pytest.mark.parametrize(("day", "principal", "bears"), [
    ("03-31", "500.00", "11.01"),  # 10.76 by the day, because the night bore on 510.50 only, then 0.25
    ("04-01", "500.00", "11.25"),  # 11.00 by the day, then 0.25
    ("04-02", "500.50", "11.00"),  # the 0.50 of the night is paid first
])  # fmt: skip
def test_money_of_the_day_before_of_the_day_and_after(day: str, principal: str, bears: str) -> None:
    found = position(extended(paid("500.00", day)), on("04-02")).overdue
    assert (money(found.principal), money(found.penalty)) == (principal, bears)


def test_a_reversal_after_the_reschedule_takes_the_money_out_of_both_schedules() -> None:
    facts = extended(paid("1005.00", "03-20", reversed_on="04-20"))
    assert position(facts, on("04-19")).dpd == 0
    assert position(facts, on("04-20")) == position(extended(), on("04-20"))


def test_a_charge_outlives_the_schedule_it_was_added_to() -> None:
    fee = Charge("F", ChargeKind.FEE, cny("30.00"), on("03-15"))
    facts = loan(*OLD, charges=(fee,), reschedules=(Reschedule(on("04-01"), (), NEW),))
    assert position(facts, on("04-02")).overdue == (cny("30.00"), cny("11.00"), 0, 0, 0)


def test_an_instalment_of_the_new_schedule_already_due_bears_from_the_day_on() -> None:
    facts = loan(*OLD, reschedules=(Reschedule(on("04-01"), (), (due(4, "03-20", "3000.00"),)),))
    found = position(facts, on("04-03"))
    assert (found.dpd, money(found.overdue.penalty)) == (14, "14.00")  # 11.00 carried and 2 x 1.50
