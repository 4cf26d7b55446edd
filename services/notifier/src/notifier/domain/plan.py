"""Which rules of which packs bind one kind of act; worked out once per kind, not once per decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TypeVar, get_args

from notifier.domain.clock_rules import CapRule, CoolOffRule, GapRule, Rule, WindowRule
from notifier.domain.facts import ContactFacts
from notifier.domain.local_time import Hours
from notifier.domain.pack import Pack
from notifier.domain.places import days_at
from notifier.domain.stated_rules import ConsentRule, ContentRule, GateRule, PartyRule, VisitRule
from notifier.domain.vocabulary import PartyKind, When, place_of
from spine.events.stager import ContactChannel, ContactPurpose

R = TypeVar("R", bound=Rule)

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
    place: str | None = None
    flags: tuple[str, ...] = ()
    role: str | None = None
    product: str | None = None

    @classmethod
    def of(cls, facts: ContactFacts, purpose: str) -> Act:
        """The act that is judged; `purpose` is the one that counts, which need not be the one claimed."""
        channel, party = facts.channel, facts.party
        place = place_of(facts.place, channel)
        return cls(
            channel,
            purpose,
            facts.stage,
            party.kind,
            facts.automated,
            place,
            party.vulnerable,
            facts.actor_role,
            facts.product,
        )

    def is_known(self) -> bool:
        """Whether the packs' vocabulary has words for it: no rule can bind what it cannot name."""
        return self.channel in _CHANNELS and self.purpose in _PURPOSES and self.party in _KINDS


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules of one pack that bind an act."""

    parties: tuple[PartyRule, ...]
    consents: tuple[ConsentRule, ...]
    content: tuple[ContentRule, ...]
    visits: tuple[VisitRule, ...]
    gates: tuple[GateRule, ...]
    windows: tuple[tuple[WindowRule, Hours], ...]
    caps: tuple[CapRule, ...]
    gaps: tuple[GapRule, ...]
    cool_offs: tuple[CoolOffRule, ...]


def binds(when: When, act: Act) -> bool:
    """Whether a rule is about the act. What is not known - stage, place, role, product - binds: it never frees."""
    return (
        (not when.channels or act.channel in when.channels)
        and (not when.purposes or act.purpose in when.purposes)
        and act.purpose not in when.except_purposes
        and (not when.stages or act.stage is None or act.stage in when.stages)
        and (not when.parties or act.party in when.parties)
        and act.party not in when.except_parties
        and (not when.places or act.place is None or act.place in when.places)
        and (not when.flags or not set(when.flags).isdisjoint(act.flags))
        and (not when.roles or act.role is None or act.role in when.roles)
        and (not when.products or act.product is None or act.product in when.products)
        and (when.automated is None or act.automated is when.automated)
    )


@lru_cache(maxsize=4096)
def plan_of(pack: Pack, act: Act, state: str | None = None, days: tuple[date, date] | None = None) -> Plan:
    """The rules of a pack that bind an act; those in force on any day from the first through the last of `days`."""
    file, calendar = pack.file, pack.calendar_of(state)

    def bound(rules: Sequence[R]) -> tuple[R, ...]:
        return tuple(
            rule
            for rule in rules
            if binds(rule.when, act) and (days is None or rule.binds_on(days[0]) or rule.binds_on(days[1]))
        )

    return Plan(
        parties=bound(file.parties),
        consents=bound(file.consents),
        content=bound(file.content),
        visits=bound(file.visits) if act.channel == "visit" else (),
        gates=bound(file.gates),
        windows=tuple((rule, rule.hours(calendar)) for rule in bound(file.windows)),
        caps=bound(file.caps),
        gaps=bound(file.gaps),
        cool_offs=bound(file.cool_offs),
    )


def plan_at(pack: Pack, act: Act, facts: ContactFacts, now: datetime) -> Plan:
    """The rules of a pack that bind an act at an instant."""
    if not pack.has_dated_rules:
        return plan_of(pack, act, facts.state)
    return plan_of(pack, act, facts.state, days_at(pack, facts.party, now))


def in_force(packs: tuple[Pack, ...], facts: ContactFacts, now: datetime) -> tuple[Pack, ...]:
    """The packs that bind the place, the product, the actor's role and the day; what is not known binds."""
    return tuple(pack for pack in packs if _applies(pack, facts) and _effective(pack, facts, now))


def _applies(pack: Pack, facts: ContactFacts) -> bool:
    applies = pack.file.applies
    return (
        applies.country == facts.country
        and (not applies.roles or facts.actor_role in applies.roles)
        and (applies.state is None or facts.state in (None, applies.state))
        and (applies.city is None or facts.city is None or facts.city.casefold() == applies.city.casefold())
        and (not applies.products or facts.product is None or facts.product in applies.products)
    )


def _effective(pack: Pack, facts: ContactFacts, now: datetime) -> bool:
    applies = pack.file.applies
    today = now.date()
    # A local day is at most one away from that of UTC.
    if applies.effective_until is None and (today - applies.effective_from).days > 1:
        return True
    first, last = days_at(pack, facts.party, now)
    return applies.effective_from <= last and (
        applies.effective_until is None or first < applies.effective_until
    )
