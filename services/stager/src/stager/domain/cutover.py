"""Cut-over: how many borrowers of a portfolio taken over start on one business day, and who starts when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from spine.business_days import Calendar, add_business_days, business_date, local_instant
from stager.domain.stage_policy import PolicyName
from stager.domain.strategy import Strategy


class CutoverPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limit of the ramp-up, in one version. `calendar`: of whose business days it speaks."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    calendar: str
    starts_per_day: Annotated[int, Meta(ge=1, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Start:
    """When the steps of a loan taken over begin; `on` is None while its borrower has no day yet."""

    on: date | None


def first_day(strategy: Strategy, now: datetime, zone: ZoneInfo) -> date:
    """The first date whose steps are all still ahead: today until its first slot opens, else tomorrow."""
    today = business_date(now, zone)
    opens = min(slot.opens for slot in strategy.slots.values())
    return today if now < local_instant(today, opens, zone) else today + timedelta(days=1)


def start_days(
    waiting: Mapping[str, date], taken: Mapping[date, int], per_day: int, calendar: Calendar
) -> dict[str, date]:
    """A business day for each who waits, in their order; `waiting`: the first date that would do, by borrower.

    `taken` are the places given before, by day.
    """
    places = Counter(taken)
    #: By the date from which one looks: the day that was the first with a place.
    found: dict[date, date] = {}
    days = {}
    for borrower_id, first_on in waiting.items():
        day = found.get(first_on) or add_business_days(first_on - timedelta(days=1), 1, calendar)
        while places[day] >= per_day:
            day = add_business_days(day, 1, calendar)
        days[borrower_id] = found[first_on] = day
        places[day] += 1
    return days
