"""Windows that differ by the day: its date, a public holiday, its weekday, or the kind of day it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from notifier.domain.local_time import ALL_DAY, Hours, Span, spans_on

DayType = Literal["workday", "weekend", "public_holiday"]


class Calendar(Protocol):
    """Which days are worked where, and whether that is known."""

    def is_business_day(self, on: date, /) -> bool: ...

    def is_holiday(self, on: date, /) -> bool: ...

    def known(self, on: date, /) -> bool: ...


def kind_of(day: date, calendar: Calendar) -> DayType | None:
    """Which kind of day it is; None where nobody knows."""
    if not calendar.known(day):
        return None
    if calendar.is_holiday(day):
        return "public_holiday"
    return "workday" if calendar.is_business_day(day) else "weekend"


@dataclass(frozen=True, slots=True)
class Week:
    """A rule's windows. A day has none when its kind matters and nobody knows it.

    `named`: from Monday on; None where a weekday has none of its own.
    """

    named: tuple[tuple[Span, ...] | None, ...]
    workday: tuple[Span, ...] | None
    weekend: tuple[Span, ...] | None
    public_holiday: tuple[Span, ...] | None
    dates: tuple[tuple[date, tuple[Span, ...]], ...]
    calendar: Calendar

    def on(self, day: date) -> tuple[Span, ...]:
        """The windows of a local day."""
        for special, spans in self.dates:
            if special == day:
                return spans
        named = self.named[day.weekday()]
        if self.public_holiday is None:
            return named or ()
        kind = kind_of(day, self.calendar)
        if kind is None:
            return ()
        if kind == "public_holiday":
            return self.public_holiday
        return (named if named is not None else self.workday if kind == "workday" else self.weekend) or ()


@dataclass(frozen=True, slots=True)
class StatedHours:
    """The hours a person stated for kinds of days. On other days any hour is right."""

    day_types: tuple[str, ...]
    spans: tuple[Span, ...]
    calendar: Calendar

    def on(self, day: date) -> tuple[Span, ...]:
        """The windows of a local day."""
        kind = kind_of(day, self.calendar)
        if kind is None:
            return ()
        return self.spans if kind in self.day_types else ALL_DAY


@dataclass(frozen=True, slots=True)
class WaivedHours:
    """A rule's windows, except on the days for which the person stated hours."""

    hours: Hours
    stated: StatedHours

    def on(self, day: date) -> tuple[Span, ...]:
        """The windows of a local day; on such days any hour is right, as far as the rule goes."""
        if kind_of(day, self.stated.calendar) in self.stated.day_types:
            return ALL_DAY
        return spans_on(self.hours, day)


@dataclass(frozen=True, slots=True)
class NarrowedHours:
    """A rule's windows as far as they are within the hours the person stated."""

    hours: Hours
    stated: StatedHours

    def on(self, day: date) -> tuple[Span, ...]:
        """What is left of the windows of a local day."""
        own = self.stated.on(day)
        shared = (
            Span(max(rule.start, person.start), min(rule.end, person.end))
            for rule in spans_on(self.hours, day)
            for person in own
        )
        return tuple(span for span in shared if span.start < span.end)
