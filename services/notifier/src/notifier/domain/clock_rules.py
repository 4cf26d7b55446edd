"""Rules that a clock lifts: windows, caps, gaps and cool-offs, as data."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from notifier.domain.local_time import Hours, Span, parse_spans
from notifier.domain.vocabulary import CapKey, Counted, Force, Some, Strict, When
from notifier.domain.week import Calendar, DayType, Week

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DayName = Literal["every_day"] | DayType | Weekday
_NAMES: Final[tuple[Weekday, ...]] = get_args(Weekday)
_KINDS: Final = frozenset({"workday", "weekend", "public_holiday"})

Pairs = tuple[tuple[str, str], ...]
Count = Annotated[int, Meta(ge=1, le=100_000)]


class Rule(Strict, frozen=True, kw_only=True):
    """What every rule has. A soft rule asks a person (review) where a hard one defers or denies.

    `part` tells rules of one id apart that bind different acts. `force`: where this rule comes from, if not from
    where its pack does. It binds from `effective_from` on and before `effective_until`.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$")]
    part: str | None = None
    citation: Annotated[str, Meta(min_length=1)]
    when: When = When()
    soft: bool = False
    force: Force | None = None
    effective_from: date | None = None
    effective_until: date | None = None

    def binds_on(self, day: date) -> bool:
        """Whether the rule is in force on a day."""
        return (self.effective_from is None or self.effective_from <= day) and (
            self.effective_until is None or day < self.effective_until
        )


class WindowRule(Rule, frozen=True, kw_only=True):
    """Half-open local windows in which the act may happen: [["08:00", "22:00"]] ends before 22:00:00.

    For every day, each weekday or each kind of day; the most particular counts: a date, a public holiday, a
    weekday, a kind of day. An empty list lets nothing happen on such days. `consent_may_waive`: on kinds of days
    for which the person stated hours for the channel, these take the place of the rule's.
    """

    days: dict[DayName, Pairs]
    dates: dict[date, Pairs] = msgspec.field(default_factory=dict)
    consent_may_waive: bool = False

    def __post_init__(self) -> None:
        given = self.days.keys()
        if not ("every_day" in given or given >= set(_NAMES) or given >= _KINDS):
            raise ValueError(
                "a window says what is allowed every day, on each weekday, or on each kind of day"
            )
        if "every_day" in given and (given >= set(_NAMES) or given & {"workday", "weekend"}):
            raise ValueError(
                "`every_day` beside all weekdays or beside kinds of days says two things of one day"
            )
        if ("workday" in given) != ("weekend" in given):
            raise ValueError("workdays and weekends are given together, with public holidays")
        if "workday" in given and "public_holiday" not in given:
            raise ValueError("workdays and weekends are given together, with public holidays")
        for pairs in (*self.days.values(), *self.dates.values()):
            _spans(pairs)

    def hours(self, calendar: Calendar) -> Hours:
        """The windows of the days, ascending; the calendar says which kind a day is."""
        if self.days.keys() == {"every_day"} and not self.dates:
            return _spans(self.days["every_day"])
        return Week(
            named=tuple(self._of(name, "every_day") for name in _NAMES),
            workday=self._of("workday"),
            weekend=self._of("weekend"),
            public_holiday=self._of("public_holiday"),
            dates=tuple((day, _spans(pairs)) for day, pairs in sorted(self.dates.items())),
            calendar=calendar,
        )

    def _of(self, *names: DayName) -> tuple[Span, ...] | None:
        return next((_spans(self.days[name]) for name in names if name in self.days), None)


class CapWindow(Strict, frozen=True, kw_only=True):
    """Exactly one: N consecutive local calendar days including today, elapsed hours, the local calendar week (from
    Monday) or month, the slot of the day, or for ever."""

    calendar_days: Count | None = None
    hours: Count | None = None
    calendar: Literal["week", "month"] | None = None
    slots: Some[tuple[str, str]] | None = None
    lifetime: Literal[True] | None = None

    def __post_init__(self) -> None:
        if sum(getattr(self, name) is not None for name in self.__struct_fields__) != 1:
            raise ValueError("give exactly one of calendar_days, hours, calendar, slots, lifetime")
        if self.slots is not None:
            parse_spans(self.slots)


class CapRule(Rule, frozen=True, kw_only=True):
    """At most `limit` counted contacts per key in the window; the one being decided would be one more."""

    limit: Count
    counts: Some[Counted]
    per: CapKey
    window: CapWindow


class GapRule(Rule, frozen=True, kw_only=True):
    """At least so many minutes between the last counted contact and this one; none before, none asked."""

    after: Some[Counted]
    per: CapKey
    minutes: Count


class CoolOffRule(Rule, frozen=True, kw_only=True):
    """No contact for so many local calendar days after the last counted one.

    `trigger_day_is_day_1`: the day of that contact is the first of them.
    """

    after: Some[Counted]
    per: CapKey
    days: Count
    trigger_day_is_day_1: bool

    def days_closed(self) -> int:
        """How many days after that of the trigger the next contact may happen."""
        return self.days if self.trigger_day_is_day_1 else self.days + 1


def _spans(pairs: Pairs) -> tuple[Span, ...]:
    return parse_spans(pairs) if pairs else ()
