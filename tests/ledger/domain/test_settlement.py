"""On which day a loan was settled: by value dates, by what is due last, by a closure, and anew after a reversal."""

from __future__ import annotations

import pytest

from ledger.domain.facts import Closure, ClosureReason, Repayment
from ledger.domain.settlement import settled_on

from .loans import due, loan, on, paid

SCHEDULE = (due(1, "03-10", "1000.00", "50.00"), due(2, "04-10", "1000.00", "40.00"))
FIRST, LAST = paid("1050.00", "03-10"), paid("1040.00", "04-10")


@pytest.mark.parametrize(("day", "since"), [("04-09", None), ("04-10", "04-10"), ("12-31", "04-10")])
def test_it_is_the_value_date_of_the_last_money_whenever_it_is_asked(day: str, since: str | None) -> None:
    facts = loan(*SCHEDULE, repayments=(FIRST, LAST, paid("7.00", "05-01")))
    assert settled_on(facts, on(day)) == (on(since) if since else None)


def test_money_that_waited_as_credit_settles_on_the_last_due_date() -> None:
    assert settled_on(loan(*SCHEDULE, repayments=(paid("5000.00", "03-10"),)), on("06-01")) == on("04-10")


def test_a_loan_closed_as_settled_is_so_from_then_on_but_not_one_that_was_sold() -> None:
    early = loan(*SCHEDULE, repayments=(FIRST,), closures=(Closure(on("03-20"), ClosureReason.SETTLED),))
    assert settled_on(early, on("06-01")) == on("03-20")
    sold = loan(*SCHEDULE, repayments=(FIRST,), closures=(Closure(on("03-20"), ClosureReason.SOLD),))
    assert settled_on(sold, on("06-01")) is None


def test_what_was_taken_back_and_paid_again_is_settled_by_the_second_payment() -> None:
    bounced = Repayment(LAST.id, LAST.amount, LAST.value_date, LAST.posted_at, on("04-20"))
    facts = loan(*SCHEDULE, repayments=(FIRST, bounced, paid("2000.00", "04-25")))
    assert settled_on(facts, on("04-24")) is None
    assert settled_on(facts, on("06-01")) == on("04-25")
