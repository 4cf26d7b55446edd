"""The made-up portfolio: the same for a seed, valid by the schemas, rolling like the real one."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from spine.events import decode, event_class
from spine.money import parse_minor
from tact.portfolio.calibration import ROLL_COUNTS
from tact.portfolio.generator import generate
from tact.portfolio.ndjson import to_line
from tact.portfolio.published import PublishedEvent
from tact.portfolio.schedule import annuity
from tact.portfolio.stages import Estimate, estimate

START = date(2026, 1, 5)
DAYS = 100
MIDNIGHT = datetime(2026, 1, 4, 16, tzinfo=UTC)  # of START in Shanghai


@pytest.fixture(scope="module")
def events() -> list[PublishedEvent]:
    return list(generate(loans=2_000, start_on=START, days=DAYS, seed=7))


@pytest.fixture(scope="module")
def estimated(events: list[PublishedEvent]) -> Estimate:
    return estimate(events, start_on=START, days=DAYS)


def of_type(events: list[PublishedEvent], type_: str) -> list[dict[str, Any]]:
    return [published.event["data"] for published in events if published.event["type"] == type_]


def test_a_seed_gives_the_same_bytes_and_another_gives_others() -> None:
    def lines(seed: int) -> list[str]:
        return [to_line(event) for event in generate(loans=60, start_on=START, days=40, seed=seed)]

    assert lines(1) == lines(1)
    assert lines(1) != lines(2)


def test_a_loan_stays_the_same_when_the_portfolio_grows() -> None:
    few = {to_line(event) for event in generate(loans=50, start_on=START, days=40, seed=3)}
    many = {to_line(event) for event in generate(loans=80, start_on=START, days=40, seed=3)}
    assert few < many


def test_every_event_satisfies_its_schema(events: list[PublishedEvent]) -> None:
    for published in events:
        cls = event_class(published.topic, published.event["type"])
        event = decode(cls, json.dumps(published.event["data"]).encode())
        assert (event.key, event.subject) == (published.key, published.event["subject"])
        assert published.event["specversion"] == "1.0"
        assert datetime.fromisoformat(published.event["time"]) == published.at


def test_ids_are_unique(events: list[PublishedEvent]) -> None:
    assert max(Counter((e.event["source"], e.event["id"]) for e in events).values()) == 1
    repayments = of_type(events, "repayment.posted.v1")
    assert len({data["repayment_id"] for data in repayments}) == len(repayments)


def test_principal_parts_sum_to_the_principal(events: list[PublishedEvent]) -> None:
    for loan in of_type(events, "loan.opened.v1"):
        parts = sum(parse_minor(row["principal"], "CNY") for row in loan["schedule"])
        assert parts == parse_minor(loan["principal"], "CNY")
        assert 3 <= len(loan["schedule"]) <= 24


def test_ordered_by_instant_and_each_thing_after_what_it_rests_on(events: list[PublishedEvent]) -> None:
    assert [e.at for e in events] == sorted(e.at for e in events)
    assert {e.at.utcoffset() for e in events} == {timedelta()}
    borrowers: set[str] = set()
    loans: dict[str, str] = {}
    repayments: set[str] = set()
    for published in events:
        data, type_ = published.event["data"], published.event["type"]
        if type_ == "borrower.updated.v1":
            borrowers.add(data["borrower_id"])
        elif type_ == "loan.opened.v1":
            assert data["borrower_id"] in borrowers
            loans[data["loan_id"]] = data["borrower_id"]
        else:
            assert loans[data["loan_id"]] == data["borrower_id"]
            assert (data["repayment_id"] in repayments) == (type_ == "repayment.reversed.v1")
            repayments.add(data["repayment_id"])


def test_history_comes_at_the_first_midnight_and_leaves_nobody_late(events: list[PublishedEvent]) -> None:
    assert events[0].at == MIDNIGHT
    start = [event for event in events if event.at == MIDNIGHT]
    assert estimate(start, start_on=START, days=1).ever_late == 0
    assert all(event.at < MIDNIGHT + timedelta(days=DAYS) for event in events)


def test_money_of_the_window_is_posted_when_published(events: list[PublishedEvent]) -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    hours: Counter[str] = Counter()
    for event in events:
        if event.event["type"] == "repayment.posted.v1" and event.at > MIDNIGHT:
            data = event.event["data"]
            assert datetime.fromisoformat(data["posted_at"]) == event.at
            assert data["value_date"] == event.at.astimezone(shanghai).date().isoformat()
            hours[event.at.astimezone(shanghai).strftime("%H:%M")] += 1
    assert set(hours) == {"09:58", "11:30", "20:00"}
    assert hours["09:58"] < hours["11:30"] / 4


def test_full_partial_late_early_and_bounced_money_all_occur(events: list[PublishedEvent]) -> None:
    due_on: dict[str, dict[str, str]] = {}
    for loan in of_type(events, "loan.opened.v1"):
        due_on[loan["loan_id"]] = {
            row["due_on"]: str(parse_minor(row["principal"], "CNY") + parse_minor(row["interest"], "CNY"))
            for row in loan["schedule"]
        }
    kinds: Counter[str] = Counter()
    for data in of_type(events, "repayment.posted.v1"):
        amounts = due_on[data["loan_id"]]
        paid = parse_minor(data["amount"], "CNY")
        if amounts.get(data["value_date"]) == str(paid):
            kinds["on time"] += 1
        elif str(paid) in amounts.values():
            kinds["early"] += 1
        else:
            kinds["part" if paid < min(map(int, amounts.values())) else "late"] += 1
    kinds["bounced"] = len(of_type(events, "repayment.reversed.v1"))
    assert kinds["on time"] > kinds["late"] > kinds["part"] > 0
    assert kinds["early"] > kinds["bounced"] > 0


def test_some_borrowers_have_two_loans_and_none_has_three(events: list[PublishedEvent]) -> None:
    loans = Counter(data["borrower_id"] for data in of_type(events, "loan.opened.v1"))
    assert set(loans.values()) == {1, 2}
    assert 50 < sum(count == 2 for count in loans.values()) < 250


def test_people_are_reachable_made_up_and_mostly_in_shanghai(events: list[PublishedEvent]) -> None:
    people = of_type(events, "borrower.updated.v1")
    zones = Counter(data.get("timezone") for data in people)
    assert zones["Asia/Shanghai"] > 0.93 * len(people)
    assert {"Asia/Urumqi", "Asia/Tokyo", "Europe/London", "America/New_York"} < set(zones)
    assert 0 < zones[None] < 20
    numbers = [
        point["address"] for data in people for point in data["contact_points"] if point["channel"] == "sms"
    ]
    assert len(set(numbers)) == len(numbers) == len(people)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers)
    assert all(number.startswith("+8617400") for number in numbers)
    assert len({data["id_number"] for data in people}) == len(people)
    assert Counter(data["locale"] for data in people)["zh-CN"] > 0.9 * len(people)


def test_rolls_like_the_calibration(estimated: Estimate) -> None:
    """Measured from the events on independent books: shares of the first two rows, which have the numbers."""
    for before, within in ((0, 0.012), (1, 0.13)):
        real, made = ROLL_COUNTS[before], estimated.rolls[before]
        assert sum(made) > 100
        for after in range(4):
            assert abs(made[after] / sum(made) - real[after] / sum(real)) < within, (before, after, made)


def test_rolls_that_the_real_portfolio_never_makes_do_not_occur(estimated: Estimate) -> None:
    for before, row in enumerate(ROLL_COUNTS):
        for after, count in enumerate(row):
            if count == 0:
                assert estimated.rolls[before][after] == 0, (before, after)


@pytest.mark.parametrize("seed", [1, 7, 42])
def test_yields_enough_to_do_but_most_loans_are_never_late(seed: int) -> None:
    found = estimate(generate(loans=2_000, start_on=START, days=DAYS, seed=seed), start_on=START, days=DAYS)
    assert found.loans == 2_000
    assert found.ever_late < 600
    assert 4_000 <= sum(found.contacts.values()) <= 8_000
    assert found.loan_days["S1"] > found.loan_days["S2"] > found.loan_days["S3"] > 0


def test_one_day_and_no_loans() -> None:
    assert list(generate(loans=0, start_on=START, days=1, seed=1)) == []
    assert {e.event["type"] for e in generate(loans=20, start_on=START, days=1, seed=1)} >= {"loan.opened.v1"}


@pytest.mark.parametrize(("loans", "days"), [(-1, 10), (1_000_000, 10), (5, 0)])
def test_counts_out_of_range_are_refused(loans: int, days: int) -> None:
    with pytest.raises(ValueError, match=r"^(loans|days):"):
        generate(loans=loans, start_on=START, days=days, seed=1)


def test_annuity_is_level_but_for_the_remainder_of_rounding() -> None:
    rows = annuity(10_000_00, 1200, 12, date(2026, 2, 28))
    assert {row.total for row in rows[:-1]} == {888_49}
    assert abs(rows[-1].total - 888_49) < 12
    assert rows[0].interest == 100_00
    assert [rows[0].on, rows[-1].on] == [date(2026, 2, 28), date(2027, 1, 28)]
