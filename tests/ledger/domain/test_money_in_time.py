"""When money counts: value dates, late postings, reversals, chargebacks, and the order of one day."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.book import counting_money
from ledger.domain.breakdown import breakdown
from ledger.domain.facts import Chargeback, LoanFacts, Repayment
from ledger.domain.position import position

from .loans import cny, due, loan, money, on, paid, penalty


def one(*money_in: Repayment, **rest: Any) -> LoanFacts:
    """One instalment due 03-10 that bears 1.50 a day."""
    return loan(due(1, "03-10", "3000.00"), repayments=money_in, **rest)


def dpds(facts: LoanFacts, *days: str) -> list[int]:
    return [position(facts, on(day)).dpd for day in days]


def test_money_counts_from_its_value_date_whenever_it_was_posted() -> None:
    for posted in ("03-10", "03-15", "03-20"):
        facts = one(paid("3000.00", "03-15", posted=posted))
        assert dpds(facts, "03-14", "03-15", "03-16") == [4, 5, 6]
        assert money(position(facts, on("03-15")).overdue.principal) == "7.50"


@pytest.mark.parametrize(("value_date", "status", "total"), [
    ("03-01", "settled", "0.00"),
    ("03-09", "settled", "0.00"),
    ("03-10", "settled", "0.00"),  # on the due date: on time
    ("03-11", "overdue", "1.51"),  # 1.50 of the principal stays and bears on
    ("03-20", "overdue", "15.00"),  # on the day asked about
    ("03-21", "overdue", "3015.00"),  # after it
])  # fmt: skip
def test_value_dates_around_the_due_date_and_the_day_asked_about(
    value_date: str, status: str, total: str
) -> None:
    found = position(one(paid("3000.00", value_date, posted="04-01")), on("03-20"))
    assert found.status == status
    assert money(found.overdue.total) == total


@pytest.mark.parametrize(("reversed_on", "status", "dpd"), [
    ("03-19", "overdue", 10),
    ("03-20", "overdue", 10),  # on the day asked about: as if never made
    ("03-21", "settled", 0),
])  # fmt: skip
def test_a_reversal_before_on_and_after_the_day_asked_about(reversed_on: str, status: str, dpd: int) -> None:
    found = position(one(paid("3000.00", "03-10", reversed_on=reversed_on)), on("03-20"))
    assert (found.status, found.dpd) == (status, dpd)
    if dpd:
        assert found == position(one(), on("03-20"))


def test_money_reversed_on_its_own_value_date_or_before_never_counts() -> None:
    for reversed_on in ("03-10", "03-05"):
        facts = one(paid("3000.00", "03-10", reversed_on=reversed_on))
        assert dpds(facts, "03-10", "03-11", "03-20") == [0, 1, 10]


def test_a_reversal_takes_back_what_the_money_had_paid_of_later_instalments_and_penalty() -> None:
    rows = (due(1, "03-10", "1000.00"), due(2, "04-10", "1000.00"))
    money_in = (paid("1005.00", "03-20", "A", reversed_on="04-20"), paid("1000.00", "04-10", "B"))
    facts = loan(*rows, repayments=money_in)
    assert position(facts, on("04-19")).status == "settled"
    back = position(facts, on("04-20"))
    # Without A, B had gone to March: 15.50 of penalty and 984.50 of principal.
    assert back == position(loan(*rows, repayments=money_in[1:]), on("04-20"))
    assert (back.dpd, money(back.overdue.principal)) == (41, "1015.50")


def test_a_settled_loan_whose_money_bounces_is_overdue_again_and_settles_again() -> None:
    facts = one(paid("3000.00", "03-10", reversed_on="03-15"), paid("3030.00", "03-25"))
    statuses = [position(facts, on(day)).status for day in ("03-14", "03-15", "03-24", "03-25")]
    assert statuses == ["settled", "overdue", "overdue", "settled"]
    assert money(position(facts, on("03-25")).overpaid) == "7.50"


@pytest.mark.parametrize(("as_of", "dpd", "status"), [
    ("03-19", 0, "settled"),
    ("03-20", 0, "current"),  # on its day it is owed, and due today
    ("03-21", 1, "overdue"),
])  # fmt: skip
def test_a_chargeback_before_on_and_after_its_day(as_of: str, dpd: int, status: str) -> None:
    facts = one(paid("3000.00", "03-10", "R"), chargebacks=(Chargeback("R", cny("3000.00"), on("03-20")),))
    found = position(facts, on(as_of))
    assert (found.dpd, found.status) == (dpd, status)
    assert money(found.outstanding_principal) == ("0.00" if as_of == "03-19" else "3000.00")


def test_a_chargeback_is_paid_by_credit_or_by_money_of_its_day() -> None:
    back = (Chargeback("R", cny("100.00"), on("03-20")),)
    for money_in in (
        (paid("3100.00", "03-10", "R"),),  # credit waits for it
        (paid("3000.00", "03-10", "R"), paid("100.00", "03-20")),
    ):
        assert position(one(*money_in, chargebacks=back), on("03-21")).status == "settled"
    day_late = one(paid("3000.00", "03-10", "R"), paid("100.00", "03-21"), chargebacks=back)
    assert (position(day_late, on("03-21")).dpd, money(position(day_late, on("03-21")).overdue.total)) == (
        1,
        "0.05",
    )


def test_a_part_charged_back_ages_from_its_day_while_older_debt_ages_on() -> None:
    facts = one(paid("1000.00", "03-10", "R"), chargebacks=(Chargeback("R", cny("400.00"), on("03-20")),))
    found = position(facts, on("03-25"))
    assert (found.dpd, money(found.overdue.principal)) == (15, "2400.00")
    assert penalty(facts, "03-25") == "16.00"  # 15 days on 2,000.00 and 5 on 400.00


def at(hour: int, id: str, amount: str) -> Repayment:
    """Money of 03-20, posted that hour."""
    return Repayment(id, cny(amount), on("03-20"), datetime(2026, 3, 20, hour, tzinfo=UTC))


def test_money_of_one_day_goes_by_value_date_then_posting_then_id() -> None:
    earlier_value = replace(at(9, "Z", "4.00"), value_date=on("03-19"))
    expected = [earlier_value, at(1, "C", "3.00"), at(2, "A", "2.00"), at(2, "B", "1.00")]
    for arrived in permutations(expected):
        facts = one(*arrived)
        assert counting_money(facts, on("03-20")) == expected


def test_the_first_money_of_a_day_pays_the_penalty() -> None:
    facts = one(at(2, "B", "20.00"), at(1, "A", "12.00"))
    (item,) = breakdown(facts, on("03-20")).items
    used = [(each.repayment_id, each.component.value, money(each.amount)) for each in item.allocations]
    assert used == [
        ("A", "penalty", "12.00"),
        ("B", "penalty", "3.00"),
        ("B", "principal", "17.00"),
    ]  # fmt: skip


def test_instants_of_posting_are_compared_whatever_their_offset() -> None:
    later = Repayment("A", cny("1.00"), on("03-20"), datetime.fromisoformat("2026-03-20T09:00:00+08:00"))
    earlier = Repayment("B", cny("1.00"), on("03-20"), datetime.fromisoformat("2026-03-20T00:59:59+00:00"))
    assert counting_money(one(later, earlier), on("03-20")) == [earlier, later]


def test_back_dated_money_gives_what_money_in_time_would_have_given() -> None:
    rows = (due(1, "03-10", "900.00", "100.00", "20.00"), due(2, "04-10", "910.00", "90.00"))
    in_time = loan(*rows, repayments=(paid("500.00", "03-12"), paid("600.00", "03-25")))
    late = replace(
        in_time, repayments=(paid("600.00", "03-25"), paid("500.00", "03-12", "03-12:500.00", posted="05-01"))
    )
    assert position(late, on("05-10")) == position(in_time, on("05-10"))
