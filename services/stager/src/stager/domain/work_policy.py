"""People's work as data: what comes first, who may do it, until when, and what an outcome leads to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Final, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from spine.business_days import Calendar, add_business_days, business_date, end_of_business_date
from spine.errors import BadAmount
from spine.events.stager import HoldKind
from spine.events.tasks import TaskKind, TaskOutcome
from spine.money import parse_minor
from stager.domain.stage_policy import PolicyName

KINDS: Final[frozenset[str]] = frozenset(get_args(TaskKind))
OUTCOMES: Final[frozenset[str]] = frozenset(get_args(TaskOutcome))
LOCALES: Final = frozenset({"zh-CN", "en"})
#: Overdue amounts are weighed in units of the currency; a yuan's two decimals write them in the policy.
_WEIGHED_AS: Final = "CNY"

Points = Annotated[int, Meta(ge=0, le=1_000_000)]
DayType = Literal["workday", "weekend", "public_holiday"]
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Channel = Literal["call", "visit"]
Match = Literal["required", "preferred", "ignored"]


class OverdueBand(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_amount": "from"}
):
    """From this amount on, so many points."""

    from_amount: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]{1,2})?$")]
    points: Points


class ScoreRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the score of a task is the sum of; the points of a band hold up to the next."""

    per_day_past_due: Points
    per_broken_promise: Points
    late: Points
    stages: dict[str, Points]
    overdue: tuple[OverdueBand, ...]

    def of_overdue(self, total: int, exponent: int) -> int:
        """The points of an amount in minor units, of a currency with so many decimals."""
        points = 0
        for band in self.overdue:
            if total * 100 >= parse_minor(band.from_amount, _WEIGHED_AS, field="from") * 10**exponent:
                points = band.points
        return points


class Deadline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When something is late: hours after, or the end of a business day after, it comes due."""

    hours: Annotated[int, Meta(ge=1, le=2_000)] | None = None
    business_days: Annotated[int, Meta(ge=1, le=90)] | None = None

    def after(self, due_at: datetime, zone: ZoneInfo, calendar: Calendar) -> datetime:
        """The deadline of what is due at an instant."""
        if self.business_days is None:
            return due_at + timedelta(hours=self.hours or 0)
        last = add_business_days(business_date(due_at, zone), self.business_days, calendar)
        return end_of_business_date(last, zone)


class KindRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How tasks of one kind are done. `owned`: by the owner of the case; `contact`: by which channel."""

    points: Points = 0
    owned: bool = False
    people: Annotated[int, Meta(ge=1, le=4)] = 1
    skill: str | None = None
    notice_day_before: bool = False
    sla: Deadline | None = None
    contact: Channel | None = None


class AssignmentRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How tasks find those who do them. `retry_at`: the time of the next business day, when nobody fits."""

    region: Match
    language: Match
    retry_at: Clock


class CallBackRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Within which local hours a call-back may be agreed, how far ahead, and when it was missed."""

    hours: tuple[Clock, Clock]
    horizon_days: Annotated[int, Meta(ge=1, le=90)]
    missed_after_minutes: Annotated[int, Meta(ge=1, le=1_440)]

    def admits(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether the local time of an instant lies inside the hours (half-open)."""
        local = at.astimezone(zone)
        begin, end = map(minutes_of, self.hours)
        return begin <= local.hour * 60 + local.minute < end


class OutcomeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a contact came out. `reached`: the right person was there and verified."""

    name: dict[str, str]
    reached: bool = False
    channels: tuple[Channel, ...] = ("call", "visit")


class ResultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came of a contact, with which outcomes it can, and what it leads to. Without outcomes: with any."""

    name: dict[str, str]
    outcomes: tuple[TaskOutcome, ...] = ()
    needs: tuple[Literal["amount", "promised_on", "call_back_at"], ...] = ()
    leads_to: Literal["promise", "hold", "plan", "call_back", "danger"] | None = None
    hold: HoldKind | None = None


class ReferralRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which stages a case may be placed, whether the overdue notice must have arrived, and who does it."""

    stages: tuple[str, ...]
    notice_delivered: bool
    by: tuple[Literal["lead", "compliance"], ...]


class WorkPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it, in one version."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    calendar: str
    hours: dict[DayType, tuple[tuple[Clock, Clock], ...]]
    score: ScoreRule
    kinds: dict[TaskKind, KindRule]
    lease_minutes: Annotated[int, Meta(ge=1, le=1_440)]
    assignment: AssignmentRule
    call_back: CallBackRule
    outcomes: dict[TaskOutcome, OutcomeRule]
    results: dict[str, ResultRule]
    referrals: dict[Literal["agency", "legal"], ReferralRule]
    notice_steps: tuple[str, ...]
    agency_review_days: Annotated[int, Meta(ge=1, le=1_100)]

    def kind(self, name: str) -> KindRule:
        """The rule of a kind of task; every kind has one."""
        rules: Mapping[str, KindRule] = self.kinds  # type: ignore[assignment]
        return rules[name]


def minutes_of(clock: str) -> int:
    """Minutes since midnight of "HH:MM"; 24:00 is the end of the day."""
    return int(clock[:2]) * 60 + int(clock[3:])


def clock_of(minutes: int) -> str:
    """ "HH:MM" of minutes since midnight."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def time_of(clock: str) -> time:
    """The time of day of "HH:MM" before 24:00."""
    return time(int(clock[:2]), int(clock[3:]))


def faults_of_work(policy: WorkPolicy, stages: Collection[str]) -> Iterator[str]:
    """What makes the policy unusable: kinds and outcomes missing, unknown stages, windows or bands that go back."""
    yield from (f"kinds.{kind}: missing" for kind in sorted(KINDS - policy.kinds.keys()))
    yield from (f"outcomes.{code}: missing" for code in sorted(OUTCOMES - policy.outcomes.keys()))
    yield from (
        f"score.stages.{id_}: there is no such stage" for id_ in policy.score.stages if id_ not in stages
    )
    for name, rule in policy.referrals.items():
        yield from (f"referrals.{name}: no stage {id_}" for id_ in rule.stages if id_ not in stages)
    for kind, one in policy.kinds.items():
        if one.sla is not None and (one.sla.hours is None) == (one.sla.business_days is None):
            yield f"kinds.{kind}.sla: either hours or business_days"
    yield from _faults_of_order(policy)
    yield from _faults_of_results(policy)


def _faults_of_order(policy: WorkPolicy) -> Iterator[str]:
    for day_type, windows in policy.hours.items():
        marks = [minutes_of(mark) for window in windows for mark in window]
        if any(later <= earlier for earlier, later in pairwise(marks)):
            yield f"hours.{day_type}: windows go forward and do not meet"
    if minutes_of(policy.call_back.hours[0]) >= minutes_of(policy.call_back.hours[1]):
        yield "call_back.hours: the end comes after the beginning"
    if policy.assignment.retry_at == "24:00":
        yield "assignment.retry_at: a time of the day"
    try:
        bands = [parse_minor(b.from_amount, _WEIGHED_AS, field="from") for b in policy.score.overdue]
    except BadAmount as error:
        yield f"score.overdue: {error.detail}"
        return
    if any(later <= earlier for earlier, later in pairwise(bands)):
        yield "score.overdue: amounts go up"


def _faults_of_results(policy: WorkPolicy) -> Iterator[str]:
    for where, rules in (("outcomes", policy.outcomes), ("results", policy.results)):
        for code, named in rules.items():
            yield from (
                f"{where}.{code}.name: {tag} is missing" for tag in sorted(LOCALES - named.name.keys())
            )
    for code, rule in policy.results.items():
        if (rule.leads_to == "hold") != (rule.hold is not None):
            yield f"results.{code}: a hold is named where it leads to one, and only there"
        unreached = [o for o in rule.outcomes if not policy.outcomes[o].reached] or not rule.outcomes
        if rule.leads_to == "promise" and unreached:
            yield f"results.{code}: nothing is promised by somebody who was not verified"
