"""Which rules of which packs bind one kind of act; worked out once per kind, not once per decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import get_args
from zoneinfo import ZoneInfo

from notifier.domain.facts import ContactFacts, Party
from notifier.domain.local_time import Hours, known_zone
from notifier.domain.pack import (
    CapRule,
    ContentRule,
    GapRule,
    Pack,
    PartyKind,
    PartyRule,
    VisitRule,
    When,
    WindowRule,
    Zones,
)
from spine.events.stager import ContactChannel, ContactPurpose

_CHANNELS = frozenset(get_args(ContactChannel))
_PURPOSES = frozenset(get_args(ContactPurpose))
_KINDS = frozenset(get_args(PartyKind))


@dataclass(frozen=True, slots=True)
class Act:
    """What kind of contact it is, as far as a rule may ask."""

    channel: str
    purpose: str
    stage: str | None
    party: str
    automated: bool

    @classmethod
    def of(cls, facts: ContactFacts, purpose: str) -> Act:
        """The act that is judged; `purpose` is the one that counts, which need not be the one claimed."""
        return cls(facts.channel, purpose, facts.stage, facts.party.kind, facts.automated)

    def is_known(self) -> bool:
        """Whether the packs' vocabulary has words for it: no rule can bind what it cannot name."""
        return self.channel in _CHANNELS and self.purpose in _PURPOSES and self.party in _KINDS


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules of one pack that bind an act."""

    windows: tuple[tuple[WindowRule, Hours], ...]
    caps: tuple[CapRule, ...]
    gaps: tuple[GapRule, ...]
    content: tuple[ContentRule, ...]
    visits: tuple[VisitRule, ...]
    parties: tuple[PartyRule, ...]


def binds(when: When, act: Act) -> bool:
    """Whether a rule is about the act. A stage that is not known binds: what is missing never frees."""
    return (
        (not when.channels or act.channel in when.channels)
        and (not when.purposes or act.purpose in when.purposes)
        and act.purpose not in when.except_purposes
        and (not when.stages or act.stage is None or act.stage in when.stages)
        and (not when.parties or act.party in when.parties)
        and act.party not in when.except_parties
        and (when.automated is None or act.automated is when.automated)
    )


@lru_cache(maxsize=4096)
def plan_of(pack: Pack, act: Act) -> Plan:
    """The rules of a pack that bind an act."""
    file = pack.file
    return Plan(
        tuple((rule, rule.hours(pack.calendar)) for rule in file.windows if binds(rule.when, act)),
        tuple(rule for rule in file.caps if binds(rule.when, act)),
        tuple(rule for rule in file.gaps if binds(rule.when, act)),
        tuple(rule for rule in file.content if binds(rule.when, act)),
        tuple(rule for rule in file.visits if act.channel == "visit" and binds(rule.when, act)),
        tuple(rule for rule in file.parties if binds(rule.when, act)),
    )


def in_force(packs: tuple[Pack, ...], facts: ContactFacts, now: datetime) -> tuple[Pack, ...]:
    """The packs that bind the country, the actor's role and the day."""
    return tuple(
        pack
        for pack in packs
        if pack.file.applies.country == facts.country
        and (not pack.file.applies.roles or facts.actor_role in pack.file.applies.roles)
        and _effective(pack, now)
    )


def _effective(pack: Pack, now: datetime) -> bool:
    applies = pack.file.applies
    day: date = now.date()
    fixed = pack.file.zones.fixed and known_zone(pack.file.zones.fixed)
    if fixed:
        day = now.astimezone(fixed).date()
    return applies.effective_from <= day and (
        applies.effective_until is None or day < applies.effective_until
    )


def zones_of(zones: Zones, party: Party) -> tuple[ZoneInfo, ...] | None:
    """The zones whose clocks all have to agree; None when any of them is unknown."""
    return _zones(zones.rule, zones.fixed, party.timezone, party.candidate_timezones)


@lru_cache(maxsize=2048)
def _zones(
    rule: str, fixed: str | None, stated: str | None, candidates: tuple[str, ...]
) -> tuple[ZoneInfo, ...] | None:
    # Where the person's own zone is not known all candidates bind, because any of them may be true.
    own = (stated,) if stated is not None else candidates
    names = {
        "fixed": (*((fixed,) if fixed is not None else ()), *own),
        "party": own,
        "all_candidates": (*((stated,) if stated is not None else ()), *candidates),
    }[rule]
    found = [known_zone(name) for name in dict.fromkeys(names)]
    known = tuple(zone for zone in found if zone is not None)
    return known if known and len(known) == len(found) else None
