"""The one contact decision: live sends, dry runs, replay and simulation all call it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import NamedTuple
from zoneinfo import ZoneInfo

from notifier.domain.clock_rules import Rule
from notifier.domain.conditions import barred, not_agreed, notice_ends_at, too_early, unprepared
from notifier.domain.content import broken
from notifier.domain.decision import STRICTNESS, Decision, Fired, Verdict
from notifier.domain.facts import ContactFacts
from notifier.domain.holds import fired_holds
from notifier.domain.local_time import Hours, parse_spans
from notifier.domain.pack import Pack
from notifier.domain.places import zones_of
from notifier.domain.plan import Act, Plan, in_force, plan_at
from notifier.domain.timing import (
    NEVER,
    cap_frees_at,
    closes_at,
    cool_off_ends_at,
    gap_frees_at,
    opens_at,
)
from notifier.domain.week import Calendar, NarrowedHours, StatedHours, WaivedHours

#: A contact that cannot happen within this time is denied (NO-SLOT).
HORIZON = timedelta(hours=720)

#: The hours a person stated themselves, where no pack has a window that they narrow.
PARTY_HOURS = "PARTY-HOURS"
_STATED = "hours stated by the person"

#: The order in which rules of equal strictness are listed.
_HOLDS, _PARTY, _CONSENT, _CONTENT, _GATES, _WINDOWS, _CAPS, _GAPS = range(8)

_Ranked = tuple[int, Fired]


class _Window(NamedTuple):
    """When a rule lets contacts happen, on the clocks of all its zones."""

    id: str
    citation: str
    soft: bool
    hours: Hours
    zones: tuple[ZoneInfo, ...]


def decide(facts: ContactFacts, packs: tuple[Pack, ...], now: datetime) -> Decision:
    """Whether the contact may happen at `now`, and if not yet, from when on.

    Every rule of every pack in force is evaluated; the strictest verdict wins: deny > review > defer > allow.
    """
    now = now.astimezone(UTC)
    bound = in_force(packs, facts, now)
    if not bound or not Act.of(facts, facts.purpose).is_known():
        words = "no policy in force has rules for such a contact"
        return _decision(facts, bound, [(_HOLDS, Fired("NO-POLICY", Verdict.DENY, None, words))], None)
    fired: list[_Ranked] = []
    windows: list[_Window] = []
    until = now
    for pack in bound:
        act = judged_act(facts, pack, now)
        plan, zones = plan_at(pack, act, facts, now), zones_of(pack.file.zones, facts.party)
        fired.extend((_HOLDS, hold) for hold in fired_holds(facts, pack.holds, act, zones or (), now))
        fired.extend(_unmet(plan, facts, zones, now))
        if zones is None:
            fired.append((_WINDOWS, Fired("ZONE", Verdict.DENY, None, "the person's time zone is not known")))
            continue
        windows.extend(_windows_of(plan, facts, pack, zones))
        for rank, closed in _closed(plan, facts, zones, now):
            fired.append((rank, closed))
            if closed.until is not None:
                until = max(until, closed.until)
    windows.extend(_stated_alone(windows, facts, bound))
    fired.extend((_WINDOWS, shut) for shut in _shut(windows, now))
    if not any(rule.verdict is Verdict.DEFER for _, rule in fired):
        return _decision(facts, bound, fired, None)
    slot = _first_slot(windows, until, now + HORIZON)
    if slot is None:
        words = f"nothing satisfies every rule within {HORIZON // timedelta(hours=1)} hours"
        fired.append((_GAPS, Fired("NO-SLOT", Verdict.DENY, None, words)))
    return _decision(facts, bound, fired, slot)


def next_window_end(facts: ContactFacts, packs: tuple[Pack, ...], now: datetime) -> datetime | None:
    """When the windows open at `now` close (UTC); None if none binds within 30 days, `now` if one is closed."""
    now = now.astimezone(UTC)
    bound = in_force(packs, facts, now)
    windows: list[_Window] = []
    for pack in bound:
        zones = zones_of(pack.file.zones, facts.party)
        if zones is None:
            return now
        plan = plan_at(pack, judged_act(facts, pack, now), facts, now)
        windows.extend(_windows_of(plan, facts, pack, zones))
    windows.extend(_stated_alone(windows, facts, bound))
    ends = (closes_at(now, window.zones, window.hours, now + HORIZON) for window in windows)
    return min((end for end in ends if end is not None), default=None)


def stated_hours(facts: ContactFacts, calendar: Calendar) -> list[StatedHours]:
    """The hours the person stated for the channel. On kinds of days of which nothing was said any hour is right."""
    return [
        StatedHours(override.day_types, parse_spans(override.allow) if override.allow else (), calendar)
        for override in facts.party.overrides
        if facts.channel in override.channels
    ]


def judged_act(facts: ContactFacts, pack: Pack, now: datetime) -> Act:
    """The act as the pack sees it: a reply that comes too late, or to nobody, is a collection contact."""
    hours = pack.file.reply_within_hours
    if facts.purpose != "reply_to_inbound" or hours is None:
        return Act.of(facts, facts.purpose)
    since = now - timedelta(hours=hours)
    is_reply = any(
        entry.direction == "inbound" and entry.party_id == facts.party.id and since <= entry.at <= now
        for entry in facts.history
    )
    return Act.of(facts, facts.purpose if is_reply else "collection")


def _unmet(
    plan: Plan, facts: ContactFacts, zones: tuple[ZoneInfo, ...] | None, now: datetime
) -> Iterator[_Ranked]:
    """What no clock lifts: the party, the consent, the words, the steps that come first."""
    for party in barred(plan.parties, facts, now):
        yield _PARTY, _never(party)
    for consent in not_agreed(plan.consents, facts, now):
        yield _CONSENT, _never(consent)
    if facts.content is not None:
        for content in broken(plan.content, facts.content):
            yield _CONTENT, _never(content)
    for visit in unprepared(plan.visits, facts):
        yield _GATES, _never(visit)
    for gate in too_early(plan.gates, facts, zones, now):
        yield _GATES, _never(gate)


def _windows_of(
    plan: Plan, facts: ContactFacts, pack: Pack, zones: tuple[ZoneInfo, ...]
) -> Iterator[_Window]:
    """The windows of the rules, narrowed by the person's hours, which take the place of those consent may waive."""
    stated = stated_hours(facts, pack.calendar_of(facts.state)) if facts.party.overrides else []
    for rule, hours in plan.windows:
        if not stated:
            yield _Window(rule.id, rule.citation, rule.soft, hours, zones)
            continue
        if rule.consent_may_waive:
            hours = reduce(WaivedHours, stated, hours)
        hours = reduce(NarrowedHours, stated, hours)
        yield _Window(rule.id, f"{rule.citation}; {_STATED}", rule.soft, hours, zones)


def _stated_alone(windows: list[_Window], facts: ContactFacts, bound: tuple[Pack, ...]) -> Iterator[_Window]:
    """The person's hours by themselves, where no rule has a window that they narrow."""
    if not facts.party.overrides or any(not window.soft for window in windows):
        return
    for pack in bound:
        zones = zones_of(pack.file.zones, facts.party)
        if zones is not None:
            for own in stated_hours(facts, pack.calendar_of(facts.state)):
                yield _Window(PARTY_HOURS, _STATED, False, own, zones)


def _closed(plan: Plan, facts: ContactFacts, zones: tuple[ZoneInfo, ...], now: datetime) -> Iterator[_Ranked]:
    """The caps, gaps and cool-offs that leave no room at `now`, and a notice that was given too late."""
    for cap in plan.caps:
        frees = cap_frees_at(cap, facts, zones)
        if frees is not None and frees > now:
            yield _CAPS, _not_yet(cap, frees)
    for gap in plan.gaps:
        frees = gap_frees_at(gap, facts)
        if frees is not None and frees > now:
            yield _GAPS, _not_yet(gap, frees)
    for cool_off in plan.cool_offs:
        frees = cool_off_ends_at(cool_off, facts, zones)
        if frees is not None and frees > now:
            yield _GAPS, _not_yet(cool_off, frees)
    for visit in plan.visits:
        frees = notice_ends_at(visit, facts, zones)
        if frees is not None and frees > now:
            yield _GAPS, _not_yet(visit, frees)


def _never(rule: Rule) -> Fired:
    return Fired(rule.id, Verdict.REVIEW if rule.soft else Verdict.DENY, None, rule.citation)


def _not_yet(rule: Rule, until: datetime) -> Fired:
    # A soft rule waits for a person, not for the clock, so it names no instant.
    if rule.soft:
        return Fired(rule.id, Verdict.REVIEW, None, rule.citation)
    return Fired(rule.id, Verdict.DEFER, until, rule.citation)


def _shut(windows: list[_Window], now: datetime) -> Iterator[Fired]:
    """The windows that are closed at `now`."""
    latest = now + HORIZON
    for window in windows:
        opens = opens_at(now, window.zones, window.hours, latest)
        if opens == now:
            continue
        if window.soft:
            yield Fired(window.id, Verdict.REVIEW, None, window.citation)
        else:
            yield Fired(window.id, Verdict.DEFER, opens, window.citation)


def _first_slot(windows: list[_Window], until: datetime, latest: datetime) -> datetime | None:
    """The least instant from `until` on inside every window, up to `latest`: searched to a fixed point."""
    slot = until
    while slot <= latest:
        before = slot
        for window in windows:
            if window.soft:
                continue
            opens = opens_at(slot, window.zones, window.hours, latest)
            if opens is None:
                return None
            slot = opens
        if slot == before:
            return slot
    return None


def _decision(
    facts: ContactFacts, packs: tuple[Pack, ...], fired: list[_Ranked], slot: datetime | None
) -> Decision:
    policy = tuple(pack.ref for pack in packs)
    if not fired:
        return Decision(Verdict.ALLOW, None, (), policy, facts)
    strictest: dict[str, _Ranked] = {}
    for rank, rule in fired:
        held = strictest.get(rule.id)
        if held is None or _weight(rule) > _weight(held[1]):
            strictest[rule.id] = (rank, rule)
    listed = sorted(
        strictest.values(), key=lambda entry: (-STRICTNESS[entry[1].verdict], entry[0], entry[1].id)
    )
    rules = tuple(_told(rule) for _, rule in listed)
    verdict = rules[0].verdict
    return Decision(verdict, slot if verdict is not Verdict.DENY else None, rules, policy, facts)


def _weight(rule: Fired) -> tuple[int, datetime]:
    """How much a rule asks; one that never opens again asks most of its kind."""
    return STRICTNESS[rule.verdict], rule.until if rule.until is not None else NEVER


def _told(rule: Fired) -> Fired:
    """A rule that waits for ever names no instant."""
    return Fired(rule.id, rule.verdict, None, rule.citation) if rule.until == NEVER else rule


__all__ = ["HORIZON", "PARTY_HOURS", "decide", "judged_act", "next_window_end", "stated_hours"]
