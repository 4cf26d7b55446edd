"""Status: current, overdue, settled by money, and what a closure by the core does to days and amounts."""

from __future__ import annotations

from itertools import permutations

import pytest
from msgspec.structs import replace

from ledger.domain.facts import Charge, Chargeback, ChargeKind, Closure, ClosureReason, Component, Pause
from ledger.domain.position import Amounts, position

from .loans import cny, due, loan, money, on, paid, terms

SCHEDULE = (due(1, "03-10", "1000.00", "50.00"), due(2, "04-10", "1000.00", "40.00"))


def closed(day: str, reason: ClosureReason) -> Closure:
    return Closure(on(day), reason)


def fee(day: str) -> Charge:
    return Charge("F", ChargeKind.FEE, cny("30.00"), on(day))


def test_settled_when_nothing_of_the_whole_schedule_is_unpaid() -> None:
    exact = loan(*SCHEDULE, repayments=(paid("1050.00", "03-10"), paid("1040.00", "04-10")))
    assert [position(exact, on(day)).status for day in ("04-09", "04-10")] == ["current", "settled"]
    cent_short = loan(*SCHEDULE, repayments=(paid("1050.00", "03-10"), paid("1039.99", "04-10")))
    assert [position(cent_short, on(day)).status for day in ("04-10", "04-11")] == ["current", "overdue"]


def test_a_loan_with_instalments_to_come_is_current_however_much_credit_waits() -> None:
    facts = loan(*SCHEDULE, repayments=(paid("5000.00", "03-10"),))
    waiting = position(facts, on("04-09"))
    assert (waiting.status, money(waiting.overpaid), money(waiting.outstanding_principal)) == (
        "current",
        "3950.00",
        "1000.00",
    )
    done = position(facts, on("04-10"))
    assert (done.status, money(done.overpaid), done.outstanding_principal) == ("settled", "2910.00", 0)


def test_money_after_settlement_is_overpaid() -> None:
    facts = loan(
        *SCHEDULE, repayments=(paid("1050.00", "03-10"), paid("1040.00", "04-10"), paid("7.00", "05-01"))
    )
    assert [money(position(facts, on(day)).overpaid) for day in ("04-30", "05-01", "12-31")] == [
        "0.00",
        "7.00",
        "7.00",
    ]
    assert position(facts, on("05-01")).status == "settled"


def test_an_unpaid_charge_keeps_the_loan_open_before_and_after_it_is_due() -> None:
    money_in = (paid("1050.00", "03-10"), paid("1040.00", "04-10"))
    facts = loan(*SCHEDULE, repayments=money_in, charges=(fee("04-20"),))
    assert [position(facts, on(day)).status for day in ("04-10", "04-20", "05-20")] == ["current"] * 3
    late = position(facts, on("05-20"))
    assert (late.dpd, late.past_due_days, late.overdue) == (0, 30, Amounts(fee=cny("30.00")))
    paid_off = replace(facts, repayments=(*money_in, paid("30.00", "05-20")))
    assert position(paid_off, on("05-20")).status == "settled"


def test_a_chargeback_of_a_later_day_does_not_keep_the_loan_open() -> None:
    money_in = (paid("1050.00", "03-10", "R"), paid("1040.00", "04-10"))
    facts = loan(*SCHEDULE, repayments=money_in, chargebacks=(Chargeback("R", cny("50.00"), on("04-15")),))
    assert [position(facts, on(day)).status for day in ("04-14", "04-15", "04-16")] == [
        "settled",
        "current",
        "overdue",
    ]


@pytest.mark.parametrize("reason", [ClosureReason.SETTLED, ClosureReason.SOLD])
def test_settled_and_sold_end_days_and_amounts(reason: ClosureReason) -> None:
    facts = loan(*SCHEDULE, closures=(closed("03-20", reason),), charges=(fee("03-10"),))
    before = position(facts, on("03-19"))
    assert (before.status, before.dpd) == ("overdue", 9)
    for day in ("03-20", "03-21", "05-20"):
        found = position(facts, on(day))
        assert (found.status, found.dpd, found.dpd_zero_on, found.past_due_days) == (reason.value, 0, None, 0)
        assert (found.overdue, found.outstanding_principal) == (Amounts(), 0)
        assert (found.oldest_unpaid_due_on, found.in_grace) == (None, False)


def test_a_write_off_keeps_amounts_and_days_going() -> None:
    facts = loan(*SCHEDULE, closures=(closed("03-20", ClosureReason.WRITTEN_OFF),))
    open_loan = loan(*SCHEDULE)
    assert position(facts, on("03-19")) == position(open_loan, on("03-19"))
    for day in ("03-20", "04-09", "06-30"):
        found = position(facts, on(day))
        assert found.status == "written_off"
        assert replace(found, status=position(open_loan, on(day)).status) == position(open_loan, on(day))
    found = position(facts, on("04-09"))
    assert (found.dpd, found.past_due_days, found.oldest_unpaid_due_on) == (30, 30, on("03-10"))
    assert money(found.overdue.total) == "1065.00"


def test_a_written_off_loan_is_not_cured_by_money() -> None:
    facts = loan(
        *SCHEDULE,
        closures=(closed("05-20", ClosureReason.WRITTEN_OFF),),
        repayments=(paid("1500.00", "06-01"),),
    )
    found = position(facts, on("06-01"))
    # March with 41.50 of penalty is settled, April is not.
    assert (found.status, found.dpd, found.oldest_unpaid_due_on) == ("written_off", 52, on("04-10"))
    everything = replace(facts, repayments=(paid("2157.50", "06-01"),))
    recovered = position(everything, on("06-01"))
    assert (recovered.status, recovered.dpd, recovered.overdue.total) == ("written_off", 0, 0)


def test_a_written_off_loan_that_owes_fees_alone_has_no_days_but_is_past_due() -> None:
    order = (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY, Component.COMPOUND)
    facts = loan(
        due(1, "03-10", "1000.00", "0", "20.00"),
        terms=terms(order=order),
        repayments=(paid("1000.00", "03-10"),),
        closures=(closed("03-20", ClosureReason.WRITTEN_OFF),),
    )
    found = position(facts, on("04-09"))
    assert (found.status, found.dpd, found.past_due_days) == ("written_off", 0, 30)
    assert (found.oldest_unpaid_due_on, found.overdue) == (on("03-10"), Amounts(fee=cny("20.00")))


def test_a_written_off_loan_can_be_paused_and_in_grace() -> None:
    facts = loan(
        *SCHEDULE,
        terms=terms(grace_days=30),
        closures=(closed("03-20", ClosureReason.WRITTEN_OFF),),
        pauses=(Pause(on("03-25"), on("03-27")),),
    )
    found = position(facts, on("03-26"))
    assert (found.status, found.dpd, found.in_grace, found.paused) == ("written_off", 0, True, True)


def test_a_closure_of_a_later_day_changes_nothing_yet() -> None:
    for reason in ClosureReason:
        facts = loan(*SCHEDULE, closures=(closed("03-21", reason),))
        assert position(facts, on("03-20")) == position(loan(*SCHEDULE), on("03-20"))
        assert position(facts, on("03-21")).status == reason.value


def test_a_written_off_loan_that_is_sold_later_is_sold() -> None:
    later_sold = loan(
        *SCHEDULE,
        closures=(closed("05-01", ClosureReason.SOLD), closed("04-20", ClosureReason.WRITTEN_OFF)),
    )
    found = [position(later_sold, on(day)) for day in ("04-19", "04-20", "04-30", "05-01")]
    assert [(each.status, each.dpd) for each in found] == [
        ("overdue", 40),
        ("written_off", 41),
        ("written_off", 51),
        ("sold", 0),
    ]
    assert found[-1].overdue == Amounts()


def test_the_latest_closure_holds() -> None:
    for first, second in permutations(ClosureReason, 2):
        facts = loan(*SCHEDULE, closures=(closed("05-01", second), closed("04-20", first)))
        statuses = [position(facts, on(day)).status.value for day in ("04-30", "05-01")]
        assert statuses == [first.value, second.value]


def test_of_closures_on_one_day_sold_goes_before_written_off_before_settled() -> None:
    for reasons in permutations(ClosureReason):
        same_day = loan(*SCHEDULE, closures=tuple(closed("05-01", reason) for reason in reasons))
        assert position(same_day, on("05-01")).status == "sold"
    two = (closed("05-01", ClosureReason.SETTLED), closed("05-01", ClosureReason.WRITTEN_OFF))
    assert position(loan(*SCHEDULE, closures=two), on("05-01")).status == "written_off"


def test_early_settlement_uses_the_credit_up() -> None:
    early = loan(
        *SCHEDULE,
        repayments=(paid("2055.00", "03-10"),),
        closures=(closed("03-10", ClosureReason.SETTLED),),
    )
    assert [position(early, on(day)).overpaid for day in ("03-10", "04-10", "06-30")] == [0, 0, 0]
    too_much = replace(early, repayments=(paid("2100.00", "03-10"),))
    assert [money(position(too_much, on(day)).overpaid) for day in ("03-10", "04-10", "06-30")] == [
        "10.00"
    ] * 3
