"""Business days, and until when holds last."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from stager.domain.business_days import add_business_days
from stager.domain.hold_policy import HoldRule, Lasting
from stager.domain.holding import lasts_until

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 11, 20), 3, date(2026, 11, 25)),  # Friday to Wednesday
        (date(2026, 11, 21), 1, date(2026, 11, 23)),  # Saturday to Monday
        (date(2026, 11, 23), 1, date(2026, 11, 24)),
        (date(2026, 11, 23), 0, date(2026, 11, 23)),
    ],
)
def test_weekends_do_not_count(day: date, count: int, expected: date) -> None:
    assert add_business_days(day, count) == expected


def test_a_calendar_may_know_holidays() -> None:
    holiday = date(2026, 11, 24)
    after = add_business_days(date(2026, 11, 23), 1, lambda day: day.weekday() < 5 and day != holiday)
    assert after == date(2026, 11, 25)


def test_a_claim_of_friday_lasts_through_wednesday() -> None:
    rule = HoldRule(blocks="all", ends_after=Lasting(business_days=3))
    placed = datetime.combine(date(2026, 11, 20), time(23, 59), SHANGHAI)
    until = lasts_until(rule, placed, SHANGHAI)
    assert until == datetime.combine(date(2026, 11, 26), time(0), SHANGHAI)


def test_calendar_days_count_from_the_day_after() -> None:
    rule = HoldRule(blocks="all", ends_after=Lasting(days=60))
    until = lasts_until(rule, datetime(2026, 1, 1, 4, tzinfo=UTC), SHANGHAI)
    assert until == datetime.combine(date(2026, 3, 3), time(0), SHANGHAI)


def test_a_hold_without_a_length_stays_open() -> None:
    assert lasts_until(HoldRule(blocks="all"), datetime(2026, 1, 1, tzinfo=UTC), SHANGHAI) is None
