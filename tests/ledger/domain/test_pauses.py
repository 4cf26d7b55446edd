"""Pauses on both sides of their edges: half-open, counted once, cut short by a resume, and no penalty in them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ledger.domain.ageing import FOREVER, counted_days, day_reached, paused_spans
from ledger.domain.facts import LoanFacts, Pause
from ledger.domain.position import position

from .loans import due, loan, money, on, penalty


def pause(begin: str, end: str | None = None) -> Pause:
    return Pause(on(begin), on(end) if end else None)


def one(*pauses: Pause, resumed: tuple[str, ...] = (), **rest: Any) -> LoanFacts:
    """One instalment due 03-10 that bears 1.50 on each day that counts."""
    resumed_on = tuple(on(day) for day in resumed)
    return loan(due(1, "03-10", "3000.00"), pauses=pauses, resumed_on=resumed_on, **rest)


def dpds(facts: LoanFacts, since: str, count: int) -> list[int]:
    return [position(facts, on(since) + timedelta(days=days)).dpd for days in range(count)]


def paused(facts: LoanFacts, *days: str) -> list[bool]:
    return [position(facts, on(day)).paused for day in days]


def test_days_stand_still_from_the_first_paused_day_up_to_the_day_it_ends() -> None:
    facts = one(pause("03-13", "03-16"))
    assert dpds(facts, "03-11", 8) == [1, 2, 3, 3, 3, 3, 4, 5]
    assert paused(facts, "03-12", "03-13", "03-15", "03-16") == [False, True, True, False]
    during = position(facts, on("03-15"))
    assert (during.dpd_zero_on, during.resumes_on, during.status) == (None, on("03-16"), "overdue")
    assert position(facts, on("03-18")).dpd_zero_on == on("03-13")


def test_paused_days_bear_no_penalty_and_reports_count_them() -> None:
    facts = one(pause("03-13", "03-16"))
    assert [penalty(facts, f"03-{day}") for day in range(12, 19)] == [
        "3.00", "4.50", "4.50", "4.50", "4.50", "6.00", "7.50",
    ]  # fmt: skip
    assert position(facts, on("03-18")).past_due_days == 8


@pytest.mark.parametrize(("begin", "end", "expected"), [
    ("03-01", "03-10", [0, 1, 2, 3]),  # ends on the due date
    ("03-01", "03-11", [0, 0, 1, 2]),
    ("03-10", "03-11", [0, 0, 1, 2]),  # begins on it
    ("03-11", "03-12", [0, 1, 1, 2]),  # begins the day after
    ("03-09", "03-10", [0, 1, 2, 3]),
    ("03-13", "03-20", [0, 1, 2, 3]),  # begins on the day asked about: today is not yet counted
    ("03-14", "03-20", [0, 1, 2, 3]),
    ("03-12", "03-20", [0, 1, 2, 2]),
    ("03-01", "03-30", [0, 0, 0, 0]),
])  # fmt: skip
def test_a_pause_takes_its_part_between_the_due_date_and_today(
    begin: str, end: str, expected: list[int]
) -> None:
    facts = one(pause(begin, end))
    assert dpds(facts, "03-10", 4) == expected
    assert penalty(facts, "03-13") == money(expected[-1] * 150)


def test_a_pause_of_all_days_since_due_leaves_the_loan_current_and_out_of_grace() -> None:
    found = position(one(pause("03-10")), on("05-01"))
    assert (found.dpd, found.status, found.paused, found.in_grace) == (0, "current", True, False)
    assert (found.past_due_days, found.oldest_unpaid_due_on) == (52, on("03-10"))
    assert (found.counted_from_on, found.resumes_on, money(found.overdue.total)) == (None, None, "3000.00")


def test_an_instalment_that_falls_due_in_a_pause_counts_from_its_end() -> None:
    facts = loan(
        due(1, "03-10", "100.00"), due(2, "03-15", "100.00"), pauses=(pause("03-13", "03-20"),), rate="0"
    )
    assert dpds(facts, "03-19", 3) == [3, 3, 4]
    younger = loan(due(2, "03-15", "100.00"), pauses=(pause("03-13", "03-20"),))
    assert dpds(younger, "03-19", 3) == [0, 0, 1]


@pytest.mark.parametrize(("pauses", "not_counted"), [
    ((pause("03-12", "03-15"), pause("03-14", "03-17")), 5),  # overlapping
    ((pause("03-12", "03-18"), pause("03-14", "03-16")), 6),  # one inside the other
    ((pause("03-12", "03-15"), pause("03-12", "03-15")), 3),  # twice the same
    ((pause("03-12", "03-14"), pause("03-14", "03-16")), 4),  # adjoining
    ((pause("03-12", "03-14"), pause("03-15", "03-16")), 3),  # a day apart
    ((pause("03-15", "03-17"), pause("03-11", "03-13"), pause("03-12", "03-14")), 5),
    ((pause("03-12", "03-14"), pause("03-18")), 4),  # the second without end
    ((pause("03-12", "03-12"),), 0),  # of no day
])  # fmt: skip
def test_several_pauses_add_up_and_no_day_is_taken_off_twice(
    pauses: tuple[Pause, ...], not_counted: int
) -> None:
    for stated in (pauses, pauses[::-1]):
        facts = one(*stated)
        assert position(facts, on("03-20")).dpd == 10 - not_counted
        assert penalty(facts, "03-20") == money((10 - not_counted) * 150)


def test_an_endless_pause_runs_until_it_is_resumed() -> None:
    assert dpds(one(pause("03-12")), "03-11", 5) == [1, 2, 2, 2, 2]
    assert position(one(pause("03-12")), on("03-15")).resumes_on is None
    resumed = one(pause("03-12"), resumed=("03-14",))
    assert dpds(resumed, "03-11", 5) == [1, 2, 2, 2, 3]
    assert paused(resumed, "03-13", "03-14") == [True, False]


@pytest.mark.parametrize(("resumed", "not_counted"), [
    ("03-11", 6),  # before it begins
    ("03-12", 0),  # on its first day
    ("03-13", 1),
    ("03-17", 5),
    ("03-18", 6),  # on the day it ends anyway
    ("03-19", 6),
])  # fmt: skip
def test_a_resume_cuts_a_running_pause_short_and_no_other(resumed: str, not_counted: int) -> None:
    facts = one(pause("03-12", "03-18"), resumed=(resumed,))
    assert position(facts, on("03-30")).dpd == 20 - not_counted
    assert penalty(facts, "03-30") == money((20 - not_counted) * 150)


def test_a_resume_ends_every_pause_that_runs_and_none_that_comes_later() -> None:
    both = one(pause("03-12"), pause("03-11", "03-30"), resumed=("03-14",))
    assert dpds(both, "03-11", 5) == [1, 1, 1, 1, 2]
    later = one(pause("03-11"), pause("03-16", "03-18"), resumed=("03-14",))
    assert position(later, on("03-20")).dpd == 10 - 3 - 2
    assert paused(later, "03-14", "03-16", "03-18") == [False, True, False]


def test_of_two_resumes_the_first_ends_the_pause_whatever_came_first() -> None:
    for resumed in (("03-14", "03-16"), ("03-16", "03-14")):
        assert position(one(pause("03-12"), resumed=resumed), on("03-20")).dpd == 8


def test_a_pause_of_days_gone_by_lowers_the_days_and_the_penalty() -> None:
    assert (position(one(), on("03-20")).dpd, penalty(one(), "03-20")) == (10, "15.00")
    told_later = one(pause("03-11", "03-15"))
    assert (position(told_later, on("03-20")).dpd, penalty(told_later, "03-20")) == (6, "9.00")


def test_a_freeze_of_interest_is_no_pause() -> None:
    facts = loan(due(1, "03-10", "3000.00"), freezes=(pause("03-12", "03-14"),))
    assert paused(facts, "03-12", "03-13") == [False, False]
    assert (position(facts, on("03-20")).dpd, penalty(facts, "03-20")) == (10, "12.00")


def test_counting_and_reaching_are_inverse() -> None:
    spans = paused_spans((pause("03-05", "03-08"), pause("03-20")))
    start = on("03-01").toordinal()
    for days in range(17):
        reached = day_reached(start, days, spans)
        if reached < FOREVER:
            assert counted_days(start, reached, spans) == days
            assert counted_days(start, reached - 1, spans) < days or days == 0
    assert day_reached(start, 16, spans) == on("03-20").toordinal()
    assert day_reached(start, 17, spans) == FOREVER


def test_spans_are_disjoint_in_order_and_without_empty_ones() -> None:
    def spans(*pauses: Pause, resumed: tuple[date, ...] = ()) -> list[tuple[str, str]]:
        found = paused_spans(pauses, resumed)
        return [(date.fromordinal(a).isoformat()[5:], date.fromordinal(b).isoformat()[5:]) for a, b in found]

    assert spans(pause("03-14", "03-16"), pause("03-10", "03-12")) == [("03-10", "03-12"), ("03-14", "03-16")]
    assert spans(pause("03-10", "03-12"), pause("03-12", "03-14")) == [("03-10", "03-14")]
    assert spans(pause("03-10", "03-12"), resumed=(on("03-10"),)) == []
