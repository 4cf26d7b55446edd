"""The one contact decision: live sends, dry runs, replay and simulation all call it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.conditions import barred, notice_ends_at, unprepared
from notifier.domain.decision import STRICTNESS, Decision, Fired, Verdict
from notifier.domain.facts import ContactFacts
from notifier.domain.holds import fired_holds
from notifier.domain.local_time import MINUTES_A_DAY, Calendar, Hours, Span, Week, parse_spans
from notifier.domain.pack import ContentRule, Pack
from notifier.domain.plan import Act, Plan, in_force, plan_of, zones_of
from notifier.domain.timing import cap_frees_at, closes_at, gap_frees_at, opens_at
from notifier.domain.words import first_forbidden, pattern, plain

#: A contact that cannot happen within this time is denied (NO-SLOT).
HORIZON = timedelta(hours=720)

#: The hours a person stated themselves, under every pack.
PARTY_HOURS = "PARTY-HOURS"
_STATED = "hours stated by the person"
_ALL_DAY = (Span(0, MINUTES_A_DAY),)

#: The order in which rules of equal strictness are listed.
_HOLDS, _PARTY, _CONTENT, _GATES, _WINDOWS, _CAPS, _GAPS = range(7)

_Ranked = tuple[int, Fired]
_Open = tuple[str, str, Hours, tuple[ZoneInfo, ...]]


def decide(facts: ContactFacts, packs: tuple[Pack, ...], now: datetime) -> Decision:
    """Whether the contact may happen at `now`, and if not yet, from when on.

    Every rule of every pack in force is evaluated; the strictest verdict wins: deny > review > defer > allow.
    """
    now = now.astimezone(UTC)
    bound = in_force(packs, facts, now)
    if not bound or not Act.of(facts, facts.purpose).is_known():
        words = "no policy in force has rules for such a contact"
        return _decision(facts, bound, [(_HOLDS, Fired("NO-POLICY", Verdict.DENY, None, words))], None)
    fired: list[_Ranked] = [(_HOLDS, hold) for hold in fired_holds(facts, bound[0].holds, now)]
    windows: list[_Open] = []
    until = now
    for pack in bound:
        plan = plan_of(pack, judged_act(facts, pack, now))
        fired.extend((_PARTY, bar) for bar in barred(plan.parties, facts))
        fired.extend((_GATES, missing) for missing in unprepared(plan.visits, facts))
        if facts.content is not None:
            fired.extend((_CONTENT, broken) for broken in _broken(plan.content, facts.content.text))
        zones = zones_of(pack.file.zones, facts.party)
        if zones is None:
            fired.append((_WINDOWS, _unknown_zone()))
            continue
        windows.extend((rule.id, rule.citation, hours, zones) for rule, hours in plan.windows)
        windows.extend((PARTY_HOURS, _STATED, hours, zones) for hours in stated_hours(facts, pack.calendar))
        for rank, closed in _closed(plan, facts, zones, now):
            fired.append((rank, closed))
            if closed.until is not None:
                until = max(until, closed.until)
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
    ends = []
    for pack in in_force(packs, facts, now):
        zones = zones_of(pack.file.zones, facts.party)
        if zones is None:
            return now
        own = [hours for _, hours in plan_of(pack, judged_act(facts, pack, now)).windows]
        for hours in (*own, *stated_hours(facts, pack.calendar)):
            end = closes_at(now, zones, hours, now + HORIZON)
            if end is not None:
                ends.append(end)
    return min(ends, default=None)


def stated_hours(facts: ContactFacts, calendar: Calendar) -> Iterator[Hours]:
    """The hours the person stated for the channel. On kinds of days of which nothing was said any hour is right."""
    for override in facts.party.overrides:
        if facts.channel in override.channels:
            spans = parse_spans(override.allow) if override.allow else ()
            workday, weekend, holiday = (
                spans if kind in override.day_types else _ALL_DAY
                for kind in ("workday", "weekend", "public_holiday")
            )
            yield Week(workday, weekend, holiday, calendar)


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


def _closed(plan: Plan, facts: ContactFacts, zones: tuple[ZoneInfo, ...], now: datetime) -> Iterator[_Ranked]:
    """The caps and gaps that leave no room at `now`, and a notice that was given too late."""
    for cap in plan.caps:
        frees = cap_frees_at(cap, facts, zones)
        if frees is not None and frees > now:
            yield _CAPS, _not_yet(cap.id, cap.citation, frees, soft=cap.soft)
    for gap in plan.gaps:
        frees = gap_frees_at(gap, facts)
        if frees is not None and frees > now:
            yield _GAPS, _not_yet(gap.id, gap.citation, frees, soft=gap.soft)
    for visit in plan.visits:
        frees = notice_ends_at(visit, facts, zones)
        if frees is not None and frees > now:
            yield _GAPS, _not_yet(visit.id, visit.citation, frees, soft=False)


def _not_yet(rule_id: str, citation: str, until: datetime, *, soft: bool) -> Fired:
    # A soft rule waits for a person, not for the clock, so it names no instant.
    if soft:
        return Fired(rule_id, Verdict.REVIEW, None, citation)
    return Fired(rule_id, Verdict.DEFER, until, citation)


def _shut(windows: list[_Open], now: datetime) -> Iterator[Fired]:
    for rule_id, citation, hours, zones in windows:
        opens = opens_at(now, zones, hours, now + HORIZON)
        if opens != now:
            yield Fired(rule_id, Verdict.DEFER, opens, citation)


def _first_slot(windows: list[_Open], start: datetime, latest: datetime) -> datetime | None:
    """The least instant from `start` on at which all windows are open together.

    Caps and gaps free once and for good, so only the windows have to be searched to a fixed point.
    """
    slot = start
    while slot <= latest:
        before = slot
        for _, _, hours, zones in windows:
            opens = opens_at(slot, zones, hours, latest)
            if opens is None:
                return None
            slot = opens
        if slot == before:
            return slot
    return None


def _broken(rules: tuple[ContentRule, ...], text: str) -> Iterator[Fired]:
    bare = plain(text) if rules else ""
    for rule in rules:
        word = first_forbidden(bare, rule.forbidden)
        headless = rule.starts_with is not None and not pattern(rule.starts_with).match(text)
        if word is not None or headless:
            verdict = Verdict.REVIEW if rule.soft else Verdict.DENY
            yield Fired(rule.id, verdict, None, rule.citation)


def _unknown_zone() -> Fired:
    return Fired("ZONE", Verdict.DENY, None, "the person's time zone is not known")


def _decision(
    facts: ContactFacts, packs: tuple[Pack, ...], fired: list[_Ranked], slot: datetime | None
) -> Decision:
    policy = tuple(pack.ref for pack in packs)
    if not fired:
        return Decision(Verdict.ALLOW, None, (), policy, facts)
    unique = {rule.id: (rank, rule) for rank, rule in reversed(fired)}
    listed = sorted(unique.values(), key=lambda entry: (-STRICTNESS[entry[1].verdict], entry[0], entry[1].id))
    rules = tuple(rule for _, rule in listed)
    verdict = rules[0].verdict
    return Decision(verdict, slot if verdict is not Verdict.DENY else None, rules, policy, facts)
