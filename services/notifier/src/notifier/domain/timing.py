"""Windows, caps and gaps: each names the least instant at which it would let a contact pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.facts import ContactFacts, PastContact
from notifier.domain.local_time import Hours, day_start, next_inside, next_outside
from notifier.domain.pack import CapKey, CapRule, Counted, GapRule

_NEVER = datetime.max.replace(tzinfo=UTC)


def opens_at(at: datetime, zones: Sequence[ZoneInfo], hours: Hours, latest: datetime) -> datetime | None:
    """The least instant from `at` on at which the clocks of all zones show a time in the spans."""
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
    ats = sorted(counted(rule.counts, rule.per, facts), reverse=True)
    if len(ats) < rule.limit:
        return None
    # What was counted after this one stays below the limit by itself: the cap frees when this one leaves.
    leaving = ats[rule.limit - 1]
    try:
        if rule.window.hours is not None:
            return leaving + timedelta(hours=rule.window.hours)
        days = timedelta(days=rule.window.calendar_days or 1)
        return max(day_start(leaving.astimezone(zone).date() + days, zone) for zone in zones)
    except OverflowError:
        return _NEVER


def gap_frees_at(rule: GapRule, facts: ContactFacts) -> datetime | None:
    """From when on (UTC) the last counted contact is long enough ago; None when there was none."""
    last = max(counted(rule.after, rule.per, facts), default=None)
    try:
        return None if last is None else last + timedelta(minutes=rule.minutes)
    except OverflowError:
        return _NEVER


def counted(clauses: Iterable[Counted], per: CapKey, facts: ContactFacts) -> list[datetime]:
    """When the earlier contacts that count under the key happened (UTC).

    What is dated after `now` counts too: a contact another process has just reserved is one.
    """
    return [
        entry.at.astimezone(UTC)
        for entry in facts.history
        if _same_key(entry, per, facts) and any(_counts(clause, entry) for clause in clauses)
    ]


def _same_key(entry: PastContact, per: CapKey, facts: ContactFacts) -> bool:
    if per == "address":
        # An address that is not known may be any of them.
        return facts.address is None or entry.address == facts.address
    if per == "debt":
        return facts.debt in entry.debts
    return entry.party_id == facts.party.id and (per == "person" or facts.debt in entry.debts)


def _counts(clause: Counted, entry: PastContact) -> bool:
    return (
        (not clause.channels or entry.channel in clause.channels)
        and (not clause.outcomes or entry.outcome in clause.outcomes)
        and (not clause.purposes or entry.purpose in clause.purposes)
        and entry.direction in clause.directions
    )
