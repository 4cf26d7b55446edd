"""A file of events without a database: the figures of its loans, what each event does, and their order."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spine.events.corebanking import FeedHeartbeat, LoanTerms, PaidPart, PenaltyTerms
from spine.events.registry import Event
from tests.ledger.events import (
    at,
    charge,
    charged_back,
    closed,
    cloud_event,
    debit,
    debit_failed,
    due,
    opened,
    paused,
    pending,
    posted,
    rate,
    rescheduled,
    resumed,
    reversed_,
    stated,
    taken_over,
)
from tests.ledger.files import age, an_event, lines_of, one, read


def test_the_example_of_the_contract_figure_by_figure() -> None:
    terms = LoanTerms(penalty=PenaltyTerms(compound_on_interest=True))
    loan = opened(due(1, "09-23", "2950.00", "250.00"), annual_rate="0.144", terms=terms)
    assert list(one(loan, as_of="10-24").items()) == [
        ("loan_id", "L-1"),
        ("borrower_id", "B-1"),
        ("currency", "CNY"),
        ("as_of", date(2026, 10, 24)),
        ("status", "overdue"),
        ("dpd", 31),
        ("past_due_days", 31),
        ("oldest_unpaid_due_on", date(2026, 9, 23)),
        (
            "overdue",
            {
                "principal": "2950.00",
                "interest": "250.00",
                "fee": "0.00",
                "penalty": "54.87",
                "compound": "4.65",
                "total": "3259.52",
            },
        ),
        ("outstanding_principal", "2950.00"),
        ("overpaid", "0.00"),
        ("in_grace", False),
        ("paused", False),
    ]


def test_absent_terms_are_those_of_the_contract_and_not_of_the_house() -> None:
    loan = opened(due(1, "09-10", "1000.00", "100.00"), annual_rate="0.12")
    left_a_cent = one(loan, posted("1099.99", "09-10"), as_of="09-20")
    assert (left_a_cent["dpd"], left_a_cent["status"]) == (10, "overdue"), "tolerance 0.00"
    thirty_days = one(loan, as_of="10-10")
    assert thirty_days["overdue"]["penalty"] == "15.00", "1.5 times the rate over 360 days"
    assert thirty_days["overdue"]["compound"] == "0.00"
    assert one(loan, as_of="09-11")["dpd"] == 1, "no grace"


def test_part_of_stated_terms_leaves_the_others_absent() -> None:
    loan = opened(due(1, "09-10", "3000.00"), terms=LoanTerms(day_count=365, penalty=PenaltyTerms()))
    assert one(loan, as_of="09-25")["overdue"]["penalty"] == "22.19"


@pytest.mark.parametrize(
    ("calendar", "dpd"),
    [pytest.param(None, 2, id="of China where none is said"), pytest.param("GB-ENG", 9, id="the stated one")],
)
def test_due_dates_move_off_the_holidays_of_the_calendar(calendar: str | None, dpd: int) -> None:
    terms = LoanTerms(holiday_rule="next_business_day", calendar=calendar)
    figures = one(opened(due(1, "10-01", "1000.00"), terms=terms), as_of="10-10")
    assert (figures["dpd"], figures["past_due_days"]) == (dpd, 9)


def test_a_loan_that_opens_after_the_date_has_no_line_and_is_no_problem() -> None:
    late = opened(due(1, "12-10", "1000.00"), loan="L-2", opened_on="11-02")
    figures, problems = age(lines_of(opened(), late), "11-01")
    assert ([each["loan_id"] for each in figures], problems) == (["L-1"], [])
    assert len(age(lines_of(opened(), late), "11-02")[0]) == 2


def test_whatever_the_currency_amounts_have_its_decimals() -> None:
    yen = opened(due(1, "09-10", "30000", "500", "0"), currency="JPY")
    assert one(yen, as_of="09-20")["overdue"]["penalty"] == "150"
    dinar = opened(due(1, "09-10", "300.000", "5.000"), currency="KWD")
    assert one(dinar, as_of="09-20")["overdue"]["penalty"] == "1.500"


# -- every event has its effect ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "status", "dpd", "total", "outstanding"),
    [
        ("settled", "settled", 0, "0.00", "0.00"),
        ("sold", "sold", 0, "0.00", "0.00"),
        ("written_off", "written_off", 10, "1005.00", "1000.00"),
    ],
)
def test_closures(reason: Any, status: str, dpd: int, total: str, outstanding: str) -> None:
    loan = opened(due(1, "09-10", "1000.00"))
    end = closed("09-20", reason)
    assert one(loan, end, as_of="09-19")["status"] == "overdue"
    figures = one(loan, end, as_of="09-20")
    assert (figures["status"], figures["dpd"]) == (status, dpd)
    assert (figures["overdue"]["total"], figures["outstanding_principal"]) == (total, outstanding)


def test_status_current_until_due_and_settled_when_all_is_paid() -> None:
    loan = opened(due(1, "09-10", "1000.00", "10.00"))
    assert one(loan, as_of="09-10")["status"] == "current"
    assert one(loan, as_of="09-11")["status"] == "overdue"
    paid = one(loan, posted("1010.00", "09-10"), as_of="12-31")
    assert (paid["status"], paid["overpaid"]) == ("settled", "0.00")
    assert one(loan, posted("1010.00", "09-10"), as_of="09-09")["status"] == "current", "not yet paid"


def test_grace_keeps_dpd_at_zero_and_amounts_overdue() -> None:
    loan = opened(due(1, "09-10", "1000.00"), terms=LoanTerms(grace_days=3))
    inside = one(loan, as_of="09-13")
    assert (inside["dpd"], inside["in_grace"], inside["status"]) == (0, True, "current")
    assert (inside["past_due_days"], inside["overdue"]["total"]) == (3, "1000.00")
    after = one(loan, as_of="09-14")
    assert (after["dpd"], after["in_grace"], after["overdue"]["penalty"]) == (4, False, "2.00")


def test_a_reversal_counts_from_its_day() -> None:
    loan = opened(due(1, "09-10", "1000.00"))
    events = (loan, posted("1000.00", "09-10", id="R-1"), reversed_("R-1", "09-20"))
    assert one(*events, as_of="09-19")["status"] == "settled"
    assert one(*events, as_of="09-20")["dpd"] == 10


def test_a_reversal_may_come_before_its_money_and_before_its_loan() -> None:
    events = [
        reversed_("R-1", "09-20"),
        posted("1000.00", "09-10", id="R-1"),
        opened(due(1, "09-10", "1000.00")),
    ]
    assert one(*events, as_of="09-20")["dpd"] == 10
    assert one(*events, as_of="09-19")["dpd"] == 0


def test_a_reversal_without_its_money_has_no_effect_and_is_no_error() -> None:
    loan = opened(due(1, "09-10", "1000.00"))
    assert one(loan, reversed_("R-9", "09-12"), as_of="09-20") == one(loan, as_of="09-20")


def test_a_chargeback_is_principal_of_its_own_due_that_day() -> None:
    loan = opened(due(1, "09-10", "1000.00"))
    back = charged_back("400.00", "09-30")
    events = (loan, posted("1000.00", "09-10", id="R-1"), back)
    assert one(*events, as_of="09-29")["status"] == "settled"
    figures = one(*events, as_of="10-05")
    assert (figures["dpd"], figures["overdue"]["principal"], figures["overdue"]["penalty"]) == (
        5,
        "400.00",
        "1.00",
    )


@pytest.mark.parametrize(("kind", "other"), [("fee", "penalty"), ("penalty", "fee")])
def test_a_charge_is_owed_and_makes_no_days(kind: Any, other: str) -> None:
    loan = opened(due(1, "12-10", "1000.00"))
    figures = one(loan, charge("20.00", "09-30", kind), as_of="10-05")
    assert (figures["dpd"], figures["status"], figures["past_due_days"]) == (0, "current", 5)
    assert (figures["overdue"][kind], figures["overdue"][other]) == ("20.00", "0.00")  # type: ignore[literal-required]


def test_a_rate_change_splits_the_interval() -> None:
    loan = opened(due(1, "09-10", "3000.00"))
    change = rate("09-20", "0.24")
    assert one(loan, change, as_of="09-30")["overdue"]["penalty"] == "45.00"


def test_of_two_rates_of_a_day_the_later_stated_holds_in_whatever_order_they_come() -> None:
    loan = opened(due(1, "09-10", "3000.00"))
    changes = []
    for hour, yearly in ((9, "0.24"), (8, "0.36")):
        change = cloud_event(rate("09-10", yearly), f"r-{hour}")
        changes.append(change | {"time": f"2026-09-01T0{hour}:00:00+08:00"})
    assert one(loan, *changes, as_of="09-20")["overdue"]["penalty"] == "30.00"
    assert one(*reversed(changes), loan, as_of="09-20")["overdue"]["penalty"] == "30.00"


def test_a_pause_is_not_counted_until_it_is_resumed() -> None:
    loan = opened(due(1, "09-10", "3000.00"))
    during = one(loan, paused("09-15"), as_of="09-30")
    assert (during["dpd"], during["paused"], during["past_due_days"]) == (5, True, 20)
    after = one(resumed("09-25"), loan, paused("09-15"), as_of="09-30")
    assert (after["dpd"], after["paused"], after["overdue"]["penalty"]) == (10, False, "15.00")
    assert one(loan, paused("09-15", "09-18"), as_of="09-30")["dpd"] == 17


def test_a_reschedule_answers_from_its_day_and_the_old_schedule_before() -> None:
    loan = opened(due(1, "09-10", "1000.00"), due(2, "12-10", "1000.00"))
    change = rescheduled("09-30", due(3, "10-30", "1000.00"), keep=(2,))
    assert one(loan, change, as_of="09-29")["dpd"] == 19
    figures = one(loan, change, as_of="10-01")
    assert (figures["dpd"], figures["overdue"]["penalty"], figures["overdue"]["principal"]) == (
        0,
        "10.00",
        "0.00",
    )
    assert one(loan, change, as_of="11-01")["dpd"] == 2


def test_an_import_says_what_had_been_paid() -> None:
    rows = due(1, "09-10", "1000.00", "100.00"), due(2, "10-10", "1000.00", "100.00")
    part = PaidPart(seq=1, principal="400.00", interest="100.00")
    figures = one(taken_over(*rows, as_of="09-15", paid=(part,)), as_of="09-20")
    assert (figures["dpd"], figures["overdue"]["principal"]) == (10, "600.00")
    assert figures["outstanding_principal"] == "1600.00"
    whole = PaidPart(seq=1, principal="1000.00", interest="100.00")
    assert one(taken_over(*rows, as_of="09-15", paid=(whole,)), as_of="10-12")["dpd"] == 2


WITHOUT_EFFECT = [
    stated("09-20", 99, "1.00", "2.00", "3"),
    FeedHeartbeat(at=at("09-10")),
    pending("1000.00", "09-12"),
    debit("1000.00", at("09-10")),
    debit_failed(),
]


@pytest.mark.parametrize("event", WITHOUT_EFFECT, ids=lambda event: event.TYPE)
def test_what_is_no_fact_of_debt_changes_no_figure(event: Event) -> None:
    assert one(event, opened(), as_of="09-20") == one(opened(), as_of="09-20")


def test_loans_come_by_the_first_good_line_that_names_them() -> None:
    def loan(name: str) -> Event:
        return opened(loan=name)

    events = [
        posted("1.00", "09-10", loan="L-3"),
        posted("1.00", "09-10", loan="L-2", currency="USD"),
        an_event(data__loan_id="L-1", data__amount="x"),
        debit_failed("limit", loan="L-4"),
        *(loan(name) for name in ("L-1", "L-2", "L-3", "L-4")),
    ]
    figures, problems = age(lines_of(*events), "11-01")
    assert [each["loan_id"] for each in figures] == ["L-3", "L-4", "L-1", "L-2"]
    assert problems == [(2, "wrong_currency"), (3, "bad_amount")]


def test_the_loans_of_a_file_are_handed_on_as_facts() -> None:
    [loan] = read(lines_of(opened(), posted("100.00", "09-10"))).loans()
    assert (loan.loan_id, [money.amount for money in loan.repayments]) == ("L-1", [10_000])


EVERY_KIND: list[Event | dict[str, Any]] = [
    opened(terms=LoanTerms(grace_days=2, penalty=PenaltyTerms(compound_on_interest=True))),
    posted("700.00", "09-12", id="R-1"),
    posted("100.00", "09-12", id="R-2"),
    posted("500.00", "10-12", id="R-3"),
    reversed_("R-2", "10-01"),
    charged_back("50.00", "10-02"),
    charge("20.00", "09-30", "fee", id="C-1"),
    charge("5.00", "10-30", "penalty", id="C-2"),
    rate("09-20", "0.24"),
    paused("09-15"),
    resumed("09-19"),
    rescheduled("10-20", due(4, "10-25", "1900.00", "9.00"), keep=(3,)),
    closed("11-20", "written_off"),
    *WITHOUT_EFFECT,
    opened(loan="L-2", borrower="B-2"),
    posted("300.00", "09-12", loan="L-2", borrower="B-2"),
]


@given(st.data())
def test_neither_order_nor_repetition_of_lines_changes_a_figure(data: st.DataObject) -> None:
    texts = lines_of(*EVERY_KIND)
    some = data.draw(st.sets(st.sampled_from(range(len(texts)))), "left out") - {0, len(texts) - 2}
    kept = [text for number, text in enumerate(texts) if number not in some]
    again = data.draw(st.lists(st.sampled_from(kept), max_size=4), "again")
    shuffled = data.draw(st.permutations([*kept, *again]), "order")
    as_of = data.draw(
        st.sampled_from(["09-12", "09-18", "10-01", "10-24", "11-19", "11-20", "12-31"]), "as of"
    )
    figures, problems = age(shuffled, as_of)
    expected, none = age(kept, as_of)
    assert (problems, none) == ([], [])
    assert sorted(figures, key=lambda each: each["loan_id"]) == expected
    named = [json.loads(text)["data"].get("loan_id") for text in shuffled]
    assert [each["loan_id"] for each in figures] == [loan for loan in dict.fromkeys(named) if loan]
