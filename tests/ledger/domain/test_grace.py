"""Grace on both sides of its last day: no days and no penalty inside it, and what each rule counts after it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.facts import Charge, ChargeKind, Closure, ClosureReason, GraceRule, LoanFacts, Pause
from ledger.domain.position import position

from .loans import cny, due, loan, money, on, paid, penalty, terms

THREE = terms(grace_days=3)
THREE_AFTER = terms(grace_days=3, grace_rule=GraceRule.AFTER_GRACE)


def one(**rest: Any) -> LoanFacts:
    """One instalment due 03-10 that bears 1.50 a day; with three days of grace 03-13 is the last of them."""
    return loan(due(1, "03-10", "3000.00"), **{"terms": THREE, **rest})


def dpds(facts: LoanFacts, *days: str) -> list[int]:
    return [position(facts, on(day)).dpd for day in days]


def in_grace(facts: LoanFacts, *days: str) -> list[bool]:
    return [position(facts, on(day)).in_grace for day in days]


@pytest.mark.parametrize(("rule", "expected"), [
    (GraceRule.FROM_DUE, [0, 0, 0, 0, 4, 5]),
    (GraceRule.AFTER_GRACE, [0, 0, 0, 0, 1, 2]),
])  # fmt: skip
def test_the_day_after_grace_by_either_rule(rule: GraceRule, expected: list[int]) -> None:
    facts = one(terms=terms(grace_days=3, grace_rule=rule))
    days = ["03-10", "03-11", "03-12", "03-13", "03-14", "03-15"]
    assert dpds(facts, *days) == expected
    assert in_grace(facts, *days) == [False, True, True, True, False, False]
    inside = position(facts, on("03-13"))
    assert (inside.status, money(inside.overdue.total), inside.past_due_days) == ("current", "3000.00", 3)
    late = position(facts, on("03-15"))
    assert (late.status, late.past_due_days) == ("overdue", 5)
    assert late.dpd_zero_on == on("03-10" if rule is GraceRule.FROM_DUE else "03-13")


def test_a_single_day_of_grace_and_none() -> None:
    assert dpds(one(terms=terms(grace_days=1)), "03-11", "03-12") == [0, 2]
    assert dpds(one(terms=terms(grace_days=1, grace_rule=GraceRule.AFTER_GRACE)), "03-11", "03-12") == [0, 1]
    assert in_grace(one(terms=terms(grace_days=1)), "03-10", "03-11", "03-12") == [False, True, False]
    for rule in GraceRule:
        none = one(terms=terms(grace_days=0, grace_rule=rule))
        assert dpds(none, "03-10", "03-11") == [0, 1]
        assert in_grace(none, "03-10", "03-11") == [False, False]


@pytest.mark.parametrize(("rule", "on_fourth", "on_fifth"), [
    (GraceRule.FROM_DUE, "6.00", "7.50"),
    (GraceRule.AFTER_GRACE, "1.50", "3.00"),
])  # fmt: skip
def test_no_penalty_inside_grace_and_from_the_rules_day_after(
    rule: GraceRule, on_fourth: str, on_fifth: str
) -> None:
    facts = one(terms=terms(grace_days=3, grace_rule=rule))
    assert [penalty(facts, day) for day in ("03-13", "03-14", "03-15")] == ["0.00", on_fourth, on_fifth]


def test_compound_interest_follows_the_same_count() -> None:
    for rule, compound in ((GraceRule.FROM_DUE, "0.40"), (GraceRule.AFTER_GRACE, "0.10")):
        held = terms(grace_days=3, grace_rule=rule, compound=True)
        facts = loan(due(1, "03-10", "3000.00", "200.00"), terms=held)
        found = [money(position(facts, on(day)).overdue.compound) for day in ("03-13", "03-14")]
        assert found == ["0.00", compound]


@pytest.mark.parametrize(("held", "dpd", "bears"), [(THREE, 4, "6.00"), (THREE_AFTER, 1, "1.50")])
def test_all_of_it_paid_on_the_last_day_of_grace_and_on_the_day_after(
    held: Any, dpd: int, bears: str
) -> None:
    in_time = one(terms=held, repayments=(paid("3000.00", "03-13"),))
    for day in ("03-13", "03-14", "04-30"):
        found = position(in_time, on(day))
        assert (found.status, found.dpd, found.overdue.total, found.in_grace) == ("settled", 0, 0, False)
    # A day later the penalty goes first, and as much of the principal stays.
    late = position(one(terms=held, repayments=(paid("3000.00", "03-14"),)), on("03-14"))
    assert (late.dpd, late.overdue.penalty, money(late.overdue.principal)) == (dpd, 0, bears)


@pytest.mark.parametrize(("rule", "bears"), [(GraceRule.FROM_DUE, "4.00"), (GraceRule.AFTER_GRACE, "1.00")])
def test_a_part_paid_inside_grace_bears_no_penalty_and_the_rest_bears_it(rule: GraceRule, bears: str) -> None:
    held = terms(grace_days=3, grace_rule=rule)
    facts = one(terms=held, repayments=(paid("1000.00", "03-13"),))
    assert [penalty(facts, day) for day in ("03-13", "03-14")] == ["0.00", bears]
    assert money(position(facts, on("03-14")).overdue.principal) == "2000.00"
    twice = one(terms=held, repayments=(paid("400.00", "03-11"), paid("600.00", "03-12")))
    assert penalty(twice, "03-14") == bears


def test_a_part_paid_the_day_after_grace_bore_penalty_for_all_its_days() -> None:
    facts = one(repayments=(paid("1006.00", "03-14"),))
    assert position(facts, on("03-14")).overdue == (0, 0, 0, 0, cny("2000.00"))
    assert penalty(facts, "03-15") == "1.00"


def test_money_posted_after_grace_with_a_value_date_inside_takes_days_and_penalty_back() -> None:
    assert (dpds(one(), "03-20"), penalty(one(), "03-20")) == ([10], "15.00")
    facts = one(repayments=(paid("3000.00", "03-13", posted="03-20"),))
    found = position(facts, on("03-20"))
    assert (found.dpd, found.overdue.total, found.status) == (0, 0, "settled")


def test_each_instalment_has_a_grace_of_its_own() -> None:
    facts = loan(due(1, "03-10", "10.00"), due(2, "03-20", "10.00"), terms=THREE)
    older_late = position(facts, on("03-21"))
    assert (older_late.dpd, older_late.in_grace) == (11, False)
    older_settled = replace(facts, repayments=(paid("10.06", "03-21"),))
    assert (dpds(older_settled, "03-21", "03-23", "03-24"), in_grace(older_settled, "03-21", "03-23")) == (
        [0, 0, 4],
        [True, True],
    )


def test_what_grace_does_not_keep_from_days_is_not_in_grace() -> None:
    fee = Charge("F", ChargeKind.FEE, cny("5.00"), on("03-11"))
    fee_alone = one(repayments=(paid("3000.00", "03-10"),), charges=(fee,))
    assert in_grace(fee_alone, "03-12") == [False]
    assert position(fee_alone, on("03-12")).past_due_days == 1
    small = one(terms=terms(grace_days=3, tolerance=cny("10.00")), repayments=(paid("2990.00", "03-10"),))
    assert in_grace(small, "03-11") == [False]
    cent_more = replace(small, repayments=(paid("2989.99", "03-10"),))
    assert in_grace(cent_more, "03-11") == [True]
    interest_only = loan(due(1, "03-10", "0", "50.00"), terms=THREE)
    assert in_grace(interest_only, "03-11") == [True]
    for reason, expected in ((ClosureReason.SETTLED, False), (ClosureReason.WRITTEN_OFF, True)):
        closed = one(closures=(Closure(on("03-11"), reason),))
        assert in_grace(closed, "03-11") == [expected]


def test_a_pause_that_touches_the_grace_lengthens_it() -> None:
    facts = one(pauses=(Pause(on("03-12"), on("03-14")),))
    assert dpds(facts, "03-14", "03-15", "03-16", "03-17") == [0, 0, 4, 5]
    assert in_grace(facts, "03-12", "03-13", "03-14", "03-15", "03-16") == [True] * 4 + [False]
    assert [penalty(facts, day) for day in ("03-15", "03-16")] == ["0.00", "6.00"]
    after = replace(facts, terms=THREE_AFTER)
    assert (dpds(after, "03-15", "03-16"), penalty(after, "03-16")) == ([0, 1], "1.50")


def test_a_pause_from_the_last_day_of_grace_lengthens_it_and_from_the_day_after_does_not() -> None:
    from_last = one(pauses=(Pause(on("03-13"), on("03-15")),))
    assert dpds(from_last, "03-13", "03-14", "03-15", "03-16") == [0, 0, 0, 4]
    assert in_grace(from_last, "03-15", "03-16") == [True, False]
    from_next = one(pauses=(Pause(on("03-14"), on("03-16")),))
    assert dpds(from_next, "03-13", "03-14", "03-15", "03-16", "03-17") == [0, 4, 4, 4, 5]
    assert in_grace(from_next, "03-14") == [False]


def test_money_inside_a_grace_that_a_pause_lengthened_bears_none() -> None:
    paused = (Pause(on("03-12"), on("03-20")),)
    in_time = one(pauses=paused, repayments=(paid("3000.00", "03-21"),))
    assert position(in_time, on("03-22")).status == "settled"
    late = position(one(pauses=paused, repayments=(paid("3000.00", "03-22"),)), on("03-22"))
    assert (late.dpd, money(late.overdue.total)) == (4, "6.00")
