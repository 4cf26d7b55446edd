"""When members of the team are at work: the house's calendar and hours, their shifts, and their absences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from spine.business_days import Calendar, add_business_days, business_date, local_instant
from stager.domain.work_policy import DayType, WorkPolicy, minutes_of, time_of

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Shift:
    """Work from one local minute of the day to another (half-open), on days of a type."""

    day_type: DayType
    from_minute: int
    to_minute: int


@dataclass(frozen=True, slots=True)
class Absence:
    """A member is away in [from_at, to_at). `moved_at`: when what they had to do went to others."""

    absence_id: str
    member_id: str
    from_at: datetime
    to_at: datetime
    reason: str
    recorded_by: str
    recorded_at: datetime
    moved_at: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Whether the member is away at this instant."""
        return self.from_at <= at < self.to_at


def day_type_of(day: date, calendar: Calendar) -> DayType:
    """A weekend day that is made up for is a workday, a weekday that is free a public holiday."""
    if calendar.is_business_day(day):
        return "workday"
    return "weekend" if day.weekday() >= _SATURDAY else "public_holiday"


def shifts_of_house(policy: WorkPolicy) -> tuple[Shift, ...]:
    """The hours of members without shifts of their own."""
    hours: Mapping[DayType, Sequence[tuple[str, str]]] = policy.hours
    return tuple(
        Shift(day_type, minutes_of(begin), minutes_of(end))
        for day_type, windows in hours.items()
        for begin, end in windows
    )


def is_at_work(
    at: datetime,
    shifts: Sequence[Shift],
    absences: Sequence[Absence],
    zone: ZoneInfo,
    calendar: Calendar,
) -> bool:
    """Whether an instant lies in a shift and in no absence."""
    local = at.astimezone(zone)
    minute, day_type = local.hour * 60 + local.minute, day_type_of(local.date(), calendar)
    return any(
        shift.day_type == day_type and shift.from_minute <= minute < shift.to_minute for shift in shifts
    ) and not any(absence.covers(at) for absence in absences)


def next_try(at: datetime, policy: WorkPolicy, zone: ZoneInfo, calendar: Calendar) -> datetime:
    """When a task that nobody is fit for now is looked at again: on the next business day."""
    day = add_business_days(business_date(at, zone), 1, calendar)
    return local_instant(day, time_of(policy.assignment.retry_at), zone)
