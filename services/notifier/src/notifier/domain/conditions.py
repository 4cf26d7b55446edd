"""What a party, a consent, a visit or an earlier step must be before any clock is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from notifier.domain.facts import Consent, ContactFacts
from notifier.domain.local_time import day_start
from notifier.domain.stated_rules import ConsentRule, GateRule, PartyRule, VisitRule
from notifier.domain.timing import counts

#: Outcomes that reached nobody.
_FAILURES: Final = frozenset({"no_answer", "busy", "not_in_service", "rejected", "voicemail", "failed"})
#: What shows that the debtor can be reached; what is not known may have been a conversation.
_REACHED: Final = frozenset({"conversation", "unknown"})
#: The number is none of the debtor's: nobody need try it three times.
_INVALID: Final = "wrong_number"
_DAY: Final = timedelta(days=1)


def barred(rules: tuple[PartyRule, ...], facts: ContactFacts, now: datetime) -> Iterator[PartyRule]:
    """The rules on parties that the contact breaks."""
    for rule in rules:
        if (
            facts.party.refused
            or (rule.only_purposes and facts.purpose not in rule.only_purposes)
            or (rule.after_failures > 0 and not _may_be_asked(rule, facts, now))
            or (rule.at_most is not None and _contacts(rule, facts) >= rule.at_most)
        ):
            yield rule


def _may_be_asked(rule: PartyRule, facts: ContactFacts, now: datetime) -> bool:
    """Whether a third party may be asked about the debtor: nobody reaches them, or a hold says why none can."""
    held = any(hold.kind in rule.or_held and hold.active(now) for hold in facts.holds)
    return held or _is_unreachable(rule.after_failures, facts)


def _contacts(rule: PartyRule, facts: ContactFacts) -> int:
    return sum(
        entry.party_id == facts.party.id and any(counts(clause, entry) for clause in rule.counts)
        for entry in facts.history
    )


def _is_unreachable(failures: int, facts: ContactFacts) -> bool:
    """Whether the debtor could not be reached so many times in a row over all addresses, or has no valid number."""
    tries = [
        entry
        for entry in sorted(facts.history, key=lambda entry: entry.at, reverse=True)
        if entry.party_id == facts.debtor_id
    ]
    missed = 0
    for entry in tries:
        if entry.outcome in _REACHED:
            return False
        if entry.direction == "outbound" and entry.outcome == _INVALID:
            return True
        missed += entry.direction == "outbound" and entry.outcome in _FAILURES
        if missed >= failures:
            return True
    return False


def not_agreed(rules: tuple[ConsentRule, ...], facts: ContactFacts, now: datetime) -> Iterator[ConsentRule]:
    """The rules that ask for a consent nobody has, or one that has grown too old."""
    if not rules:
        return
    last = last_consent(facts, now)
    for rule in rules:
        if (
            last is None
            or last.state != "given"
            or (rule.max_age_days is not None and now - last.at >= _DAY * rule.max_age_days)
        ):
            yield rule


def last_consent(facts: ContactFacts, now: datetime) -> Consent | None:
    """What the person said last of the channel and address; of equally old words the refusal."""
    own = [
        consent
        for consent in facts.consents
        if consent.channel == facts.channel
        and facts.address in (None, consent.address)
        and consent.at <= now
        and consent.state != "unknown"
    ]
    return max(own, key=lambda consent: (consent.at, consent.state == "withdrawn"), default=None)


def unprepared(rules: tuple[VisitRule, ...], facts: ContactFacts) -> Iterator[VisitRule]:
    """The visit rules of which the needed step was not made at all."""
    for rule in rules:
        alone = len(set(facts.agents)) < rule.agents
        if alone or (rule.notice_days > 0 and facts.visit_notice_at is None):
            yield rule


def too_early(
    rules: tuple[GateRule, ...], facts: ContactFacts, zones: tuple[ZoneInfo, ...] | None, now: datetime
) -> Iterator[GateRule]:
    """The rules on earlier steps that were not made before this one."""
    for rule in rules:
        made = _notice_delivered(facts, now) if rule.needs == "overdue_notice" else _closed(facts, zones, now)
        if made is False or (made is None and rule.absent == "denies"):
            yield rule


def _notice_delivered(facts: ContactFacts, now: datetime) -> bool | None:
    delivered = facts.overdue_notice_delivered_at
    return None if delivered is None else delivered <= now


def _closed(facts: ContactFacts, zones: tuple[ZoneInfo, ...] | None, now: datetime) -> bool | None:
    """Whether the business date before is closed, or the day has had its first collection contact already."""
    through = facts.book_closed_through
    if through is None or zones is None:
        return None
    for zone in zones:
        today = now.astimezone(zone).date()
        begun = any(
            entry.purpose == "collection"
            and entry.direction == "outbound"
            and entry.at <= now
            and entry.at.astimezone(zone).date() == today
            for entry in facts.history
        )
        if not begun and through < today - _DAY:
            return False
    return True


def notice_ends_at(rule: VisitRule, facts: ContactFacts, zones: tuple[ZoneInfo, ...]) -> datetime | None:
    """The first instant (UTC) of the local day so many days after the notice; None where there is none."""
    if rule.notice_days == 0 or facts.visit_notice_at is None:
        return None
    days = timedelta(days=rule.notice_days)
    return max(day_start(facts.visit_notice_at.astimezone(zone).date() + days, zone) for zone in zones)
