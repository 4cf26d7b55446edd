"""Placing, extending and lifting a hold, decided from one snapshot of facts, and again from it when asked why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from spine.business_days import Calendar, add_business_days, business_date, end_of_business_date
from stager.domain.hold_policy import Extension, HoldPolicy, Lasting

#: Names the rules in this module; recomputing an older decision under another name may differ.
ENGINE = "holding/1"


class HoldFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a decision on a hold rests on.

    `counted_from`: the instant after whose day the length counts. `until`: the end stated for a new hold, or that
    of the hold there is. `roles`: of the member who acts, None when facts do. `days_off`: the dates from then on,
    as far as they matter, that are no business days of the table's calendar.
    """

    act: Literal["place", "extend", "lift"]
    kind: str
    zone: str
    counted_from: datetime
    ground: str | None = None
    until: datetime | None = None
    treatment_ended_on: date | None = None
    roles: tuple[str, ...] | None = None
    extensions: int = 0
    has_proof: bool = False
    findings: tuple[str, ...] = ()
    days_off: tuple[date, ...] = ()


class HoldVerdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it came out. `refusal`: why it is not done; `missing`: the fields that are missing or wrong."""

    rule: str
    until: datetime | None = None
    freezes_interest: bool = False
    blocks_promotion: bool = False
    needs_role: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class _Listed:
    """The days off that a snapshot lists."""

    days_off: tuple[date, ...]

    def is_business_day(self, on: date, /) -> bool:
        return on not in self.days_off


def decide_hold(facts: HoldFacts, policy: HoldPolicy) -> HoldVerdict:
    """Whether it may be done, and until when the hold lasts then."""
    rule = policy.kinds[facts.kind]
    name = f"{facts.act}/{facts.kind}" + (f"/{facts.ground}" if facts.ground is not None else "")
    if facts.ground is not None and facts.ground not in rule.grounds:
        known = ", ".join(sorted(rule.grounds)) or "none"
        return HoldVerdict(rule=name, missing=("ground",), refusal=f"grounds of {facts.kind}: {known}")
    extension = rule.extending(facts.ground)
    extending_by = extension.by if extension is not None else rule.placed_by
    roles = {"place": rule.placed_by, "lift": rule.lifted_by, "extend": extending_by}[facts.act]
    if facts.roles is not None and set(roles).isdisjoint(facts.roles):
        who = " or ".join(roles) if roles else "nobody by hand"
        refusal = f"{facts.act} {facts.kind}: {who}"
        return HoldVerdict(rule=name, needs_role=tuple(map(str, roles)), refusal=refusal)
    allowed = HoldVerdict(
        rule=name, freezes_interest=rule.freezes_interest, blocks_promotion=rule.blocks_promotion
    )
    if facts.act == "lift":
        missing = tuple(f"findings.{need}" for need in rule.lifting_needs if need not in facts.findings)
        # Facts lift what they answer; a person says what was found.
        if facts.roles is not None and missing:
            said = f"before {facts.kind} is lifted it must be on record: {', '.join(missing)}"
            return HoldVerdict(rule=name, missing=missing, refusal=said)
        return allowed
    lasting = rule.lasting(facts.ground)
    by_treatment = lasting is not None and lasting.after_treatment_days is not None
    if facts.roles is not None and facts.treatment_ended_on is not None and not by_treatment:
        unused = f"how long {facts.kind} lasts on this ground does not hang on a treatment"
        return HoldVerdict(rule=name, missing=("treatment_ended_on",), refusal=unused)
    if facts.act == "extend":
        return _extended(allowed, facts, lasting, extension)
    own = _end(facts, lasting)
    if facts.until is None:
        return msgspec.structs.replace(allowed, until=own)
    if facts.roles is not None and own is not None and facts.until > own:
        too_late = f"{facts.kind} lasts until {own.isoformat()} at most; it may be extended"
        return HoldVerdict(rule=name, missing=("until",), refusal=too_late)
    return msgspec.structs.replace(allowed, until=facts.until)


def _extended(
    allowed: HoldVerdict, facts: HoldFacts, lasting: Lasting | None, extension: Extension | None
) -> HoldVerdict:
    refuse = partial(HoldVerdict, rule=allowed.rule)
    if lasting is not None and lasting.after_treatment_days is not None:
        if facts.treatment_ended_on is None:
            return refuse(missing=("treatment_ended_on",), refusal="when did the treatment end?")
        return msgspec.structs.replace(allowed, until=_end(facts, lasting))
    if extension is None or facts.until is None:
        return refuse(refusal=f"a hold of kind {facts.kind} is not extended")
    if facts.extensions >= extension.times:
        return refuse(refusal=f"it has been extended already ({extension.times} at most)")
    if extension.proof and not facts.has_proof:
        return refuse(missing=("proof",), refusal="it is extended only with proof")
    zone = ZoneInfo(facts.zone)
    last = business_date(facts.until - timedelta(microseconds=1), zone)
    return msgspec.structs.replace(allowed, until=_end_after(last, extension, facts.days_off, zone))


def _end(facts: HoldFacts, lasting: Lasting | None) -> datetime | None:
    zone = ZoneInfo(facts.zone)
    if lasting is None:
        return None
    if lasting.after_treatment_days is not None:
        if facts.treatment_ended_on is None:
            return None
        last = facts.treatment_ended_on + timedelta(days=lasting.after_treatment_days)
        return end_of_business_date(last, zone)
    return _end_after(business_date(facts.counted_from, zone), lasting, facts.days_off, zone)


def _end_after(
    day: date, length: Lasting | Extension, days_off: tuple[date, ...], zone: ZoneInfo
) -> datetime:
    """The end (exclusive) of the last day; `day` itself does not count: a claim of a Friday with 3 business days
    lasts through Wednesday, later when holidays lie between."""
    if length.business_days is not None:
        last = add_business_days(day, length.business_days, _Listed(days_off))
    else:
        last = day + timedelta(days=length.days or 0)
    return end_of_business_date(last, zone)


def with_days_off(facts: HoldFacts, policy: HoldPolicy, calendars: Mapping[str, Calendar]) -> HoldFacts:
    """The facts with the days off that a length in business days passes over."""
    rule = policy.kinds[facts.kind]
    if facts.ground is not None and facts.ground not in rule.grounds:
        return facts
    length = rule.extending(facts.ground) if facts.act == "extend" else rule.lasting(facts.ground)
    if length is None or length.business_days is None or policy.calendar is None or facts.act == "lift":
        return facts
    zone = ZoneInfo(facts.zone)
    end = facts.until - timedelta(microseconds=1) if facts.act == "extend" and facts.until else None
    first = business_date(end or facts.counted_from, zone)
    calendar = calendars[policy.calendar]
    last = add_business_days(first, length.business_days, calendar)
    days_off = (day for day in _days(first, last) if not calendar.is_business_day(day))
    return msgspec.structs.replace(facts, days_off=tuple(days_off))


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def lasts_until(
    policy: HoldPolicy, kind: str, placed_at: datetime, zone: ZoneInfo, calendars: Mapping[str, Calendar]
) -> datetime | None:
    """The end (exclusive) of a hold placed at this instant when nobody says so; None if it is open."""
    facts = HoldFacts(act="place", kind=kind, zone=zone.key, counted_from=placed_at)
    return decide_hold(with_days_off(facts, policy, calendars), policy).until
