"""Limitation on both sides of its edges: the end, the warning, what begins it anew, and when it no longer can."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stager.domain.clock_policy import ClockPolicy, Ground, faults_of_clocks
from stager.domain.clocks import LimitationFacts, Restart, decide_clocks, next_look_on, warned, years_after
from stager.domain.scopes import Subject
from stager.policy import House

DUE = date(2023, 11, 10)
END = date(2026, 11, 10)
DAY = timedelta(days=1)
HOUSE = House.load(ZoneInfo("Asia/Shanghai"))
CN = HOUSE.rulebook.clocks.on(END).policy
US = HOUSE.rulebook.clocks.on(END, Subject("consumer", "US-NY", {})).policy


def restarted(on: date, ground: Ground) -> Restart:
    return Restart(on=on, ground=ground, reference="R1")


def facts(today: date, *restarts: Restart, guarantee: date | None = None) -> LimitationFacts:
    return LimitationFacts(today=today, due_on=DUE, restarts=restarts, guarantee_ends_on=guarantee)


def test_the_last_day_is_in_time_and_the_next_is_not() -> None:
    assert not decide_clocks(facts(END), CN).barred
    assert decide_clocks(facts(END + DAY), CN).barred
    assert decide_clocks(facts(END), CN).ends_on == END


@pytest.mark.parametrize(("before", "told"), [(91, False), (90, True), (89, True), (0, True), (-1, True)])
def test_a_person_is_told_ninety_days_before(before: int, told: bool) -> None:
    today = END - before * DAY
    near = [each.what for each in warned(decide_clocks(facts(today), CN), CN, today)]
    assert near == (["limitation"] if told else [])


@pytest.mark.parametrize(("before", "told"), [(91, False), (90, True), (89, True)])
def test_the_guarantee_has_its_own_end(before: int, told: bool) -> None:
    guarantee, today = date(2024, 5, 10), date(2024, 5, 10) - before * DAY
    clocks = decide_clocks(facts(today, guarantee=guarantee), CN)
    assert [each.what for each in warned(clocks, CN, today)] == (["guarantee"] if told else [])


@pytest.mark.parametrize(
    ("ground", "late", "end"),
    [
        ("payment", 0, END.replace(year=2029)),
        ("acknowledgement", 0, END.replace(year=2029)),
        ("delivered_demand", 0, END.replace(year=2029)),
        ("delivered_demand", 1, END),
        ("payment", 1, date(2029, 11, 11)),
        ("acknowledgement", 1, date(2029, 11, 11)),
    ],
)
def test_on_the_last_day_all_begin_it_anew_and_after_it_only_the_debtor(
    ground: Ground, late: int, end: date
) -> None:
    on = END + late * DAY
    assert decide_clocks(facts(on, restarted(on, ground)), CN).ends_on == end


def test_the_latest_counts_whatever_the_order_and_what_was_before_the_due_date_does_not() -> None:
    early, late = restarted(date(2024, 1, 5), "payment"), restarted(date(2025, 3, 1), "delivered_demand")
    before = restarted(DUE - DAY, "payment")
    one = decide_clocks(facts(END, early, late, before), CN)
    assert one == decide_clocks(facts(END, before, late, early), CN)
    assert (one.ends_on, one.rule) == (date(2028, 3, 1), "delivered_demand")
    assert decide_clocks(facts(END, before), CN).rule == "from_due"
    assert decide_clocks(facts(END, restarted(DUE, "payment")), CN).rule == "payment"


def test_elsewhere_nothing_begins_it_anew() -> None:
    paid = restarted(date(2025, 3, 1), "payment")
    assert decide_clocks(facts(END, paid), US).ends_on == END


def test_time_alone_changes_something_on_these_days() -> None:
    looked = []
    today: date | None = DUE
    guarantee = date(2024, 5, 10)
    while today is not None:
        today = next_look_on(decide_clocks(facts(today, guarantee=guarantee), CN), CN, today)
        looked.append(today)
    assert looked == [guarantee - 90 * DAY, END - 90 * DAY, END + DAY, None]


def test_a_leap_day_ends_on_the_last_of_february() -> None:
    assert years_after(date(2024, 2, 29), 3) == date(2027, 2, 28)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)
    assert years_after(date(2024, 2, 28), 3) == date(2027, 2, 28)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("cured", "opens", "late"),
    [
        (at(16, 8, 59), at(16, 9), at(16, 20)),
        (at(16, 9), at(16, 9), at(17, 9)),
        (at(16, 15), at(16, 15), at(17, 15)),
        (at(16, 19, 59), at(16, 19, 59), at(17, 19, 59)),
        (at(16, 20), at(17, 9), at(17, 20)),
        (at(16, 23), at(17, 9), at(17, 20)),
        (at(17, 0, 10), at(17, 9), at(17, 20)),
    ],
)
def test_thanks_are_said_within_a_day_inside_hours(cured: datetime, opens: datetime, late: datetime) -> None:
    window = CN.after_cure.window(cured.astimezone(UTC), ZoneInfo("Asia/Shanghai"))
    assert window == (opens, late)


def test_a_correction_is_due_at_the_end_of_the_second_business_day() -> None:
    zone, calendar = ZoneInfo("Asia/Shanghai"), HOUSE.rulebook.calendars["CN"]
    rule = CN.credit_report

    def last_day(now: datetime) -> date:
        return (rule.correct_by(now, zone, calendar) - timedelta(seconds=1)).astimezone(zone).date()

    assert last_day(at(17, 12)) == date(2026, 11, 19)
    # Friday: over the weekend; the day before National Day: over the holiday.
    assert last_day(at(20, 12)) == date(2026, 11, 24)
    assert last_day(datetime(2026, 9, 30, 12, tzinfo=zone)) == date(2026, 10, 9)


def test_faults_are_named() -> None:
    text = Path(str(HOUSE.rulebook.clocks.editions[0].path)).name
    assert text == "clocks-cn.yaml"
    short = CN.after_cure.__class__(ends=("cured",), hours=("09:00", "20:00"), within_hours=12)
    rule = CN.limitation.__class__(years=3, warn_days=90, restarts={"payment": "none"})
    bad = ClockPolicy(
        name=CN.name,
        version=1,
        effective_from=CN.effective_from,
        citation="x",
        calendar="CN",
        limitation=rule,
        guarantee_warn_days=90,
        credit_report=CN.credit_report,
        after_cure=short,
    )
    assert list(faults_of_clocks(bad)) == [
        "limitation.restarts.acknowledgement: missing",
        "limitation.restarts.delivered_demand: missing",
        "after_cure.within_hours: shorter than the time between two days' hours",
    ]
