"""Status: current, overdue, settled by money, and what a closure by the core does to days and amounts."""

from __future__ import annotations

import pytest

from ledger.domain.facts import Closure, ClosureReason
from ledger.domain.position import position

from .loans import due, loan, money, on, paid

SCHEDULE = (due(1, "03-10", "1000.00", "50.00"), due(2, "04-10", "1000.00", "40.00"))


def closed(day: str, reason: ClosureReason) -> Closure:
    return Closure(on(day), reason)


def test_settled_when_nothing_of_the_whole_schedule_is_unpaid() -> None:
    exact = loan(*SCHEDULE, repayments=(paid("1050.00", "03-10"), paid("1040.00", "04-10")))
    assert [position(exact, on(day)).status for day in ("04-09", "04-10")] == ["current", "settled"]
    cent_short = loan(*SCHEDULE, repayments=(paid("1050.00", "03-10"), paid("1039.99", "04-10")))
    assert [position(cent_short, on(day)).status for day in ("04-10", "04-11")] == ["current", "overdue"]


@pytest.mark.parametrize("reason", [ClosureReason.SETTLED, ClosureReason.SOLD])
def test_settled_and_sold_end_days_and_amounts(reason: ClosureReason) -> None:
    facts = loan(*SCHEDULE, closures=(closed("03-20", reason),))
    assert position(facts, on("03-19")).dpd == 9
    found = position(facts, on("03-20"))
    assert (found.status, found.dpd, found.dpd_zero_on, found.past_due_days) == (reason.value, 0, None, 0)
    assert (found.overdue.total, found.outstanding_principal, found.oldest_unpaid_due_on) == (0, 0, None)


def test_a_write_off_keeps_amounts_and_days_going() -> None:
    facts = loan(*SCHEDULE, closures=(closed("03-20", ClosureReason.WRITTEN_OFF),))
    found = position(facts, on("04-09"))
    assert (found.status, found.dpd, found.dpd_zero_on) == ("written_off", 30, on("03-10"))
    assert money(found.overdue.total) == "1065.00"
    assert position(facts, on("03-19")).status == "overdue"


def test_the_latest_closure_holds_and_of_one_day_sold_goes_first() -> None:
    later_sold = loan(
        *SCHEDULE,
        closures=(closed("05-01", ClosureReason.SOLD), closed("04-20", ClosureReason.WRITTEN_OFF)),
    )
    assert [position(later_sold, on(day)).status for day in ("04-30", "05-01")] == ["written_off", "sold"]
    same_day = loan(*SCHEDULE, closures=tuple(closed("05-01", reason) for reason in ClosureReason))
    assert position(same_day, on("05-01")).status == "sold"


def test_early_settlement_uses_the_credit_up() -> None:
    early = loan(
        *SCHEDULE,
        repayments=(paid("2055.00", "03-10"),),
        closures=(closed("03-10", ClosureReason.SETTLED),),
    )
    assert position(early, on("03-10")).overpaid == 0
    too_much = loan(
        *SCHEDULE,
        repayments=(paid("2100.00", "03-10"),),
        closures=(closed("03-10", ClosureReason.SETTLED),),
    )
    assert money(position(too_much, on("03-10")).overpaid) == "10.00"
