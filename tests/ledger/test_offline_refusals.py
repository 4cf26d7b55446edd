"""Lines of a file that are refused: each code, what stays without effect, and the order of telling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.offline import Problem
from spine.events.corebanking import LoanTerms
from spine.events.registry import Event
from tests.ledger.events import (
    at,
    charge,
    charged_back,
    cloud_event,
    debit,
    due,
    opened,
    pending,
    posted,
    rate,
    rescheduled,
    reversed_,
    stated,
    taken_over,
)
from tests.ledger.files import age, an_event, codes, lines_of, one, read


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("nope", id="text"),
        pytest.param('{"specversion":', id="cut"),
        pytest.param("[1,", id="cut array"),
        pytest.param('{"id": 5, "source": nope}', id="broken behind a wrong field"),
        pytest.param("{'id': 1}", id="quotes"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"id": "\\ud800"}', id="lone surrogate"),
        pytest.param("\ufeff{}", id="mark in the middle"),
        pytest.param("{} {}", id="two in a line"),
    ],
)
def test_bad_json(line: str) -> None:
    assert codes(opened(), line) == [(2, "bad_json")]


@pytest.mark.parametrize(
    "event",
    [
        an_event(specversion="0.3"),
        an_event(specversion=None),
        an_event(id=None),
        an_event(id=""),
        an_event(id="x" * 201),
        an_event(id="a\0b"),
        an_event(source="a\0b"),
        an_event(source=None),
        an_event(type=None),
        an_event(time="2026-09-10T08:00:00"),
        cloud_event(opened(), "e-x") | {"data": []},
        an_event(data__borrower_id=None),
        an_event(data__loan_id=None),
        an_event(data__loan_id=""),
        an_event(data__loan_id="L\0"),
        an_event(data__value_date="10-09-2026"),
        an_event(data__value_date="2026-02-30"),
        an_event(data__posted_at="2026-09-10T08:00:00"),
        an_event(data__posted_at="0001-01-01T00:00:00+14:00"),
        an_event(data__currency="cny"),
        [],
        1,
    ],
    ids=str,
)
def test_bad_schema(event: Any) -> None:
    assert codes(opened(), json.dumps(event)) == [(2, "bad_schema")]


@pytest.mark.parametrize(
    "amount",
    [100, 100.5, -1, True, "0", "0.00", "-1.00", "+1.00", "1e3", "1E3", "NaN", "Infinity", "1.001", "1,000.00",
     "01.00", ".5", "5.", "", " 1.00", "1.00\n", "0x10", "１００", "1_000", "1000000000000000.00"],
)  # fmt: skip
def test_bad_amount(amount: Any) -> None:
    assert codes(opened(), an_event(data__amount=amount)) == [(2, "bad_amount")]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_bare_constants_are_bad_amounts(constant: str) -> None:
    line = json.dumps(an_event()).replace('"100.00"', constant)
    assert codes(opened(), line) == [(2, "bad_amount")]


@pytest.mark.parametrize(
    "event",
    [
        charge("0.00", "11-01", "fee", id="C-1"),
        charge("1.001", "11-01", "fee", id="C-1"),
        charged_back("1.001", "11-01"),
        pending("1.001", "09-12"),
        debit("1.001", at("09-10")),
        stated("11-01", 1, "1.001", "0"),
        stated("11-01", 1, "1", "0.001"),
        stated("11-01", 1, "1", "0", "0.001"),
        rescheduled("11-01", due(9, "12-10", "1.001")),
        rate("11-01", "100"),
        opened(due(1, "09-10", "1000.00"), loan="L-2", principal="999.99"),
        opened(due(1, "09-10", "0.00"), loan="L-2"),
    ],
    ids=lambda event: event.TYPE,
)
def test_amounts_that_no_loan_can_have(event: Event) -> None:
    assert codes(opened(), event) == [(2, "bad_amount")]


@pytest.mark.parametrize(
    "type_", ["loan.paused.v1", "loan.opened", "loan.opened.v2", "stage.entered.v1", "x"]
)
def test_unknown_type(type_: str) -> None:
    assert codes(opened(), an_event(type=type_)) == [(2, "unknown_type")]


def test_wrong_currency() -> None:
    figures, problems = age(lines_of(posted("100.00", "09-10", currency="USD"), opened()), "09-20")
    assert problems == [(1, "wrong_currency")]
    assert figures[0]["overdue"]["interest"] == "100.00"


@pytest.mark.parametrize(
    "event",
    [
        opened(due(1, "09-10", "500.00")),
        taken_over(as_of="09-15"),
        posted("100.00", "09-12", borrower="B-2"),
        stated("11-01", 1, "1", "0", borrower="B-2"),
        reversed_("R-none", "09-12", borrower="B-2"),
        posted("7.00", "09-10", id="R-1"),
        charge("7.00", "11-01", "fee", id="C-1"),
    ],
    ids=lambda event: event.TYPE,
)
def test_conflict_with_the_loan(event: Event) -> None:
    good = (opened(), posted("50.00", "09-10", id="R-1"), charge("5.00", "11-01", "penalty", id="C-1"))
    assert codes(*good, event) == [(4, "conflict")]
    assert age(lines_of(*good, event), "11-05")[0] == age(lines_of(*good), "11-05")[0]


def test_the_same_id_with_another_body_is_a_conflict_of_the_later_line() -> None:
    first, second = an_event(), an_event(data__amount="200.00")
    figures, problems = age(lines_of(first, second, opened()), "09-11")
    assert (problems, figures[0]["overdue"]["interest"]) == ([(2, "conflict")], "0.00")
    assert figures[0]["overdue"]["principal"] == "1000.00"
    assert codes(opened(), first, second | {"source": "other"}) == [(3, "conflict")], (
        "the same repayment twice"
    )
    assert codes(opened(), first, an_event(subject="L-2")) == [(3, "conflict")]
    assert codes(opened(), first, an_event(data__extra=1)) == [(3, "conflict")]


def test_the_same_event_again_is_ignored_however_it_was_formatted() -> None:
    event = an_event()
    upside_down = {name: event[name] for name in reversed(event)}
    upside_down["data"] = {name: event["data"][name] for name in reversed(event["data"])}
    again = json.dumps(upside_down, indent=1).replace("\n", " ").replace("100.00", "\\u0031\\u00300.00")
    without_subject = an_event(subject=None, time="2026-09-10T08:00:00Z")
    assert one(opened(), event, event, again, without_subject, as_of="11-01") == one(
        opened(), event, as_of="11-01"
    )


def test_unknown_loans_come_last_in_order_of_lines() -> None:
    stray = posted("100.00", "09-10", loan="L-9")
    wrong = posted("100.00", "09-10", currency="USD")
    other = stated("11-01", 0, "0", "0", loan="L-8")
    assert codes(stray, "nope", wrong, opened(), other, "nope") == [
        (2, "bad_json"),
        (3, "wrong_currency"),
        (6, "bad_json"),
        (1, "unknown_loan"),
        (5, "unknown_loan"),
    ]


def test_problems_wait_for_those_of_earlier_lines_only() -> None:
    facts = read(["nope", "nope"])
    assert [each.line for each in facts.settled_problems()] == [1, 2]
    facts.read(3, lines_of(posted("1.00", "09-10", currency="USD"))[0].encode())
    facts.read(4, b"nope")
    assert (facts.settled_problems(), facts.refused) == ([], 3)
    assert list(facts.loans()) == []
    assert facts.problems() == [
        Problem(4, "bad_json", "not JSON: JSON is malformed: invalid character (byte 4)"),
        Problem(3, "unknown_loan", "loan L-1 is not opened in this file"),
    ]


def test_a_refused_opening_leaves_its_loan_unknown_and_a_right_one_may_follow() -> None:
    wrong = opened(due(1, "09-10", "1000.00"), principal="1.00")
    assert codes(wrong, posted("100.00", "09-10")) == [(1, "bad_amount"), (2, "unknown_loan")]
    right = opened(due(1, "09-10", "1000.00"))
    assert codes(wrong, posted("100.00", "09-10"), right) == [(1, "bad_amount")]


def test_an_unknown_calendar_refuses_the_opening() -> None:
    terms = LoanTerms(holiday_rule="next_business_day", calendar="XX")
    assert codes(opened(terms=terms)) == [(1, "bad_schema")]


def test_lines_of_parties_are_passed_over_without_a_look_at_their_data() -> None:
    for type_ in ("borrower.updated.v1", "borrower.merged.v1"):
        party = an_event(type=type_, data={"anything": [1]})
        assert codes(party, opened(), party | {"data": None}, party | {"id": "e-1"}) == []
    assert codes('{"specversion":"1.0","type":"borrower.updated.v1"') == [(1, "bad_json")]
