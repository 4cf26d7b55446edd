"""Waivers: facts that take off named components from their day on, never more than is owed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domain.book import fold, payments_by
from ledger.domain.breakdown import breakdown
from ledger.domain.facts import Charge, ChargeKind, Instalment, LoanFacts, Reschedule, Waiver
from ledger.domain.position import position
from ledger.domain.transitions import next_transition_on
from ledger.domain.waterfall import Source
from ledger.phrases import Locale
from ledger.sentences import sentences

from .loans import cny, due, loan, money, on, paid, terms
from .reference import Reference
from .strategies import FIRST, HORIZON_DAYS, loans, waivers

asked = st.integers(0, HORIZON_DAYS + 20).map(lambda day: FIRST + timedelta(days=day))
AT = datetime(2026, 4, 1, 4, tzinfo=UTC)


def waived(day: str | None, id: str = "W-1", *, settlement: bool = False, **amounts: str) -> Waiver:
    parts = tuple(
        cny(amounts.get(name, "0")) for name in ("fee", "penalty", "compound", "interest", "principal")
    )
    return Waiver(id, AT, on(day) if day else None, parts, settlement)


def one(*given_up: Waiver, **rest: Any) -> LoanFacts:
    """3,000.00 and 300.00 interest due 03-10: penalty of 1.50 a day, and 0.15 compound."""
    rest.setdefault("terms", terms(compound=True))
    return loan(due(1, "03-10", "3000.00", "300.00"), waivers=given_up, **rest)


def parts(facts: LoanFacts, day: str) -> list[str]:
    """Penalty, compound, interest and principal overdue at the end of a day."""
    due_now = position(facts, on(day)).overdue
    return [money(each) for each in (due_now.penalty, due_now.compound, due_now.interest, due_now.principal)]


def test_each_component_is_taken_off_on_its_day_and_accrual_goes_on() -> None:
    facts = one(waived("03-20", penalty="10.00", compound="1.00", interest="100.00", principal="1000.00"))
    assert parts(facts, "03-19") == ["13.50", "1.35", "300.00", "3000.00"]
    assert parts(facts, "03-20") == ["5.00", "0.50", "200.00", "2000.00"]
    assert parts(facts, "03-21") == ["6.00", "0.60", "200.00", "2000.00"]


@pytest.mark.parametrize(("asked_for", "left"), [("14.99", "0.01"), ("15.00", "0.00"), ("15.01", "0.00")])
def test_never_more_is_taken_off_than_is_owed_that_day(asked_for: str, left: str) -> None:
    facts = one(waived("03-20", penalty=asked_for))
    assert parts(facts, "03-20")[0] == left
    # What was cut is lost: the next day's penalty is owed.
    assert parts(facts, "03-21")[0] == money(cny(left) + cny("1.50"))


def test_money_of_the_same_day_is_put_on_what_is_not_waived() -> None:
    facts = one(waived("03-20", penalty="15.00", compound="1.50"), repayments=(paid("3300.00", "03-20"),))
    assert position(facts, on("03-20")).status == "settled"


@pytest.mark.parametrize("pays", ["0.01", "3299.99", "3316.49", "3316.50"])
def test_what_the_money_of_the_day_pays_is_not_waived_besides(pays: str) -> None:
    """3,316.50 are owed: a waiver of everything takes what is left, and nothing becomes credit."""
    everything = waived("03-20", penalty="99.00", compound="99.00", interest="999.00", principal="9999.00")
    facts = one(everything, repayments=(paid(pays, "03-20"),))
    found = position(facts, on("03-20"))
    assert (found.status, found.overpaid) == ("settled", 0)
    assert money(sum(sum(each.amounts) for each in fold(facts, on("03-20")).waived)) == money(
        cny("3316.50") - cny(pays)
    )


def test_backdated_money_and_its_reversal_change_how_much_is_waived() -> None:
    early = paid("3300.00", "03-10", posted="03-25")
    facts = one(waived("03-20", penalty="15.00"))
    assert position(replace(facts, repayments=(early,)), on("03-25")).status == "settled"
    gone = replace(facts, repayments=(replace(early, reversed_on=on("03-26")),))
    assert parts(gone, "03-26") == parts(facts, "03-26")


def test_one_that_lapsed_is_as_if_never_made() -> None:
    assert parts(one(waived(None)), "03-25") == parts(one(), "03-25")


def test_a_waiver_cures_and_settles_like_money() -> None:
    facts = one(waived("03-20", penalty="15.00", compound="1.50", interest="300.00", principal="3000.00"))
    assert (position(facts, on("03-19")).dpd, position(facts, on("03-20")).status) == (9, "settled")
    assert next_transition_on(facts, on("03-19")) == on("03-20")


def test_only_a_settlement_reaches_what_is_still_to_come_the_last_first() -> None:
    rows = [due(n, f"0{n + 2}-10", "1000.00") for n in (1, 2, 3)]
    plain = loan(*rows, waivers=(waived("03-15", principal="2500.00"),))
    assert position(plain, on("03-15")).outstanding_principal == cny("2000.00")
    offer = loan(*rows, waivers=(waived("03-15", principal="2500.00", settlement=True),))
    assert position(offer, on("03-15")).outstanding_principal == cny("500.00")
    assert money(position(offer, on("04-11")).overdue.principal) == "500.00"
    assert position(offer, on("05-11")).dpd == 31


def test_what_was_waived_stays_waived_under_a_new_schedule() -> None:
    change = Reschedule(on("03-30"), (), (due(11, "05-10", "3000.00", "300.00"),))
    facts = one(waived("03-20", penalty="10.00", compound="1.50", interest="50.00"), reschedules=(change,))
    # 20 days: 30.00 and 1.50 + 1.25 accrued, of which 11.50 are waived; the interest is taken off the new schedule.
    assert parts(facts, "03-31")[0] == "21.25"
    assert parts(facts, "05-11")[2:] == ["250.00", "3000.00"]


def test_charges_are_waived_by_their_kind() -> None:
    facts = one(
        waived("03-20", fee="5.00", penalty="12.00"),
        charges=(
            Charge("C1", ChargeKind.FEE, cny("8.00"), on("03-01")),
            Charge("C2", ChargeKind.PENALTY, cny("7.00"), on("03-02")),
        ),
    )
    found = position(facts, on("03-20")).overdue
    assert (money(found.fee), money(found.penalty)) == ("3.00", "10.00")


def test_the_breakdown_shows_the_line_in_both_languages() -> None:
    facts = one(waived("03-20", penalty="10.00", interest="100.00"))
    found = breakdown(facts, on("03-20"))
    [item] = found.items
    assert [(each.waiver_id, each.component, each.amount) for each in item.waived] == [
        ("W-1", "penalty", 1_000),
        ("W-1", "interest", 10_000),
    ]
    english, chinese = "\n".join(sentences(found, Locale.EN)), "\n".join(sentences(found, Locale.ZH_CN))
    assert "waived on 2026-03-20 (W-1): penalty 10.00, interest 100.00." in english
    assert "2026-03-20减免（W-1）：罚息10.00、利息100.00。" in chinese


@st.composite
def waiving(draw: st.DrawFn) -> LoanFacts:
    """A loan of any kind, and always something waived; half of them rescheduled after."""
    facts = replace(draw(loans()), waivers=draw(waivers.filter(bool)))
    if draw(st.booleans()):
        day = FIRST + timedelta(days=draw(st.integers(20, 80)))
        again = Reschedule(day, (1, 2), (due(31, str(day + timedelta(days=9)), "20.00", "2.00"),))
        facts = replace(facts, reschedules=(again,))
    return facts


@settings(max_examples=150)
@given(waiving(), asked)
def test_the_position_is_that_of_the_day_by_day_walk(facts: LoanFacts, as_of: date) -> None:
    found = position(facts, as_of)
    expected = Reference(facts, as_of).position()
    assert {name: getattr(found, name) for name in expected} == expected


@settings(max_examples=150)
@given(waiving(), asked)
def test_waived_and_paid_and_owed_are_all_that_was_due(facts: LoanFacts, as_of: date) -> None:
    book = fold(facts, as_of, whole=True)
    received = sum(amount for _, amount in payments_by(facts, as_of))
    received += sum(part.principal + part.interest + part.fee for part in facts.paid_before)
    came_due = sum(item.penalty_posted + item.compound_posted + stated_of(item.source) for item in book.items)
    given_up = sum(sum(each.amounts) for each in book.waived)
    owed = sum(sum(item.rests) for item in book.items)
    assert given_up + received - book.credit + owed == came_due
    assert all(rest >= 0 for item in book.items for rest in item.rests)
    shown = sum(each.amount for item in breakdown(facts, as_of).items for each in item.waived)
    assert shown == given_up


@settings(max_examples=100)
@given(waiving(), asked, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(facts: LoanFacts, as_of: date, random: Random) -> None:
    shuffled = replace(
        facts,
        waivers=tuple(random.sample(facts.waivers, len(facts.waivers))),
        repayments=tuple(random.sample(facts.repayments, len(facts.repayments))),
    )
    assert position(shuffled, as_of) == position(facts, as_of)


def stated_of(source: Source) -> int:
    if isinstance(source, Instalment):
        return source.principal + source.interest + source.fee
    return source.amount
