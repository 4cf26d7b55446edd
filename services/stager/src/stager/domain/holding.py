"""Until when a hold lasts when nobody says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spine.business_days import Calendar, add_business_days, business_date, end_of_business_date
from stager.domain.hold_policy import HoldPolicy


def lasts_until(
    policy: HoldPolicy, kind: str, placed_at: datetime, zone: ZoneInfo, calendars: Mapping[str, Calendar]
) -> datetime | None:
    """The end (exclusive) of a hold placed at this instant: the end of its last day in `zone`; None if open.

    The day it was placed does not count: a claim of a Friday with 3 business days lasts through Wednesday, later
    when holidays lie between.
    """
    lasting = policy.kinds[kind].ends_after
    if lasting is None:
        return None
    day = business_date(placed_at, zone)
    if lasting.business_days is not None and policy.calendar is not None:
        last = add_business_days(day, lasting.business_days, calendars[policy.calendar])
    else:
        last = day + timedelta(days=lasting.days or 0)
    return end_of_business_date(last, zone)
