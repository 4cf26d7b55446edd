"""Business days, and until when holds last."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from spine.business_days import add_business_days
from spine.calendars import load_calendars
from stager.domain.hold_policy import HoldPolicy, HoldRule, Lasting
from stager.domain.holding import lasts_until

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDARS = load_calendars()


def table(calendar: str | None = "CN", **kinds: HoldRule) -> HoldPolicy:
    return HoldPolicy(
        name="holds", version=1, effective_from=date(2020, 1, 1), citation="t", calendar=calendar, kinds=kinds
    )


CLAIM = HoldRule(blocks="all", ends_after=Lasting(business_days=3))


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2026-11-20", 3, "2026-11-25"),  # Friday to Wednesday
        ("2026-11-21", 1, "2026-11-23"),  # Saturday to Monday
        ("2026-11-23", 1, "2026-11-24"),
        ("2026-11-23", 0, "2026-11-23"),
        ("2026-09-29", 1, "2026-09-30"),  # the last day before National Day
        ("2026-09-30", 1, "2026-10-08"),  # and over its week
        ("2026-09-30", 3, "2026-10-10"),  # Saturday 10-10 is made up for
        ("2026-09-30", 4, "2026-10-12"),
        ("2026-10-16", 1, "2026-10-19"),  # the Saturday after is none
        ("2026-09-18", 1, "2026-09-20"),  # Sunday 09-20 is one, Saturday 09-19 is not
    ],
)
def test_weekends_and_holidays_do_not_count_and_make_up_days_do(day: str, count: int, expected: str) -> None:
    found = add_business_days(date.fromisoformat(day), count, CALENDARS["CN"])
    assert found == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("calendar", "placed_on", "ends"),
    [
        ("CN", date(2026, 11, 20), date(2026, 11, 26)),  # Friday: through Wednesday
        ("CN", date(2026, 9, 30), date(2026, 10, 11)),  # before National Day: through the worked Saturday
        ("US", date(2026, 9, 30), date(2026, 10, 6)),
        ("US", date(2026, 11, 24), date(2026, 12, 1)),  # over Thanksgiving
        ("CN", date(2026, 11, 24), date(2026, 11, 28)),
    ],
)
def test_a_claim_lasts_three_business_days_of_the_tables_calendar(
    calendar: str, placed_on: date, ends: date
) -> None:
    for at in (time(0), time(23, 59)):
        placed = datetime.combine(placed_on, at, SHANGHAI)
        until = lasts_until(table(calendar, claim=CLAIM), "claim", placed, SHANGHAI, CALENDARS)
        assert until == datetime.combine(ends, time(0), SHANGHAI)


def test_calendar_days_count_from_the_day_after() -> None:
    policy = table(None, respite=HoldRule(blocks="all", ends_after=Lasting(days=60)))
    until = lasts_until(policy, "respite", datetime(2026, 1, 1, 4, tzinfo=UTC), SHANGHAI, CALENDARS)
    assert until == datetime.combine(date(2026, 3, 3), time(0), SHANGHAI)


def test_a_hold_without_a_length_stays_open() -> None:
    policy = table(open=HoldRule(blocks="all"))
    placed = datetime(2026, 1, 1, tzinfo=UTC)
    assert lasts_until(policy, "open", placed, SHANGHAI, CALENDARS) is None
