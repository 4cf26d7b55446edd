"""The breakdown adds up to the position to the cent, and says how each figure came about."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domain.accrual import rounded
from ledger.domain.book import counting_money
from ledger.domain.breakdown import Allocation, Breakdown, ItemBreakdown, Use, breakdown
from ledger.domain.facts import (
    Chargeback,
    Closure,
    ClosureReason,
    Component,
    GraceRule,
    LoanFacts,
    Overpayment,
    PaidPart,
    Pause,
    RateChange,
    Reschedule,
    Shape,
)
from ledger.domain.position import position
from ledger.domain.waterfall import CarriedPenalty

from .loans import cny, due, loan, money, on, paid, terms
from .strategies import FIRST, HORIZON_DAYS, loans

asked = st.integers(0, HORIZON_DAYS + 20).map(lambda day: FIRST + timedelta(days=day))


def _adds_up(item: ItemBreakdown) -> None:
    """stated + accrued - allocated - waived = unpaid, and what accrued is the exact sum rounded once."""
    for component, stated, unpaid in zip(Component, item.stated, item.unpaid, strict=True):
        accrued = {Component.PENALTY: item.penalty, Component.COMPOUND: item.compound}.get(component, 0)
        allocated = sum(each.amount for each in item.allocations if each.component is component)
        waived = sum(each.amount for each in item.waived if each.component is component)
        assert stated + accrued - allocated - waived == unpaid
        exact = item.exact(component)
        assert rounded(exact.numerator, exact.denominator) == accrued


@given(loans(), asked)
def test_the_breakdown_adds_up_to_the_position(facts: LoanFacts, as_of: date) -> None:
    found = breakdown(facts, as_of)
    assert found.position == position(facts, as_of)
    overdue = [item.unpaid for item in found.items if item.due_on < as_of]
    assert tuple(sum(amounts) for amounts in zip(*overdue, (0,) * 5, strict=True)) == found.position.overdue
    for item in found.items:
        _adds_up(item)
    for closed in found.closed:
        for item in closed.items:
            _adds_up(item)
    carried = [item.stated.penalty for item in found.items if isinstance(item.source, CarriedPenalty)]
    assert carried == [closed.carried for closed in found.closed if closed.carried]


@given(loans(), asked)
def test_every_cent_received_is_named_once(facts: LoanFacts, as_of: date) -> None:
    found = breakdown(facts, as_of)
    received = {each.id: each.amount for each in counting_money(facts, as_of)}
    used = dict.fromkeys(received, 0)
    allocations = [each for item in found.items for each in item.allocations]
    for each in allocations:
        if each.repayment_id is not None:
            used[each.repayment_id] += each.amount
    assert all(used[id] <= received[id] for id in received)
    cut_over = sum(part.principal + part.interest + part.fee for part in facts.paid_before)
    from_before = sum(each.amount for each in allocations if each.repayment_id is None)
    left = sum(received.values()) - sum(used.values()) + cut_over - from_before
    # What a loan had paid at the cut-over on instalments still to come is not shown with what is due.
    assert left == found.position.overpaid or (facts.paid_before and left > found.position.overpaid)


@given(loans(), asked)
def test_intervals_follow_on_each_other_and_cover_the_late_days(facts: LoanFacts, as_of: date) -> None:
    for item in breakdown(facts, as_of).items:
        for component in (Component.PENALTY, Component.COMPOUND):
            lines = [each for each in item.accruals if each.component is component]
            for before, after in pairwise(lines):
                assert before.to_on <= after.from_on
            for each in lines:
                assert item.effective_due_on <= each.from_on < each.to_on <= as_of
                assert each.days + each.paused_days + each.frozen_days == (each.to_on - each.from_on).days
                assert each.rate.yearly == min(each.rate.uncapped, facts.terms.penalty.all_in_cap or 9)


def _lines(item: ItemBreakdown) -> list[tuple[str, str, str, str, int, Decimal, Fraction]]:
    return [
        (
            str(each.component),
            f"{each.from_on:%m-%d}",
            f"{each.to_on:%m-%d}",
            money(each.amount),
            each.days,
            each.rate.yearly,
            each.exact,
        )
        for each in item.accruals
    ]


def _money(item: ItemBreakdown) -> list[tuple[str | None, Use, str, str]]:
    return [
        (each.repayment_id, each.use, str(each.component), money(each.amount)) for each in item.allocations
    ]


def test_a_part_payment_splits_the_interval() -> None:
    facts = loan(
        due(1, "03-01", "2950.00", "250.00"),
        rate="0.144",
        terms=terms(compound=True),
        repayments=(paid("1000.00", "03-11", "R-1"),),
    )
    [item] = breakdown(facts, on("04-01")).items
    rate = Decimal("0.216")
    assert _lines(item) == [
        ("penalty", "03-01", "03-11", "2950.00", 10, rate, Fraction(1770)),
        ("penalty", "03-11", "04-01", "2219.20", 21, rate, Fraction(2796192, 1000)),
        ("compound", "03-01", "03-11", "250.00", 10, rate, Fraction(150)),
    ]
    assert _money(item) == [
        ("R-1", Use.RECEIVED, "penalty", "17.70"),
        ("R-1", Use.RECEIVED, "compound", "1.50"),
        ("R-1", Use.RECEIVED, "interest", "250.00"),
        ("R-1", Use.RECEIVED, "principal", "730.80"),
    ]
    assert (item.counted_days, money(item.penalty), money(item.unpaid.total)) == (31, "45.66", "2247.16")


def test_money_that_leaves_the_amount_alone_splits_nothing() -> None:
    facts = loan(due(1, "03-01", "1000.00", fee="20.00"), repayments=(paid("5.00", "03-11"),))
    [item] = breakdown(facts, on("04-01")).items
    assert [(line[1], line[2]) for line in _lines(item)] == [("03-01", "04-01")]


def test_rate_changes_split_and_the_cap_is_told() -> None:
    facts = loan(
        due(1, "03-01", "3600.00"),
        terms=terms(cap="0.24"),
        rate_changes=(RateChange(on("03-11"), Decimal("0.18")), RateChange(on("03-21"), Decimal("0.16"))),
    )
    [item] = breakdown(facts, on("03-31")).items
    told = [(each.rate.yearly, each.rate.uncapped, each.rate.capped) for each in item.accruals]
    assert told == [
        (Decimal("0.18"), Decimal("0.18"), False),
        (Decimal("0.24"), Decimal("0.27"), True),
        (Decimal("0.24"), Decimal("0.24"), False),
    ]
    assert [each.exact for each in item.accruals] == [1800, 2400, 2400]


def test_paused_and_frozen_days_are_left_out_and_counted_apart() -> None:
    facts = loan(
        due(1, "03-01", "1000.00"),
        pauses=(Pause(on("03-05"), on("03-10")),),
        freezes=(Pause(on("03-08"), on("03-15")),),
    )
    [item] = breakdown(facts, on("03-31")).items
    [line] = item.accruals
    assert (line.days, line.paused_days, line.frozen_days) == (20, 5, 5)
    assert item.counted_days == 25


def test_grace_is_in_the_interval_or_before_it() -> None:
    found = []
    for rule in GraceRule:
        facts = loan(due(1, "03-01", "1000.00"), terms=terms(grace_days=3, grace_rule=rule))
        [inside] = breakdown(facts, on("03-04")).items
        [late] = breakdown(facts, on("03-05")).items
        assert (inside.accruals, inside.late_on) == ((), on("03-05"))
        found.append((late.accruals[0].from_on, late.accruals[0].days))
    assert found == [(on("03-01"), 4), (on("03-04"), 1)]


def test_a_pause_without_end_inside_grace_leaves_no_first_late_day() -> None:
    facts = loan(due(1, "03-01", "1000.00"), terms=terms(grace_days=3), pauses=(Pause(on("03-02")),))
    assert breakdown(facts, on("05-01")).items[0].late_on is None


def test_money_kept_as_credit_is_named_as_such_later() -> None:
    facts = loan(
        due(1, "03-10", "100.00"),
        due(2, "04-10", "100.00"),
        repayments=(paid("70.00", "03-01", "R-1"), paid("80.00", "03-10", "R-2")),
    )
    first, second = breakdown(facts, on("04-10")).items
    # Credit is applied at the start of the due day, before the money of that day.
    assert _money(first) == [
        ("R-1", Use.CREDIT, "principal", "70.00"),
        ("R-2", Use.RECEIVED, "principal", "30.00"),
    ]
    assert _money(second) == [("R-2", Use.CREDIT, "principal", "50.00")]
    assert second.allocations[0].value_date == on("03-10")
    assert second.allocations[0].applied_on == on("04-10")


def test_prepaid_instalments_are_shown_before_they_are_due() -> None:
    facts = loan(
        *(due(seq, f"{seq + 2:02}-10", "100.00") for seq in (1, 2, 3)),
        terms=terms(overpayment=Overpayment.PREPAY),
        repayments=(paid("150.00", "03-10", "R-1"),),
    )
    shown = breakdown(facts, on("03-10")).items
    assert [money(item.unpaid.principal) for item in shown] == ["0.00", "50.00"]


def test_vertical_money_is_named_item_by_item() -> None:
    facts = loan(
        due(1, "10-10", "900.00", "100.00", "20.00"),
        due(2, "11-10", "910.00", "90.00"),
        terms=terms(compound=True, shape=Shape.VERTICAL),
        repayments=(paid("1040.50", "11-20", "R-1"),),
    )
    october, november = breakdown(facts, on("11-20")).items
    assert [amount for *_, amount in _money(october)] == ["20.00", "18.45", "2.05", "100.00", "805.00"]
    assert [amount for *_, amount in _money(november)] == ["4.55", "0.45", "90.00"]


def rescheduled() -> LoanFacts:
    return loan(
        *(due(seq, f"{seq + 2:02}-10", "1000.00") for seq in (1, 2, 3)),
        repayments=(paid("505.00", "03-20", "R-1"), paid("100.00", "04-05", "R-2")),
        reschedules=(Reschedule(on("04-01"), (1,), (due(4, "06-10", "2000.00"),)),),
    )


def test_a_reschedule_shows_what_accrued_under_the_schedule_before() -> None:
    found = breakdown(rescheduled(), on("04-05"))
    [closed] = found.closed
    assert (closed.until_on, money(closed.carried)) == (on("04-01"), "8.00")
    [old] = closed.items
    assert [(line[1], line[2], line[3], line[6]) for line in _lines(old)] == [
        ("03-10", "03-20", "1000.00", Fraction(500)),
        ("03-20", "04-01", "500.00", Fraction(300)),
    ]
    assert _money(old) == [
        ("R-1", Use.RECEIVED, "penalty", "5.00"),
        ("R-1", Use.RECEIVED, "principal", "500.00"),
    ]
    kept, carried = found.items
    assert _money(kept)[0] == ("R-1", Use.ANEW, "principal", "505.00")
    assert [(each.use, each.repayment_id) for each in kept.allocations[1:]] == [(Use.RECEIVED, "R-2")] * 2
    assert (carried.stated.penalty, carried.due_on) == (closed.carried, on("04-01"))


def test_what_was_paid_at_the_cut_over_is_named_so() -> None:
    facts = loan(
        due(1, "03-10", "100.00", "10.00"),
        due(2, "04-10", "100.00"),
        paid_before=(PaidPart(1, principal=cny("40.00"), interest=cny("10.00")),),
    )
    [item] = breakdown(facts, on("03-10")).items
    assert item.allocations == (
        Allocation(None, None, None, Use.TAKEN_OVER, Component.INTEREST, cny("10.00")),
        Allocation(None, None, None, Use.TAKEN_OVER, Component.PRINCIPAL, cny("40.00")),
    )
    changed = replace(facts, reschedules=(Reschedule(on("03-20"), (1, 2), ()),))
    kept, *_ = breakdown(changed, on("03-20")).items
    assert {(each.repayment_id, each.use) for each in kept.allocations} == {(None, Use.ANEW)}
    assert sum(each.amount for each in kept.allocations) == cny("50.00")


def test_a_chargeback_is_an_item_and_a_reversal_no_money() -> None:
    facts = loan(
        due(1, "03-10", "100.00"),
        repayments=(paid("100.00", "03-10", "R-1"), paid("9.00", "03-10", "R-2", reversed_on="03-12")),
        chargebacks=(Chargeback("R-1", cny("100.00"), on("03-15")),),
    )
    settled, back = breakdown(facts, on("03-20")).items
    assert _money(settled) == [("R-1", Use.RECEIVED, "principal", "100.00")]
    assert (back.due_on, money(back.unpaid.total)) == (on("03-15"), "100.25")


def _owed(found: Breakdown) -> tuple[int, int]:
    return len(found.items), found.position.overdue.total


def test_nothing_is_broken_down_of_a_loan_that_is_sold_and_all_of_one_written_off() -> None:
    facts = loan(due(1, "03-10", "100.00"))
    sold = replace(facts, closures=(Closure(on("03-20"), ClosureReason.SOLD),))
    gone = replace(facts, closures=(Closure(on("03-20"), ClosureReason.WRITTEN_OFF),))
    assert _owed(breakdown(sold, on("03-20"))) == (0, 0)
    assert _owed(breakdown(gone, on("03-20"))) == (1, cny("100.50"))
