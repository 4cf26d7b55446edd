"""Who starts on which business day after a cut-over: in order, so many a day, around what was given before."""

from __future__ import annotations

from collections import Counter
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spine.business_days import local_instant
from spine.calendars import load_calendars
from spine.policy import BadPolicy, read_rule_files
from stager.domain.cutover import first_day, start_days
from stager.policy import load_rulebook, rulebook_of
from tests.runtimes import SHANGHAI

CALENDARS = load_calendars()
CHINA = CALENDARS["CN"]
SHIPPED = read_rule_files("stager", None)
STRATEGY = load_rulebook().strategies.editions[0].policy
FRIDAY = date(2026, 11, 20)
MONDAY, TUESDAY = FRIDAY + timedelta(days=3), FRIDAY + timedelta(days=4)


def test_the_first_come_first_and_nobody_starts_on_a_weekend() -> None:
    given = start_days(dict.fromkeys("abcde", FRIDAY), {}, 2, CHINA)
    assert given == {"a": FRIDAY, "b": FRIDAY, "c": MONDAY, "d": MONDAY, "e": TUESDAY}


def test_places_given_before_are_taken_also_where_more_were_allowed_then() -> None:
    assert start_days(dict.fromkeys("ab", FRIDAY), {FRIDAY: 9, MONDAY: 1}, 2, CHINA) == {
        "a": MONDAY,
        "b": TUESDAY,
    }


def test_whose_plan_begins_later_leaves_the_earlier_places_to_others() -> None:
    waiting = {"a": MONDAY, "b": FRIDAY, "c": FRIDAY, "d": MONDAY}
    assert start_days(waiting, {}, 1, CHINA) == {
        "a": MONDAY,
        "b": FRIDAY,
        "c": TUESDAY,
        "d": TUESDAY + timedelta(days=1),
    }


def test_a_saturday_that_is_made_up_for_counts() -> None:
    saturday = date(2026, 10, 10)
    assert start_days({"a": date(2026, 10, 1)}, {}, 1, CHINA) == {"a": date(2026, 10, 8)}
    assert start_days({"a": saturday}, {}, 1, CHINA) == {"a": saturday}


@given(
    waiting=st.integers(0, 60),
    per_day=st.integers(1, 7),
    taken=st.dictionaries(st.sampled_from([FRIDAY, MONDAY, TUESDAY]), st.integers(0, 9)),
)
def test_no_day_gets_more_than_its_places(waiting: int, per_day: int, taken: dict[date, int]) -> None:
    given = start_days({str(n): FRIDAY for n in range(waiting)}, taken, per_day, CHINA)
    assert list(given.values()) == sorted(given.values())
    for day, count in Counter(given.values()).items():
        assert count + taken.get(day, 0) <= per_day
        assert CHINA.is_business_day(day)


@pytest.mark.parametrize(("hour", "minute", "later"), [(0, 10, 0), (8, 59, 0), (9, 0, 1), (23, 0, 1)])
def test_today_is_a_day_until_its_first_slot_opens(hour: int, minute: int, later: int) -> None:
    now = local_instant(FRIDAY, time(hour, minute), SHANGHAI)
    assert first_day(STRATEGY, now, SHANGHAI) == FRIDAY + timedelta(days=later)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("starts_per_day: 200", "starts_per_day: 0", "starts_per_day"),
        ("calendar: CN", "calendar: Atlantis", "calendar"),
        ("starts_per_day: 200", "starts_per_day: 200\nstarts_per_week: 9", "starts_per_week"),
    ],
)
def test_a_wrong_limit_is_refused_with_file_and_reason(old: str, new: str, fault: str) -> None:
    with pytest.raises(BadPolicy, match=fault) as refused:
        rulebook_of({**SHIPPED, "cutover.yaml": SHIPPED["cutover.yaml"].replace(old, new)}, CALENDARS)
    assert "cutover.yaml" in refused.value.detail
