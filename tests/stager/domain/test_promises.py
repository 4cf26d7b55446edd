"""Promises, both sides of every edge: what may be promised, and what each stands at by the money that came."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from spine.calendars import load_calendars
from spine.policy import load_policy
from stager.domain.money import Money
from stager.domain.promise_policy import PromisePolicy, faults_of_promises
from stager.domain.promises import (
    Promise,
    PromiseKind,
    PromiseStatus,
    TermsFacts,
    decide_terms,
    due_days,
    facts_to_judge,
    is_met,
    judge,
)

DAY = timedelta(days=1)
MADE_ON = date(2026, 11, 23)
PROMISED_ON = date(2026, 11, 25)
DUE_ON = date(2026, 11, 26)
TEXT = (files("stager") / "rules" / "promises.yaml").read_text(encoding="utf-8")
POLICY = load_policy(PromisePolicy, TEXT, path="promises.yaml").policy
CHINA = load_calendars()["CN"]


def promise(**changes: Any) -> Promise:
    """P1 of the worked examples: 3,200.00 for 11-25, tolerance 0."""
    made = Promise(
        promise_id="P1",
        loan_id="L1",
        borrower_id="B1",
        case_id="C1",
        partition=0,
        kind=PromiseKind.FULL,
        status=PromiseStatus.OPEN,
        currency="CNY",
        amount_minor=320_000,
        tolerance_minor=0,
        base_minor=0,
        counts_from=MADE_ON,
        counts_through=DUE_ON,
        promised_on=PROMISED_ON,
        due_on=DUE_ON,
        second_on=None,
        second_minor=None,
        follows=None,
        stage="S1",
        made_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
        verified=True,
        channel="call",
        contact_id=None,
        made_by="anna",
        approved_by=None,
        policy_digest="d",
        request_digest="r",
        hold_id="H1",
        received_minor=None,
        reason=None,
        changed_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
    )
    return replace(made, **changes)


def money(
    amount_minor: int, on: date = PROMISED_ON, *, id_: str = "R1", reversed_on: date | None = None
) -> Money:
    return Money("L1", id_, "B1", "CNY", amount_minor, on, datetime(2026, 12, 1, tzinfo=UTC), reversed_on)


def stands(given: Promise, *moneys: Money, closed: date = DUE_ON, ended: str | None = None) -> str:
    return judge(facts_to_judge(given, moneys, closed, ended=ended)).status


def test_one_cent_short_is_partial_without_tolerance_and_kept_with_one() -> None:
    short = money(319_999)
    assert stands(promise(), short) == "partial"
    assert stands(promise(tolerance_minor=100), short) == "kept"
    assert stands(promise(), money(320_000)) == "kept"
    assert stands(promise(tolerance_minor=100), money(319_900)) == "kept"
    assert stands(promise(tolerance_minor=100), money(319_899)) == "partial"


def test_nothing_by_the_end_of_the_26th_is_broken_and_not_before_its_close() -> None:
    assert stands(promise(), closed=PROMISED_ON) == "open"
    assert stands(promise(), closed=DUE_ON) == "broken"
    assert stands(promise(), money(320_000), closed=PROMISED_ON) == "open"


def test_nothing_is_broken_whatever_the_tolerance() -> None:
    assert stands(promise(amount_minor=500, tolerance_minor=1_000)) == "broken"
    assert stands(promise(amount_minor=500, tolerance_minor=1_000), money(1)) == "kept"


@pytest.mark.parametrize(
    ("on", "status"),
    [
        (MADE_ON - DAY, "broken"),
        (MADE_ON, "kept"),
        (PROMISED_ON, "kept"),
        (DUE_ON, "kept"),
        (DUE_ON + DAY, "broken"),
    ],
)
def test_money_counts_from_the_day_it_was_promised_through_its_settlement(on: date, status: str) -> None:
    assert stands(promise(), money(320_000, on), closed=DUE_ON + 9 * DAY) == status


def test_where_only_the_promised_day_counts_its_settlement_does_not() -> None:
    strict = promise(counts_through=PROMISED_ON)
    assert stands(strict, money(320_000, PROMISED_ON)) == "kept"
    assert stands(strict, money(320_000, DUE_ON)) == "broken"


def test_later_facts_judge_again_and_what_is_withdrawn_stays_so() -> None:
    broken, kept = promise(status=PromiseStatus.BROKEN), promise(status=PromiseStatus.KEPT)
    assert stands(broken, money(320_000)) == "kept"
    assert stands(kept, money(320_000, reversed_on=DUE_ON + 5 * DAY)) == "broken"
    for final in (PromiseStatus.CANCELLED, PromiseStatus.SUPERSEDED):
        assert stands(promise(status=final), money(320_000)) == final


def test_a_loan_that_core_banking_took_away_breaks_nothing() -> None:
    assert stands(promise(), ended="sold") == "cancelled"
    assert stands(promise(), money(1), ended="sold") == "cancelled"
    assert stands(promise(), money(320_000), ended="sold") == "kept"


def test_what_belongs_to_the_part_before_does_not_count_twice() -> None:
    second = promise(amount_minor=120_000, base_minor=200_000)
    assert stands(second, money(200_000)) == "broken"
    assert stands(second, money(200_000), money(119_999, id_="R2")) == "partial"
    assert stands(second, money(320_000)) == "kept"


def test_nobody_needs_a_reminder_of_what_is_here() -> None:
    assert not is_met(promise(), [])
    assert not is_met(promise(), [money(319_999, MADE_ON)])
    assert is_met(promise(), [money(320_000, MADE_ON)])


@pytest.mark.parametrize(
    ("promised_on", "due_on"),
    [
        (date(2026, 11, 25), date(2026, 11, 26)),
        (date(2026, 11, 27), date(2026, 11, 30)),  # Friday: over the weekend
        (date(2026, 11, 28), date(2026, 11, 30)),  # Saturday
        (date(2026, 9, 30), date(2026, 10, 8)),  # before National Day
        (date(2026, 10, 9), date(2026, 10, 10)),  # the Saturday after is worked
    ],
)
def test_settlement_lasts_through_the_next_business_day(promised_on: date, due_on: date) -> None:
    assert due_days(promised_on, POLICY, CHINA) == (due_on, due_on)
    strict = msgspec.structs.replace(
        POLICY, settlement=msgspec.structs.replace(POLICY.settlement, money_counts=False)
    )
    assert due_days(promised_on, strict, CHINA) == (promised_on, due_on)


def terms(days: int = 3, **changes: Any) -> TermsFacts:
    facts = TermsFacts(
        loan_id="L1",
        product="consumer",
        stage="S1",
        kind="full",
        currency="CNY",
        amount_minor=320_000,
        arrears_minor=320_000,
        counting_minor=320_000,
        made_on=MADE_ON,
        promised_on=MADE_ON + days * DAY,
        second_on=None,
        planned=False,
        broken=0,
        approved=False,
    )
    return msgspec.structs.replace(facts, **changes)


def verdict(facts: TermsFacts) -> str:
    return decide_terms(facts, POLICY).verdict


@pytest.mark.parametrize(
    ("stage", "days", "expected"),
    [
        ("S1", -1, "date_passed"),
        ("S1", 0, "accepted"),
        ("S1", 7, "accepted"),
        ("S1", 8, "horizon_exceeded"),
        ("S2", 20, "accepted"),
        ("S2", 21, "horizon_exceeded"),
        (None, 7, "accepted"),
        (None, 8, "horizon_exceeded"),
    ],
)
def test_how_far_a_promise_may_reach(stage: str | None, days: int, expected: str) -> None:
    assert verdict(terms(days, stage=stage)) == expected
    assert verdict(terms(days, stage=stage, approved=True)) == expected


@pytest.mark.parametrize(("days", "expected"), [(2, "not_the_delay"), (3, "accepted"), (4, "not_the_delay")])
def test_the_delay_is_three_days(days: int, expected: str) -> None:
    assert verdict(terms(days, kind="extension_3d")) == expected


def test_under_a_plan_nothing_else_is_promised() -> None:
    assert verdict(terms(planned=True)) == "plan_in_force"
    assert stands(promise(), ended="planned") == "cancelled"


def test_less_than_what_makes_days_past_due_is_no_full_promise() -> None:
    owed = terms(arrears_minor=330_000, counting_minor=321_000)
    assert verdict(owed) == "accepted"
    assert verdict(msgspec.structs.replace(owed, amount_minor=319_999)) == "below_arrears"


@pytest.mark.parametrize(
    ("broken", "approved", "expected"),
    [(1, False, "accepted"), (2, False, "needs_supervisor"), (2, True, "accepted")],
)
def test_after_two_broken_ones_a_supervisor_agrees(broken: int, approved: bool, expected: str) -> None:
    assert verdict(terms(broken=broken, approved=approved)) == expected


@pytest.mark.parametrize(
    ("amount_minor", "second_after", "expected", "with_supervisor"),
    [
        (160_000, 14, "accepted", "accepted"),
        (159_999, 14, "below_floor", "accepted"),
        (160_000, 15, "horizon_exceeded", "accepted"),
        (160_000, 3, "second_date_missing", "second_date_missing"),
        (320_000, 14, "not_a_part", "not_a_part"),
    ],
)
def test_a_part_has_a_floor_and_a_second_date(
    amount_minor: int, second_after: int, expected: str, with_supervisor: str
) -> None:
    offer = terms(kind="partial", amount_minor=amount_minor, second_on=MADE_ON + second_after * DAY)
    assert verdict(offer) == expected
    assert verdict(msgspec.structs.replace(offer, approved=True)) == with_supervisor


def test_tolerance_is_in_the_currency_and_per_product() -> None:
    own = load_policy(
        PromisePolicy, TEXT + 'products: {card: {tolerance: "1.5"}}\n', path="promises.yaml"
    ).policy
    assert (own.tolerance_minor("card", "CNY"), own.tolerance_minor("card", "JPY")) == (150, 1)
    assert (own.tolerance_minor("consumer", "CNY"), own.tolerance_minor("consumer", "KWD")) == (1_000, 10_000)


def test_a_table_that_cannot_be_meant_says_where() -> None:
    stages = {"DUE", "S1", "S2", "S3", "S4"}
    assert list(faults_of_promises(POLICY, stages)) == []
    assert list(faults_of_promises(POLICY, stages - {"S4"})) == [
        "stages.S4: no stage policy knows this stage"
    ]
    early = TEXT.replace("second_within_days: 35", "second_within_days: 19").replace(
        'until: "20:00"', 'until: "10:00"'
    )
    bad = load_policy(PromisePolicy, early, path="promises.yaml").policy
    assert list(faults_of_promises(bad, stages)) == [
        "stages.S2.part: the second date ends before the horizon of the first",
        "reminders: until 10:00 is not after at 10:00",
    ]
