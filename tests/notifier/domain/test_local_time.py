"""Windows agree with a plain minute-by-minute walk over the clocks, also where clocks are moved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.local_time import (
    clock_change,
    day_start,
    known_zone,
    next_inside,
    next_outside,
    parse_spans,
)

MINUTE = timedelta(minutes=1)
WINDOWS = (
    (("08:00", "22:00"),),
    (("08:00", "12:00"), ("18:00", "22:00")),
    (("01:30", "02:30"),),
    (("00:30", "01:30"), ("02:00", "02:15")),
    (("00:00", "24:00"),),
    (("23:30", "24:00"),),
)
#: A zone and a day on which its clocks are moved, with the odd ones: half an hour, and at midnight.
DAYS = (
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/London", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Shanghai", date(2026, 11, 24)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("Asia/Beirut", date(2026, 10, 24)),
)


def walked(zone: ZoneInfo, day: date, pairs: tuple[tuple[str, str], ...]) -> list[tuple[datetime, bool]]:
    """Every minute around a day and whether the clock on the wall shows a time in the windows."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    minutes = []
    for n in range(84 * 60):
        instant = start + n * MINUTE
        shown = instant.astimezone(zone).strftime("%H:%M")
        minutes.append((instant, any(begin <= shown < end for begin, end in pairs)))
    return minutes


@pytest.mark.parametrize(("name", "day"), DAYS)
@pytest.mark.parametrize("pairs", WINDOWS, ids=lambda pairs: "+".join("-".join(pair) for pair in pairs))
def test_the_next_opening_and_closing_are_those_of_a_minute_by_minute_walk(
    name: str, day: date, pairs: tuple[tuple[str, str], ...]
) -> None:
    zone, spans = ZoneInfo(name), parse_spans(pairs)
    minutes = walked(zone, day, pairs)
    latest = minutes[-1][0]
    next_in = next_out = None
    for index in range(len(minutes) - 1, -1, -1):
        instant, inside = minutes[index]
        next_in, next_out = (instant, next_out) if inside else (next_in, instant)
        # Every minute near an edge, and some of the others.
        near = any(a[1] != b[1] for a, b in pairwise(minutes[max(index - 2, 0) : index + 3]))
        if near or index % 97 == 0:
            assert next_inside(instant, zone, spans, latest) == next_in
            assert next_outside(instant, zone, spans, latest) == next_out


@pytest.mark.parametrize(("name", "day"), DAYS)
def test_a_day_starts_at_its_first_minute_even_where_midnight_is_skipped(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    first = next(i for i, _ in walked(zone, day, ()) if i.astimezone(zone).date() == day)
    assert day_start(day, zone) == first


def test_clock_changes_are_found_to_the_second() -> None:
    assert clock_change(ZoneInfo("America/New_York"), date(2026, 11, 1)) == datetime(
        2026, 11, 1, 6, tzinfo=UTC
    )
    lord_howe = clock_change(ZoneInfo("Australia/Lord_Howe"), date(2026, 4, 5))
    assert lord_howe == datetime(2026, 4, 4, 15, tzinfo=UTC)
    assert clock_change(ZoneInfo("America/New_York"), date(2026, 11, 2)) is None


@pytest.mark.parametrize("name", ["", "nowhere", "../etc/passwd", "America", "a\0b", "x" * 300])
def test_a_name_that_is_no_zone_is_not_known(name: str) -> None:
    assert known_zone(name) is None


@pytest.mark.parametrize(
    "pairs",
    [
        (("22:00", "08:00"),),
        (("08:00", "08:00"),),
        (("08:00", "12:00"), ("11:00", "13:00")),
        (("08:00", "12:00"), ("12:00", "13:00")),
        (("8:00", "12:00"),),
        (("08:00", "24:01"),),
    ],
)
def test_windows_that_are_empty_overlap_or_touch_are_refused(pairs: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match=r"windows|time of day"):
        parse_spans(pairs)
