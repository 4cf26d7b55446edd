"""A contact policy pack as data: one schema for every jurisdiction, a closed vocabulary, nothing computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

from notifier.domain.decision import PackRef
from notifier.domain.local_time import Calendar, Hours, Week, known_zone, parse_spans
from notifier.domain.words import pattern
from spine.events.stager import ContactChannel, ContactPurpose

Stage = Literal["DUE", "S1", "S2", "S3", "S4"]
ActorRole = Literal["creditor", "agency", "assignee"]
PartyKind = Literal[
    "debtor",
    "co_borrower",
    "guarantor",
    "spouse",
    "related_third_party",
    "unrelated_third_party",
    "heir",
    "attorney",
    "employer",
]
PastOutcome = Literal[
    "no_answer",
    "busy",
    "not_in_service",
    "rejected",
    "voicemail",
    "conversation",
    "not_verified",
    "wrong_person",
    "wrong_number",
    "received",
    "sent",
    "delivered",
    "failed",
    "unknown",
]
DayType = Literal["every_day", "workday", "weekend", "public_holiday"]
ZoneRule = Literal["fixed", "party", "all_candidates"]
CapKey = Literal["person", "debt", "person_and_debt", "address"]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a pack: an unknown key in it is refused."""


class Applies(Strict, frozen=True, kw_only=True):
    """Whom and when the pack binds; no roles means all. Days are those of a fixed zone, else UTC."""

    country: str
    roles: tuple[ActorRole, ...] = ()
    effective_from: date
    #: The first day on which it no longer binds.
    effective_until: date | None = None


class Zones(Strict, frozen=True, kw_only=True):
    """Whose clock counts: a fixed zone narrowed by the party's, the party's, or all it may be in."""

    rule: ZoneRule
    fixed: str | None = None

    def __post_init__(self) -> None:
        if (self.rule == "fixed") != (self.fixed is not None):
            raise ValueError("`fixed` names a zone exactly when the rule is fixed")
        if self.fixed is not None and known_zone(self.fixed) is None:
            raise ValueError(f"no time zone {self.fixed!r}")


class When(Strict, frozen=True, kw_only=True):
    """The acts a rule is about; an absent list means all, an `except_` list takes some out again."""

    channels: tuple[ContactChannel, ...] = ()
    purposes: tuple[ContactPurpose, ...] = ()
    except_purposes: tuple[ContactPurpose, ...] = ()
    stages: tuple[Stage, ...] = ()
    parties: tuple[PartyKind, ...] = ()
    except_parties: tuple[PartyKind, ...] = ()
    automated: bool | None = None


class Counted(Strict, frozen=True, kw_only=True):
    """The earlier contacts a cap or gap looks at; an absent list means all."""

    channels: tuple[ContactChannel, ...] = ()
    outcomes: tuple[PastOutcome, ...] = ()
    purposes: tuple[ContactPurpose, ...] = ()
    directions: tuple[Literal["outbound", "inbound"], ...] = ("outbound",)


class Rule(Strict, frozen=True, kw_only=True):
    """What every rule has. A soft rule asks a person (review) where a hard one defers or denies."""

    id: str
    citation: str
    when: When = When()
    soft: bool = False


class WindowRule(Rule, frozen=True, kw_only=True):
    """Half-open local windows in which the act may happen: [["08:00", "22:00"]] ends before 22:00:00.

    The same every day, or for each kind of day; an empty list lets nothing happen on such days.
    """

    days: dict[DayType, tuple[tuple[str, str], ...]]

    def __post_init__(self) -> None:
        if self.soft or set(self.days) not in ({"every_day"}, {"workday", "weekend", "public_holiday"}):
            raise ValueError("a window is hard and says what is allowed every day, or on each kind of day")
        for kind, pairs in self.days.items():
            if pairs or kind == "every_day":
                parse_spans(pairs)

    def hours(self, calendar: Calendar) -> Hours:
        """The windows of the days, ascending; the calendar says which kind a day is."""
        if "every_day" in self.days:
            return parse_spans(self.days["every_day"])
        workday, weekend, holiday = (
            parse_spans(self.days[kind]) if self.days[kind] else ()
            for kind in ("workday", "weekend", "public_holiday")
        )
        return Week(workday, weekend, holiday, calendar)


class CapWindow(Strict, frozen=True, kw_only=True):
    """Exactly one: N consecutive local calendar days including today, or elapsed hours."""

    calendar_days: int | None = None
    hours: int | None = None

    def __post_init__(self) -> None:
        given = [n for n in (self.calendar_days, self.hours) if n is not None]
        if len(given) != 1 or given[0] < 1:
            raise ValueError("give calendar_days or hours, at least 1")


class CapRule(Rule, frozen=True, kw_only=True):
    """At most `limit` counted contacts per key in the window; the one being decided would be one more."""

    limit: int
    counts: tuple[Counted, ...]
    per: CapKey
    window: CapWindow

    def __post_init__(self) -> None:
        if self.limit < 1 or not self.counts:
            raise ValueError("a cap needs a limit of at least 1 and something to count")


class GapRule(Rule, frozen=True, kw_only=True):
    """At least so many minutes between the last counted contact and this one; none before, none asked."""

    after: tuple[Counted, ...]
    per: CapKey
    minutes: int

    def __post_init__(self) -> None:
        if self.minutes < 1 or not self.after:
            raise ValueError("a gap needs at least a minute and something to run from")


class VisitRule(Rule, frozen=True, kw_only=True):
    """What a visit needs before it: so many agents together, notice so many local days before."""

    agents: int = 0
    notice_days: int = 0

    def __post_init__(self) -> None:
        if self.soft or self.agents < 0 or self.notice_days < 0 or not (self.agents or self.notice_days):
            raise ValueError("a visit rule is hard and asks for agents or for notice")


class PartyRule(Rule, frozen=True, kw_only=True):
    """When someone else than the debtor may be contacted: never after a refusal, only for these purposes, only
    after so many failures in a row to reach the debtor (or when the debtor's number is none)."""

    only_purposes: tuple[ContactPurpose, ...] = ()
    after_failures: int = 0

    def __post_init__(self) -> None:
        if self.soft or self.after_failures < 0 or not self.when.parties:
            raise ValueError("a party rule is hard and names the parties it is about")


class ContentRule(Rule, frozen=True, kw_only=True):
    """Words the text must begin with (a pattern) or must not contain, after normalisation."""

    starts_with: str | None = None
    forbidden: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.starts_with is None and not self.forbidden:
            raise ValueError("a content rule requires or forbids something")
        if self.starts_with is not None:
            pattern(self.starts_with)


class HoldRule(Strict, frozen=True, kw_only=True):
    """What a kind of hold blocks, and what else it blocks beside that.

    `scope`: the person, or only the address (or channel) the hold names.
    """

    kind: str
    citation: str
    blocks: When = When()
    also_blocks: When | None = None
    scope: Literal["person", "address"] = "person"


class PackFile(Strict, frozen=True, kw_only=True):
    """One pack as it is written in its file."""

    name: str
    version: str
    applies: Applies
    zones: Zones
    #: A reply is one only so long after the person wrote or called; later it is judged as collection.
    reply_within_hours: int | None = None
    windows: tuple[WindowRule, ...] = ()
    caps: tuple[CapRule, ...] = ()
    gaps: tuple[GapRule, ...] = ()
    content: tuple[ContentRule, ...] = ()
    visits: tuple[VisitRule, ...] = ()
    parties: tuple[PartyRule, ...] = ()


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
    #: Which days are worked and which are public holidays where the pack applies.
    calendar: Calendar

    @property
    def name(self) -> str:
        return self.file.name
