"""Local days and windows as instants, exact where clocks are put forward or back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_DAY = timedelta(days=1)
#: Files beside the zones: of the machine, of no place, and with clocks that count leap seconds.
_NO_PLACE = frozenset({"localtime", "posixrules", "Factory", "leapseconds"})
_OTHER_CLOCKS = ("right/", "posix/")
MINUTES_A_DAY = 24 * 60


class Span(NamedTuple):
    """[start, end) in minutes since local midnight, as a clock on the wall shows them."""

    start: int
    end: int


ALL_DAY = (Span(0, MINUTES_A_DAY),)


class HoursByDay(Protocol):
    """Windows that are not the same every day."""

    def on(self, day: date, /) -> tuple[Span, ...]: ...


#: The windows of every day, or those of each day.
Hours = tuple[Span, ...] | HoursByDay


def spans_on(hours: Hours, day: date) -> tuple[Span, ...]:
    """The windows of a local day."""
    return hours if isinstance(hours, tuple) else hours.on(day)


def parse_spans(pairs: Iterable[tuple[str, str]]) -> tuple[Span, ...]:
    """Windows from ("08:00", "22:00") pairs; ValueError unless ascending, apart and not empty."""
    spans = tuple(Span(_minutes(start), _minutes(end)) for start, end in pairs)
    edges = [edge for span in spans for edge in span]
    if edges != sorted(set(edges)):
        raise ValueError(f"windows must be ascending, apart and not empty: {spans}")
    return spans


def _minutes(clock: str) -> int:
    if not _CLOCK.fullmatch(clock):
        raise ValueError(f"a time of day is written 08:00, not {clock!r}")
    return int(clock[:2]) * 60 + int(clock[3:])


@lru_cache(maxsize=2048)
def known_zone(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, None when there is none such: nor when it only means this machine's."""
    if name in _NO_PLACE or name.startswith(_OTHER_CLOCKS):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def is_inside(instant: datetime, zone: ZoneInfo, hours: Hours) -> bool:
    """Whether the wall clock of the zone shows a time in one of the spans."""
    local = instant.astimezone(zone)
    minute = local.hour * 60 + local.minute
    # A loop, not any(): half of all the time of a decision that is deferred is spent here.
    for start, end in hours if isinstance(hours, tuple) else hours.on(local.date()):
        if start <= minute < end:
            return True
    return False


def next_inside(at: datetime, zone: ZoneInfo, hours: Hours, latest: datetime) -> datetime | None:
    """The least instant from `at` (UTC) on inside the spans; None if there is none up to `latest`."""
    if is_inside(at, zone, hours):
        return at
    return _next_change(at, zone, hours, latest, inside=True)


def next_outside(at: datetime, zone: ZoneInfo, hours: Hours, latest: datetime) -> datetime | None:
    """The least instant from `at` (UTC) on outside the spans; None if there is none up to `latest`."""
    if not is_inside(at, zone, hours):
        return at
    return _next_change(at, zone, hours, latest, inside=False)


def _next_change(
    at: datetime, zone: ZoneInfo, hours: Hours, latest: datetime, *, inside: bool
) -> datetime | None:
    # Inside-ness changes only where the clock shows an edge or is moved, so the first of these that fits is
    # the least instant.
    day = at.astimezone(zone).date()
    while True:
        edges = [edge for edge in _edges(zone, day, spans_on(hours, day)) if edge > at]
        fitting = [edge for edge in edges if is_inside(edge, zone, hours) is inside]
        if fitting:
            found = min(fitting)
            return found if found <= latest else None
        if edges and min(edges) > latest:
            return None
        day += _DAY
        if day_start(day, zone) > latest:
            return None


@lru_cache(maxsize=8192)
def _edges(zone: ZoneInfo, day: date, spans: tuple[Span, ...]) -> tuple[datetime, ...]:
    """Every instant of a local day at which the clock shows an edge of a span, midnight, or is moved."""
    minutes = {0, *(edge for span in spans for edge in span)}
    moved = clock_change(zone, day)
    return tuple(
        sorted(
            {_instant(day, minute, zone, fold) for minute in minutes for fold in (0, 1)}
            | ({moved} if moved is not None else set())
        )
    )


def _instant(day: date, minute: int, zone: ZoneInfo, fold: int) -> datetime:
    local = datetime.combine(day, time()) + timedelta(minutes=minute)
    return local.replace(tzinfo=zone, fold=fold).astimezone(UTC)


@lru_cache(maxsize=8192)
def clock_change(zone: ZoneInfo, day: date) -> datetime | None:
    """The instant at which the zone's clocks are moved on a local day, None on all other days."""
    before = datetime.combine(day, time(), zone)
    after = datetime.combine(day + _DAY, time(), zone).replace(fold=1)
    old = before.utcoffset()
    if old == after.utcoffset():
        return None
    low, high = before.astimezone(UTC), after.astimezone(UTC)
    if low.astimezone(zone).utcoffset() != old:
        # Midnight itself is skipped: the day begins with the change.
        return low
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=8192)
def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) of a local day, also where midnight is skipped."""
    midnight = _instant(day, 0, zone, 0)
    if midnight.astimezone(zone).date() == day:
        return midnight
    # The whole day does not exist: what follows it begins where the clock was moved.
    moved = clock_change(zone, day)
    return moved if moved is not None else midnight
