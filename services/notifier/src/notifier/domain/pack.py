"""A contact policy pack as data: one schema for every jurisdiction, a closed vocabulary, nothing computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from notifier.domain.clock_rules import CapRule, CapWindow, CoolOffRule, GapRule, Rule, WindowRule
from notifier.domain.decision import PackRef
from notifier.domain.local_time import known_zone
from notifier.domain.stated_rules import (
    ConsentRule,
    ContentRule,
    GateRule,
    HoldRule,
    OptOut,
    PartyRule,
    Term,
    VisitRule,
)
from notifier.domain.vocabulary import (
    ActorRole,
    CapKey,
    Counted,
    Force,
    PartyKind,
    PastOutcome,
    Some,
    Stage,
    Strict,
    When,
)
from notifier.domain.week import Calendar
from spine.events.stager import ContactChannel

ZoneRule = Literal["fixed", "party", "all_candidates"]


class Applies(Strict, frozen=True, kw_only=True):
    """Whom and when the pack binds: a place, products, roles; what is absent is any.

    Where a request does not tell a fact that is named here, the pack binds. Days are those of the pack's zones; the
    pack binds where it is in force in any of them.
    """

    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
    state: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,3}$")] | None = None
    city: Annotated[str, Meta(min_length=1)] | None = None
    products: Some[str] = ()
    roles: Some[ActorRole] = ()
    effective_from: date
    #: The first day on which it no longer binds.
    effective_until: date | None = None

    def __post_init__(self) -> None:
        if self.effective_until is not None and self.effective_until <= self.effective_from:
            raise ValueError("`effective_until` is the first day on which it no longer binds")


class Zones(Strict, frozen=True, kw_only=True):
    """Whose clock counts: a fixed zone narrowed by the party's, the party's, or all it may be in."""

    rule: ZoneRule
    fixed: str | None = None

    def __post_init__(self) -> None:
        if (self.rule == "fixed") != (self.fixed is not None):
            raise ValueError("`fixed` names a zone exactly when the rule is fixed")
        if self.fixed is not None and known_zone(self.fixed) is None:
            raise ValueError(f"no time zone {self.fixed!r}")


class PackFile(Strict, frozen=True, kw_only=True):
    """One pack as it is written in its file."""

    name: str
    version: str
    applies: Applies
    force: Force
    zones: Zones
    #: A reply is one only so long after the person wrote or called; later it is judged as collection.
    reply_within_hours: Annotated[int, Meta(ge=1, le=720)] | None = None
    parties: tuple[PartyRule, ...] = ()
    consents: tuple[ConsentRule, ...] = ()
    content: tuple[ContentRule, ...] = ()
    visits: tuple[VisitRule, ...] = ()
    gates: tuple[GateRule, ...] = ()
    windows: tuple[WindowRule, ...] = ()
    caps: tuple[CapRule, ...] = ()
    gaps: tuple[GapRule, ...] = ()
    cool_offs: tuple[CoolOffRule, ...] = ()
    opt_out: OptOut | None = None
    #: Channels of which a recording is kept: checked on the finished contact.
    recorded: Some[ContactChannel] = ()
    terms: tuple[Term, ...] = ()

    def rules(self) -> Iterator[tuple[str, int, Rule]]:
        """Every rule with its section and place in it."""
        for section in RULE_SECTIONS:
            for number, rule in enumerate(getattr(self, section)):
                yield section, number, rule


#: The parts of a pack that hold rules, in the order they are judged.
RULE_SECTIONS = (
    "parties",
    "consents",
    "content",
    "visits",
    "gates",
    "windows",
    "caps",
    "gaps",
    "cool_offs",
)


class HoldFile(Strict, frozen=True, kw_only=True):
    """What holds block, the same under every pack."""

    version: str
    holds: tuple[HoldRule, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """A pack in force. Compared by identity: a process loads each once."""

    ref: PackRef
    file: PackFile
    holds: tuple[HoldRule, ...]
    #: Which days are worked and which are public holidays, by country and by country and state.
    calendars: Mapping[str, Calendar]

    has_dated_rules: bool = field(init=False)

    def __post_init__(self) -> None:
        dated = any(rule.effective_from or rule.effective_until for _, _, rule in self.file.rules())
        object.__setattr__(self, "has_dated_rules", dated)

    @property
    def name(self) -> str:
        return self.file.name

    def calendar_of(self, state: str | None) -> Calendar:
        """The state's calendar where there is one, else the country's."""
        country = self.file.applies.country
        own = self.calendars.get(f"{country}-{state}") if state is not None else None
        return own if own is not None else self.calendars[country]


__all__ = [
    "ActorRole",
    "Applies",
    "CapKey",
    "CapRule",
    "CapWindow",
    "ConsentRule",
    "ContentRule",
    "CoolOffRule",
    "Counted",
    "GapRule",
    "GateRule",
    "HoldFile",
    "HoldRule",
    "Pack",
    "PackFile",
    "PartyKind",
    "PartyRule",
    "PastOutcome",
    "Rule",
    "Stage",
    "VisitRule",
    "When",
    "WindowRule",
    "Zones",
]
