"""The clocks of a claim as data: how long it can be sued for, when credit reporting begins, what follows a cure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from spine.business_days import (
    Calendar,
    add_business_days,
    business_date,
    end_of_business_date,
    local_instant,
)
from spine.policy import Fault
from stager.domain.scopes import Scope
from stager.domain.stage_policy import PolicyName, faults_of_scope
from stager.domain.work_policy import Clock, minutes_of, time_of

Ground = Literal["payment", "acknowledgement", "delivered_demand"]
#: What a ground does to limitation: nothing; begins it anew while it runs; begins it anew even after its end.
Effect = Literal["none", "interrupts", "revives"]
#: What shows that an adverse report was wrong.
CorrectionGround = Literal["on_time_money", "dispute_won", "fraud_finding"]


class LimitationRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many years from the oldest unpaid due date; `warn_days`: so long before its end a person is told."""

    years: Annotated[int, Meta(ge=1, le=30)]
    warn_days: Annotated[int, Meta(ge=1, le=730)]
    restarts: dict[Ground, Effect]


class CreditReportRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether an advance notice must have arrived before an adverse report, what is corrected, and until when."""

    notice_needed: bool
    corrects: tuple[CorrectionGround, ...]
    correction_business_days: Annotated[int, Meta(ge=1, le=60)]

    def correct_by(self, now: datetime, zone: ZoneInfo, calendar: Calendar) -> datetime:
        """The end of the last business day on which a correction is in time."""
        last = add_business_days(business_date(now, zone), self.correction_business_days, calendar)
        return end_of_business_date(last, zone)


class AfterCureRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After which ends of arrears a person is thanked, at which of their local times, and within how many hours."""

    ends: tuple[Literal["cured", "settled", "closed"], ...]
    hours: tuple[Clock, Clock]
    within_hours: Annotated[int, Meta(ge=12, le=168)]

    def window(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when the thanks may be said, and when they are late: both inside the hours, the second within the
        time from now."""
        begin = self.hours[0]
        today = business_date(now, zone)
        opens = local_instant(today, time_of(begin), zone)
        if now >= self._end_of(today, zone):
            opens = local_instant(today + timedelta(days=1), time_of(begin), zone)
        last = now + timedelta(hours=self.within_hours)
        day = business_date(last, zone)
        if last < local_instant(day, time_of(begin), zone):
            day -= timedelta(days=1)
        return max(now, opens), min(last, self._end_of(day, zone))

    def _end_of(self, day: date, zone: ZoneInfo) -> datetime:
        end = self.hours[1]
        return end_of_business_date(day, zone) if end == "24:00" else local_instant(day, time_of(end), zone)


class ClockPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All clocks of a jurisdiction, in one version. `calendar`: of whose business days it speaks."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    calendar: str
    limitation: LimitationRule
    guarantee_warn_days: Annotated[int, Meta(ge=1, le=730)]
    credit_report: CreditReportRule
    after_cure: AfterCureRule
    scope: Scope | None = None


def faults_of_clocks(policy: ClockPolicy) -> Iterator[Fault | str]:
    """What makes the clocks unusable: a ground of which nothing is said, hours that go back or are too short."""
    yield from faults_of_scope(policy.scope)
    for ground in ("payment", "acknowledgement", "delivered_demand"):
        if ground not in policy.limitation.restarts:
            yield f"limitation.restarts.{ground}: missing"
    begin, end = map(minutes_of, policy.after_cure.hours)
    if begin >= end:
        yield "after_cure.hours: the end comes after the beginning"
    elif policy.after_cure.within_hours * 60 < 24 * 60 - (end - begin):
        yield "after_cure.within_hours: shorter than the time between two days' hours"
