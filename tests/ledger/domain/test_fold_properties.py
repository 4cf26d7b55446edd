"""Properties over random facts: the same answer as a day-by-day walk, whatever the order; no money lost."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domain.book import fold, payments_by
from ledger.domain.facts import Instalment, LoanFacts
from ledger.domain.position import lines, position
from ledger.domain.waterfall import Source

from .reference import Reference
from .strategies import FIRST, HORIZON_DAYS, loans

asked = st.integers(0, HORIZON_DAYS + 20).map(lambda day: FIRST + timedelta(days=day))


@given(loans(), asked)
def test_position_equals_the_day_by_day_walk(facts: LoanFacts, as_of: date) -> None:
    found = position(facts, as_of)
    expected = Reference(facts, as_of).position()
    assert {name: getattr(found, name) for name in expected} == expected


@given(loans(), asked, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(facts: LoanFacts, as_of: date, random: Random) -> None:
    kinds = (
        "schedule", "repayments", "charges", "chargebacks", "pauses", "resumed_on", "freezes",
        "rate_changes", "reschedules", "waivers",
    )  # fmt: skip
    shuffled: dict[str, Any] = {}
    for kind in kinds:
        found = list(getattr(facts, kind))
        random.shuffle(found)
        shuffled[kind] = tuple(found)
    assert position(replace(facts, **shuffled), as_of) == position(facts, as_of)


def _amount(source: Source) -> int:
    if isinstance(source, Instalment):
        return source.principal + source.interest + source.fee
    return source.amount


@given(loans(), asked)
def test_money_is_conserved(facts: LoanFacts, as_of: date) -> None:
    book = fold(facts, as_of, whole=True)
    received = sum(amount for _, amount in payments_by(facts, as_of))
    received += sum(part.principal + part.interest + part.fee for part in facts.paid_before)
    owed = sum(item.penalty_posted + item.compound_posted for item in book.items)
    for item in book.items:
        owed += _amount(item.source)
    unpaid = sum(sum(item.rests) for item in book.items)
    waived = sum(sum(each.amounts) for each in book.waived)
    assert received + waived == owed - unpaid + book.credit
    assert all(rest >= 0 for item in book.items for rest in item.rests)
    assert book.credit >= 0


@given(loans(), asked)
def test_lines_sum_to_the_position(facts: LoanFacts, as_of: date) -> None:
    found, parts = position(facts, as_of), lines(facts, as_of)
    past = [line.unpaid for line in parts if line.due_on < as_of]
    assert tuple(sum(amounts) for amounts in zip(*past, (0,) * 5, strict=True)) == found.overdue
    assert sum(line.unpaid.principal for line in parts) == found.outstanding_principal
