"""The breakdown as data: exact decimal strings that a program can add up."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from ledger.domain.breakdown import breakdown
from ledger.domain.facts import PaidPart, Reschedule
from ledger.itemised import exact_amount, itemised
from tests.ledger.domain.loans import cny, due, loan, on, paid, terms


def figures(facts: Any, day: str) -> Any:
    """As it travels."""
    return msgspec.json.decode(msgspec.json.encode(itemised(breakdown(facts, on(day)))))


def test_a_part_payment_as_data() -> None:
    facts = loan(
        due(1, "03-01", "2950.00", "250.00"),
        rate="0.144",
        terms=terms(compound=True, cap="0.2"),
        repayments=(paid("1000.00", "03-11", "R-1"),),
    )
    found = figures(facts, "03-11")
    assert (found["dpd"], found["as_of"], found["overdue"]["total"]) == (10, "2026-03-11", "2217.78")
    [item] = found["items"]
    assert item["accruals"][0] == {
        "component": "penalty",
        "from_on": "2026-03-01",
        "to_on": "2026-03-11",
        "amount": "2950.00",
        "rate": {
            "yearly": "0.2",
            "loan_rate": "0.144",
            "multiplier": "1.5",
            "uncapped": "0.216",
            "capped": True,
        },
        "days": 10,
        "paused_days": 0,
        "frozen_days": 0,
        "day_count": 360,
        "exact": "16.388889",
    }
    assert item["accrued"] == [
        {"component": "penalty", "exact": "16.388889", "rounded": "16.39", "rounding": "0.001111"},
        {"component": "compound", "exact": "1.388889", "rounded": "1.39", "rounding": "0.001111"},
    ]
    assert item["allocations"][0] == {
        "repayment_id": "R-1",
        "value_date": "2026-03-11",
        "applied_on": "2026-03-11",
        "use": "received",
        "component": "penalty",
        "amount": "16.39",
    }
    assert (item["kind"], item["id"], item["unpaid"]["principal"]) == ("instalment", "1", "2217.78")


def test_a_reschedule_as_data() -> None:
    facts = loan(
        due(1, "03-10", "1000.00"),
        paid_before=(PaidPart(1, principal=cny("100.00")),),
        reschedules=(Reschedule(on("03-20"), (1,), ()),),
    )
    found = figures(facts, "03-20")
    [closed] = found["closed_books"]
    assert (closed["until_on"], closed["carried"]) == ("2026-03-20", "4.50")
    assert closed["items"][0]["accrued"][0]["exact"] == "4.50"
    assert [(item["kind"], item["id"]) for item in found["items"]] == [
        ("instalment", "1"),
        ("carried_penalty", None),
    ]
    assert found["items"][0]["allocations"][0]["use"] == "anew"


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (Fraction(1845), "CNY", "18.45"),
        (Fraction(27776, 10), "CNY", "27.776"),
        (Fraction(100, 3), "CNY", "0.333333"),
        (Fraction(-1, 3), "CNY", "-0.003333"),
        (Fraction(-1, 10**9), "CNY", "0.00"),
        (Fraction(10**12), "CNY", "10000000000.00"),
        (Fraction(1, 2), "JPY", "0.5"),
        (Fraction(100), "JPY", "100"),
        (Fraction(1500), "KWD", "1.500"),
    ],
)
def test_exact_amounts_have_six_decimals_at_most(minor: Fraction, currency: str, shown: str) -> None:
    assert exact_amount(minor, currency) == shown
