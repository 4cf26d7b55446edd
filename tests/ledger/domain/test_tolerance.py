"""What is so little that it makes no days: equal to the tolerance and a cent above, per instalment."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.facts import Charge, Chargeback, ChargeKind, Component, LoanFacts
from ledger.domain.position import position

from .loans import cny, due, loan, money, on, paid, terms

TEN = terms(tolerance=cny("10.00"))


def one(**rest: Any) -> LoanFacts:
    return loan(due(1, "03-10", "3000.00"), **{"terms": TEN, **rest})


def test_a_rest_equal_to_the_tolerance_makes_no_days_and_a_cent_more_makes_all() -> None:
    equal = position(one(repayments=(paid("2990.00", "03-10"),)), on("04-09"))
    assert (equal.dpd, equal.status, equal.in_grace, equal.counted_from_on) == (0, "current", False, None)
    more = position(one(repayments=(paid("2989.99", "03-10"),)), on("04-09"))
    assert (more.dpd, more.status) == (30, "overdue")


def test_without_tolerance_a_cent_makes_days() -> None:
    facts = one(terms=terms(), repayments=(paid("2999.99", "03-10"),))
    assert position(facts, on("03-11")).dpd == 1


def test_a_part_payment_lowers_the_days_only_when_the_rest_is_within_tolerance() -> None:
    # Of 3,000.00 with ten days' penalty of 15.00, the last money leaves 10.01 or 10.00.
    for amount, dpd in (("1500.00", 10), ("3004.99", 10), ("3005.00", 0)):
        assert position(one(repayments=(paid(amount, "03-20"),)), on("03-20")).dpd == dpd


def test_the_rest_stays_owed_bears_penalty_and_is_reported() -> None:
    facts = one(repayments=(paid("2990.00", "03-10"),))
    found = position(facts, on("04-09"))
    assert (money(found.overdue.principal), money(found.overdue.penalty)) == ("10.00", "0.15")
    assert (found.past_due_days, found.oldest_unpaid_due_on) == (30, on("03-10"))
    assert money(found.outstanding_principal) == "10.00"


def test_a_tolerated_rest_keeps_the_loan_from_being_settled() -> None:
    facts = one(repayments=(paid("2990.00", "03-10"),))
    assert position(facts, on("03-10")).status == "current"
    assert position(replace(facts, repayments=(paid("3000.00", "03-10"),)), on("03-10")).status == "settled"


@pytest.mark.parametrize(("interest", "dpd"), [("4.00", 0), ("4.01", 10)])
def test_principal_and_interest_count_together(interest: str, dpd: int) -> None:
    assert position(loan(due(1, "03-10", "6.00", interest), terms=TEN), on("03-20")).dpd == dpd


def test_each_instalment_is_judged_alone() -> None:
    apart = loan(due(1, "03-10", "10.00"), due(2, "03-11", "10.00"), terms=TEN)
    found = position(apart, on("03-20"))
    assert (found.dpd, money(found.overdue.principal)) == (0, "20.00")
    younger_counts = loan(due(1, "03-10", "10.00"), due(2, "03-15", "10.01"), terms=TEN)
    found = position(younger_counts, on("03-20"))
    assert (found.dpd, found.counted_from_on, found.past_due_days) == (5, on("03-15"), 10)


def test_fees_penalty_and_compound_interest_do_not_count_towards_it() -> None:
    order = (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY, Component.COMPOUND)
    facts = loan(
        due(1, "03-10", "3000.00", "100.00", "40.00"),
        terms=terms(tolerance=cny("10.00"), order=order, compound=True),
        repayments=(paid("3090.00", "04-09"),),
        charges=(Charge("P", ChargeKind.PENALTY, cny("99.00"), on("03-12")),),
    )
    found = position(facts, on("04-10"))
    assert (found.dpd, found.status) == (0, "current")
    parts = [money(part) for part in found.overdue]
    assert parts == ["40.00", "144.00", "1.51", "10.00", "0.00"]


def test_a_chargeback_is_judged_like_an_instalment() -> None:
    for amount, dpd in (("10.00", 0), ("10.01", 5)):
        facts = one(
            repayments=(paid("3000.00", "03-10", "R"),),
            chargebacks=(Chargeback("R", cny(amount), on("03-20")),),
        )
        assert position(facts, on("03-25")).dpd == dpd


def test_money_goes_to_a_tolerated_rest_first() -> None:
    facts = loan(
        due(1, "03-10", "100.00"),
        due(2, "04-10", "100.00"),
        rate="0",
        terms=TEN,
        repayments=(paid("90.00", "03-10"), paid("100.00", "04-10")),
    )
    found = position(facts, on("04-20"))
    assert (found.dpd, found.oldest_unpaid_due_on, money(found.overdue.principal)) == (
        0,
        on("04-10"),
        "10.00",
    )
