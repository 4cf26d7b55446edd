"""What a party or a visit needs before any clock is asked: each rule says deny, or when it would let pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from notifier.domain.decision import Fired, Verdict
from notifier.domain.facts import ContactFacts
from notifier.domain.local_time import day_start
from notifier.domain.pack import PartyRule, VisitRule

#: Outcomes that reached nobody.
_FAILURES: Final = frozenset({"no_answer", "busy", "not_in_service", "rejected", "voicemail", "failed"})
#: The number is none of the debtor's: nobody need try it three times.
_INVALID: Final = frozenset({"not_in_service", "wrong_number"})


def barred(rules: tuple[PartyRule, ...], facts: ContactFacts) -> Iterator[Fired]:
    """A deny for each rule on parties that the contact breaks."""
    for rule in rules:
        wrong_purpose = bool(rule.only_purposes) and facts.purpose not in rule.only_purposes
        too_early = rule.after_failures > 0 and not _is_unreachable(rule.after_failures, facts)
        if facts.party.refused or wrong_purpose or too_early:
            yield Fired(rule.id, Verdict.DENY, None, rule.citation)


def _is_unreachable(failures: int, facts: ContactFacts) -> bool:
    """Whether the debtor could not be reached so many times in a row over all addresses, or has no valid number."""
    tries = [
        entry
        for entry in sorted(facts.history, key=lambda entry: entry.at, reverse=True)
        if entry.party_id == facts.debtor_id
    ]
    missed = 0
    for entry in tries:
        if entry.outcome == "conversation":
            return False
        if entry.direction == "outbound" and entry.outcome in _INVALID:
            return True
        missed += entry.direction == "outbound" and entry.outcome in _FAILURES
        if missed >= failures:
            return True
    return False


def unprepared(rules: tuple[VisitRule, ...], facts: ContactFacts) -> Iterator[Fired]:
    """A deny for each visit rule of which the needed step was not made at all."""
    for rule in rules:
        alone = len(set(facts.agents)) < rule.agents
        if alone or (rule.notice_days > 0 and facts.visit_notice_at is None):
            yield Fired(rule.id, Verdict.DENY, None, rule.citation)


def notice_ends_at(rule: VisitRule, facts: ContactFacts, zones: tuple[ZoneInfo, ...]) -> datetime | None:
    """The first instant (UTC) of the local day so many days after the notice; None where there is none."""
    if rule.notice_days == 0 or facts.visit_notice_at is None:
        return None
    days = timedelta(days=rule.notice_days)
    return max(day_start(facts.visit_notice_at.astimezone(zone).date() + days, zone) for zone in zones)
