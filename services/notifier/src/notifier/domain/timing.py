"""Windows, caps, gaps and cool-offs: each names the least instant at which it would let a contact pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from notifier.domain.clock_rules import CapRule, CapWindow, CoolOffRule, GapRule
from notifier.domain.facts import ContactFacts, PastContact
from notifier.domain.local_time import Hours, day_start, is_inside, next_inside, next_outside, parse_spans
from notifier.domain.vocabulary import CapKey, Counted, place_of

#: No instant: a contact that waits for this waits for ever.
NEVER: Final = datetime.max.replace(tzinfo=UTC)
_MONTHS_A_YEAR: Final = 12
#: The longest a slot of a day can last, clocks put back included.
_SLOT_ENDS_WITHIN: Final = timedelta(days=2)


def opens_at(at: datetime, zones: Sequence[ZoneInfo], hours: Hours, latest: datetime) -> datetime | None:
    """The least instant from `at` on at which the clocks of all zones show a time in the spans."""
    if len(zones) == 1:
        return next_inside(at, zones[0], hours, latest)
    instant = at
    while True:
        before = instant
        for zone in zones:
            found = next_inside(instant, zone, hours, latest)
            if found is None:
                return None
            instant = found
        if instant == before:
            return instant


def closes_at(at: datetime, zones: Sequence[ZoneInfo], hours: Hours, latest: datetime) -> datetime | None:
    """The least instant from `at` on at which the clock of any zone shows a time outside the spans."""
    ends = [next_outside(at, zone, hours, latest) for zone in zones]
    return min((end for end in ends if end is not None), default=None)


def cap_frees_at(rule: CapRule, facts: ContactFacts, zones: Sequence[ZoneInfo]) -> datetime | None:
    """From when on (UTC) the cap leaves room for one more; None when it has room whatever the instant."""
    if len(facts.history) < rule.limit:
        return None
    ats = counted(rule.counts, rule.per, facts)
    if len(ats) < rule.limit:
        return None
    if rule.window.slots is not None:
        return _slot_frees_at(ats, rule, zones)
    ats.sort(reverse=True)
    # What was counted after this one stays below the limit by itself: the cap frees when this one leaves.
    try:
        return _leaves_at(ats[rule.limit - 1], rule.window, zones)
    except (OverflowError, ValueError):
        return NEVER


def _leaves_at(leaving: datetime, window: CapWindow, zones: Sequence[ZoneInfo]) -> datetime:
    """When a contact is out of the window: everywhere the person may be."""
    if window.hours is not None:
        return leaving + timedelta(hours=window.hours)
    if window.lifetime:
        return NEVER
    return max(day_start(_first_day_after(leaving.astimezone(zone).date(), window), zone) for zone in zones)


def _first_day_after(day: date, window: CapWindow) -> date:
    if window.calendar == "week":
        return day + timedelta(days=7 - day.weekday())
    if window.calendar == "month":
        return date(day.year + day.month // _MONTHS_A_YEAR, day.month % _MONTHS_A_YEAR + 1, 1)
    return day + timedelta(days=window.calendar_days or 1)


def _slot_frees_at(ats: Sequence[datetime], rule: CapRule, zones: Sequence[ZoneInfo]) -> datetime | None:
    """The end of the newest slot that is full; what was outside every slot is in none of them."""
    slots = parse_spans(rule.window.slots or ())
    full = []
    for zone in zones:
        ends = sorted(
            (
                next_outside(at, zone, slots, at + _SLOT_ENDS_WITHIN) or NEVER
                for at in ats
                if is_inside(at, zone, slots)
            ),
            reverse=True,
        )
        full += ends[rule.limit - 1 : rule.limit]
    return max(full, default=None)


def gap_frees_at(rule: GapRule, facts: ContactFacts) -> datetime | None:
    """From when on (UTC) the last counted contact is long enough ago; None when there was none."""
    last = max(counted(rule.after, rule.per, facts), default=None)
    try:
        return None if last is None else last + timedelta(minutes=rule.minutes)
    except OverflowError:
        return NEVER


def cool_off_ends_at(rule: CoolOffRule, facts: ContactFacts, zones: Sequence[ZoneInfo]) -> datetime | None:
    """The first instant (UTC) after the days that are kept free; None when nothing asks for them."""
    last = max(counted(rule.after, rule.per, facts), default=None)
    if last is None:
        return None
    days = timedelta(days=rule.days_closed())
    try:
        return max(day_start(last.astimezone(zone).date() + days, zone) for zone in zones)
    except OverflowError:
        return NEVER


def counted(clauses: Sequence[Counted], per: CapKey, facts: ContactFacts) -> list[datetime]:
    """When the earlier contacts that count under the key happened (UTC).

    What is dated after `now` counts too: a contact another process has just reserved is one.
    """
    return [
        entry.at.astimezone(UTC)
        for entry in facts.history
        if _same_key(entry, per, facts) and any(counts(clause, entry) for clause in clauses)
    ]


def _same_key(entry: PastContact, per: CapKey, facts: ContactFacts) -> bool:
    if per == "address":
        # An address that is not known may be any of them.
        return facts.address is None or entry.address == facts.address
    if per == "debt":
        return facts.debt in entry.debts
    return entry.party_id == facts.party.id and (per == "person" or facts.debt in entry.debts)


def counts(clause: Counted, entry: PastContact) -> bool:
    """Whether an earlier contact is one of those looked at; a place that is not known may be any."""
    return (
        (not clause.channels or entry.channel in clause.channels)
        and (not clause.outcomes or entry.outcome in clause.outcomes)
        and entry.direction in clause.directions
        and entry.outcome not in clause.except_outcomes
        and (not clause.purposes or entry.purpose in clause.purposes)
        and entry.purpose not in clause.except_purposes
        and (clause.under_consent or not entry.direct_consent)
        and (not clause.places or place_of(entry.place, entry.channel) in (None, *clause.places))
    )
