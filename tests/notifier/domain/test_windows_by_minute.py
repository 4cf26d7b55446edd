"""Windows over a year of each zone, against a count of every minute that knows nothing of edges or changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.clock_rules import WindowRule
from notifier.domain.decide import decide, next_window_end
from notifier.domain.decision import Verdict
from notifier.domain.facts import Party
from notifier.domain.pack import Zones
from tests.notifier.domain.builders import facts, pack

YEAR = 2026
BEGIN = datetime(YEAR, 1, 1, tzinfo=UTC)
#: A year, and 31 days to look ahead into.
MINUTES = (365 + 31) * 24 * 60
#: Prime to the minutes of an hour and of a day, so that every time of day comes up.
STRIDE = 1061
PLACES = [
    ("Asia/Shanghai",),
    ("America/New_York",),
    ("America/Los_Angeles",),
    ("Europe/London",),
    ("Asia/Kolkata",),
    ("Australia/Sydney",),
    ("Australia/Lord_Howe",),
    ("America/New_York", "America/Los_Angeles"),
    ("Europe/London", "Australia/Lord_Howe"),
]
Open = Callable[[int, int], bool]


def from_eight_to_ten(_weekday: int, minute: int) -> bool:
    return 8 * 60 <= minute < 22 * 60


def where_clocks_are_moved(_weekday: int, minute: int) -> bool:
    """Begins in the hour that is skipped or doubled, and ends with the day."""
    return 90 <= minute < 150 or minute >= 23 * 60


def sundays_apart(weekday: int, minute: int) -> bool:
    return 600 <= minute < 1080 if weekday == 6 else 480 <= minute < 1260


RULES: list[tuple[Open, WindowRule]] = [
    (
        from_eight_to_ten,
        WindowRule(id="W", citation="test", days={"every_day": (("08:00", "22:00"),)}),
    ),
    (
        where_clocks_are_moved,
        WindowRule(id="W", citation="test", days={"every_day": (("01:30", "02:30"), ("23:00", "24:00"))}),
    ),
    (
        sundays_apart,
        WindowRule(
            id="W",
            citation="test",
            days={"every_day": (("08:00", "21:00"),), "sunday": (("10:00", "18:00"),)},
        ),
    ),
]


def clocks(name: str) -> list[tuple[int, int]]:
    """What a clock on the wall shows each minute: weekday and minute of the day."""
    zone, seconds = ZoneInfo(name), int(BEGIN.timestamp())
    shown = []
    for n in range(MINUTES):
        local = datetime.fromtimestamp(seconds + n * 60, zone)
        shown.append((local.weekday(), local.hour * 60 + local.minute))
    return shown


def next_minutes(states: Sequence[bool], wanted: bool) -> list[int | None]:
    """For each minute the first from it on that is in the state, found by going back through all of them."""
    found: list[int | None] = [None] * len(states)
    following = None
    for n in range(len(states) - 1, -1, -1):
        if states[n] is wanted:
            following = n
        found[n] = following
    return found


def looked_at(shown: Sequence[Sequence[tuple[int, int]]]) -> set[int]:
    """Minutes over the whole year, and each of the hours about a change of any of the clocks."""
    chosen = set(range(0, 365 * 24 * 60, STRIDE))
    for clock in shown:
        for n in range(1, 365 * 24 * 60):
            step = (clock[n][1] - clock[n - 1][1]) % 1440
            if step != 1:
                chosen.update(range(max(0, n - 240), n + 240, 7), range(max(0, n - 4), n + 4))
    return chosen


@pytest.mark.parametrize("names", PLACES, ids="+".join)
def test_windows_open_and_close_at_the_minute_a_count_of_all_minutes_finds(names: tuple[str, ...]) -> None:
    shown = [clocks(name) for name in names]
    minutes = looked_at(shown)
    what = facts(party=Party("p1", candidate_timezones=names))
    for is_open, rule in RULES:
        policy = (pack(rule, zones=Zones(rule="all_candidates")),)
        states = [all(is_open(*each) for each in moment) for moment in zip(*shown, strict=True)]
        opens, closes = next_minutes(states, True), next_minutes(states, False)
        for n in minutes:
            now = BEGIN + timedelta(minutes=n)
            decision, end = decide(what, policy, now), next_window_end(what, policy, now)
            told = now if decision.verdict is Verdict.ALLOW else decision.until
            expected, over = opens[n], closes[n]
            assert expected is not None or decision.verdict is Verdict.DENY, now
            if expected is not None:
                assert told == BEGIN + timedelta(minutes=expected), now
            assert over is not None
            assert end == BEGIN + timedelta(minutes=over), now


def test_the_year_has_skipped_and_doubled_hours_where_clocks_are_moved() -> None:
    steps = {
        name: {(b[1] - a[1]) % 1440 for a, b in pairwise(shown)} - {1}
        for name, shown in ((name, clocks(name)) for name in ("Australia/Lord_Howe", "Europe/London"))
    }
    assert steps == {"Australia/Lord_Howe": {31, 1440 - 29}, "Europe/London": {61, 1440 - 59}}


def test_a_date_of_its_own_comes_before_holidays_weekdays_and_kinds_of_days() -> None:
    rule = WindowRule(
        id="W",
        citation="test",
        days={"workday": (("09:00", "17:00"),), "weekend": (("10:00", "12:00"),), "public_holiday": ()},
        dates={date(2026, 10, 1): (("13:00", "14:00"),)},
    )
    policy = (pack(rule),)

    def opening(at: str) -> str:
        decision = decide(facts(), policy, datetime.fromisoformat(at))
        return str(decision.until and decision.until.astimezone(ZoneInfo("Asia/Shanghai")))

    # A working Saturday, the eve of the holidays, the date, the day after them.
    assert opening("2026-09-20T08:00:00+08:00") == "2026-09-20 09:00:00+08:00"
    assert opening("2026-09-30T17:00:00+08:00") == "2026-10-01 13:00:00+08:00"
    assert opening("2026-10-01T14:00:00+08:00") == "2026-10-08 09:00:00+08:00"
    assert opening("2026-09-19T08:00:00+08:00") == "2026-09-19 10:00:00+08:00"
