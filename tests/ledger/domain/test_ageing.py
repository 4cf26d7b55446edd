"""Days past due on both sides of the due date, what makes them, and what is reported beside them."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.domain.facts import Charge, ChargeKind, Component, LoanFacts
from ledger.domain.position import position

from .loans import cny, due, loan, money, on, paid, terms


def one(**rest: Any) -> LoanFacts:
    return loan(due(1, "03-10", "3000.00"), **rest)


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


def test_a_part_payment_does_not_lower_the_days_until_the_instalment_is_settled() -> None:
    facts = loan(due(1, "03-10", "1000.00"), due(2, "04-10", "1000.00"), rate="0")
    for amount, dpd in (("999.99", 41), ("1000.00", 10), ("1999.99", 10), ("2000.00", 0)):
        paying = loan(*facts.schedule, rate="0", repayments=(paid(amount, "04-20"),))
        assert position(paying, on("04-20")).dpd == dpd


def test_days_are_those_of_the_oldest_whatever_was_paid_on_younger_ones() -> None:
    # By components first: the younger interest is paid while older principal is not.
    order = (Component.INTEREST, Component.PRINCIPAL, Component.FEE, Component.PENALTY, Component.COMPOUND)
    rows = (due(1, "03-10", "900.00", "100.00"), due(2, "04-10", "910.00", "90.00"))
    facts = loan(*rows, terms=terms(order=order), repayments=(paid("1000.00", "04-20"),))
    assert position(facts, on("04-20")).dpd == 10
    interest_alone = loan(due(1, "03-10", "0", "0.01"), due(2, "04-10", "900.00"))
    assert position(interest_alone, on("04-20")).dpd == 41


def test_fees_and_penalty_alone_make_no_days() -> None:
    facts = one(
        repayments=(paid("3000.00", "03-10"),),
        charges=(
            Charge("F", ChargeKind.FEE, cny("30.00"), on("03-12")),
            Charge("P", ChargeKind.PENALTY, cny("5.00"), on("03-14")),
        ),
    )
    found = position(facts, on("03-20"))
    assert (found.dpd, found.status, found.counted_from_on) == (0, "current", None)
    assert (found.past_due_days, found.oldest_unpaid_due_on) == (8, on("03-12"))
    assert found.overdue == (cny("30.00"), cny("5.00"), 0, 0, 0)
    assert position(facts, on("03-12")).past_due_days == 0
    assert [position(facts, on(day)).overdue.fee for day in ("03-12", "03-13")] == [0, cny("30.00")]


def test_the_fee_of_an_instalment_alone_makes_no_days_either() -> None:
    order = (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY, Component.COMPOUND)
    facts = loan(
        due(1, "03-10", "100.00", "0", "20.00"),
        terms=terms(order=order),
        repayments=(paid("100.00", "03-10"),),
    )
    found = position(facts, on("03-20"))
    assert (found.dpd, found.past_due_days, money(found.overdue.total)) == (0, 10, "20.00")


@pytest.mark.parametrize(("as_of", "expected"), [("03-09", "0.00"), ("03-10", "0.00"), ("03-11", "100.00")])
def test_only_what_was_due_before_the_day_is_overdue(as_of: str, expected: str) -> None:
    facts = loan(due(1, "03-10", "100.00"), due(2, "04-10", "200.00"), rate="0")
    found = position(facts, on(as_of))
    assert money(found.overdue.total) == expected
    assert money(found.outstanding_principal) == "300.00"
