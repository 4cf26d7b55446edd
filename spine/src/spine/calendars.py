"""Business calendars by place: the days of the `holidays` library, or what the rules state of a year instead."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import holidays
import msgspec
import structlog
from msgspec import Meta

from spine.policy import BadPolicy, load_policy, read_rule_files

log = structlog.get_logger()

#: ISO 3166: a country, or a country and its state.
_CODE: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_EXAMPLES: Final = ("CN", "US", "US-NY", "GB-ENG", "AU-NSW", "IN-MH")
_MOST_NAMED: Final = 8
# A country that moves days by notice does so at least once in this many years.
_NOTICE_YEARS: Final = 5


class Span(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_on": "from", "to_on": "to"}
):
    """Days from one date through another."""

    from_on: date
    to_on: date

    def days(self) -> list[date]:
        """Each of its days, both ends included."""
        return [self.from_on + timedelta(days=n) for n in range((self.to_on - self.from_on).days + 1)]


class StatedYear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One year of a calendar as its source states it. `workdays`: days of a weekend that are worked."""

    year: Annotated[int, Meta(ge=1900, le=2200)]
    citation: Annotated[str, Meta(min_length=1)]
    holidays: tuple[Span, ...]
    workdays: tuple[date, ...] = ()
    unverified: bool = False

    def free(self) -> frozenset[date]:
        """The days that are holidays."""
        return frozenset(day for span in self.holidays for day in span.days())


class CalendarRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file calendars.yaml. `set_by_notice`: calendars of which a year is known only by its notice."""

    version: str
    set_by_notice: tuple[str, ...]
    calendars: dict[str, tuple[StatedYear, ...]]


@dataclass(frozen=True, slots=True)
class _Year:
    not_business: frozenset[date]
    known: bool
    holidays: frozenset[date]


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The business days of one place. A value: two of the same code and stated years are equal.

    A state's holidays are its own list (the national ones it keeps included), a country's the national list.
    """

    code: str
    stated: tuple[StatedYear, ...] = ()
    set_by_notice: bool = False
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_business_day(self, on: date, /) -> bool:
        """Whether the date is worked: no weekend and no holiday, or a weekend day that is made up for."""
        return on not in (self._years.get(on.year) or self._work_out(on.year)).not_business

    def is_holiday(self, on: date, /) -> bool:
        """Whether the date is a public holiday, on a weekend or not."""
        return on in (self._years.get(on.year) or self._work_out(on.year)).holidays

    def known(self, on: date, /) -> bool:
        """Whether somebody has said which days of this date's year are worked.

        Otherwise only what the library derives from the law is counted, or weekends alone beyond its range.
        """
        return (self._years.get(on.year) or self._work_out(on.year)).known

    def _work_out(self, number: int) -> _Year:
        stated = next((each for each in self.stated if each.year == number), None)
        year = _of_library(self, number) if stated is None else _as_stated(self.code, stated)
        if not year.known:
            log.warning(
                "calendar year is not known: holidays may be missing",
                calendar=self.code,
                year=number,
                mend="update `holidays` or state the year in calendars.yaml",
            )
        self._years[number] = year
        return year


class Calendars(Mapping[str, BusinessCalendar]):
    """Every calendar there is, by code; each is worked out when it is first asked for."""

    def __init__(self, rules: CalendarRules) -> None:
        self._rules = rules
        self._made: dict[str, BusinessCalendar] = {}

    @property
    def version(self) -> str:
        """Of the days stated here and of those of the library."""
        return f"{self._rules.version} holidays-{version('holidays')}"

    def __getitem__(self, code: str) -> BusinessCalendar:
        made = self._made.get(code)
        if made is None:
            if not _exists(code):
                raise KeyError(code)
            rules = self._rules
            made = BusinessCalendar(code, rules.calendars.get(code, ()), code in rules.set_by_notice)
            made = self._made.setdefault(code, made)
        return made

    def __iter__(self) -> Iterator[str]:
        for country, states in holidays.list_supported_countries(include_aliases=False).items():
            codes = (country, *(f"{country}-{state}" for state in states))
            yield from (code for code in codes if _CODE.fullmatch(code))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def refusal(self, code: str) -> str:
        """Why there is no calendar of this code, naming some that there are."""
        country = code.partition("-")[0]
        known: tuple[str, ...] = _EXAMPLES
        if country in self:
            states = sorted(_entity(country).subdivisions)
            known = (country, *[f"{country}-{state}" for state in states if len(state) <= 3][:_MOST_NAMED])
        return f"no calendar {code[:40]!r}; there are {', '.join(known)} and others by their ISO 3166 codes"


def load_calendars(policy_dir: Path | None = None) -> Calendars:
    """The calendars of the shipped file, or of `<policy_dir>/spine/calendars.yaml` when there is one.

    Raises BadPolicy for what cannot be: unknown codes, a year twice, days of another year, worked weekdays.
    """
    [(name, text)] = read_rule_files("spine", policy_dir, "calendars.yaml").items()
    rules = load_policy(CalendarRules, text, path=name).policy
    for code in (*rules.set_by_notice, *rules.calendars):
        if not _exists(code):
            raise BadPolicy(f"{name}: {Calendars(rules).refusal(code)}")
    for code, years in rules.calendars.items():
        if len({each.year for each in years}) != len(years):
            raise BadPolicy(f"{name}: {code}: a year is given twice")
        for each in years:
            if fault := next(_faults(code, each), None):
                raise BadPolicy(f"{name}: {code} {each.year}: {fault}")
    return Calendars(rules)


def _faults(code: str, stated: StatedYear) -> Iterator[str]:
    entity, free = _entity(code), stated.free()
    yield from (f"{span.from_on} is after {span.to_on}" for span in stated.holidays if not span.days())
    yield from (f"{day} is of another year" for day in {*free, *stated.workdays} if day.year != stated.year)
    yield from (f"{day} is a holiday and a workday" for day in stated.workdays if day in free)
    yield from (f"{day} is a weekday, worked anyway" for day in stated.workdays if not entity.is_weekend(day))


def _exists(code: str) -> bool:
    if not _CODE.fullmatch(code):
        return False
    country, _, state = code.partition("-")
    try:
        entity = _entity(code)
    except NotImplementedError:
        return False
    # The library also answers to names of its own: UK for GB, old codes of states.
    return entity.country == country and (not state or state in entity.subdivisions)


def _entity(code: str, *years: int) -> holidays.HolidayBase:
    """The library's days of a place; it says NotImplementedError where it does not know one."""
    country, _, state = code.partition("-")
    return holidays.country_holidays(country, subdiv=state or None, years=years, language="en_US")


def _days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year, 12, 31) - first).days + 1)]


def _as_stated(code: str, stated: StatedYear) -> _Year:
    entity, free, worked = _entity(code), stated.free(), frozenset(stated.workdays)
    closed = (d for d in _days_of(stated.year) if d in free or (entity.is_weekend(d) and d not in worked))
    return _Year(frozenset(closed), known=True, holidays=free)


def _of_library(calendar: BusinessCalendar, number: int) -> _Year:
    with warnings.catch_warnings(record=True) as out_of_range:
        warnings.simplefilter("always")
        entity = _entity(calendar.code, number)
        closed = frozenset(day for day in _days_of(number) if not entity.is_working_day(day))
        known = entity.start_year <= number <= entity.end_year and not out_of_range
        if known and calendar.set_by_notice:
            following = _entity(calendar.code, *range(number, number + _NOTICE_YEARS))
            known = any(day.year >= number for day in following.weekend_workdays)
    return _Year(closed, known, holidays=frozenset(day for day in _days_of(number) if day in entity))
