"""Rules that no clock lifts, as data: on parties, consent, content, visits, earlier steps; and what holds block."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from notifier.domain.clock_rules import Count, Rule
from notifier.domain.vocabulary import Counted, Some, Strict, When
from notifier.domain.words import pattern
from spine.events.stager import ContactPurpose


class PartyRule(Rule, frozen=True, kw_only=True):
    """When someone else than the debtor may be contacted: never after a refusal, only for these purposes, only
    after so many failures in a row to reach the debtor (or when the debtor's number is none, or one of these holds
    tells why nobody can), and only so often in all."""

    only_purposes: Some[ContactPurpose] = ()
    after_failures: Annotated[int, Meta(ge=0)] = 0
    or_held: Some[str] = ()
    at_most: Count | None = None
    #: What uses up `at_most`.
    counts: Some[Counted] = ()

    def __post_init__(self) -> None:
        if not self.when.parties:
            raise ValueError("a party rule names the parties it is about")
        if (self.at_most is None) != (not self.counts):
            raise ValueError("`at_most` and what it counts are given together")
        if self.or_held and not self.after_failures:
            raise ValueError("`or_held` stands in for failures: say after how many")


class ConsentRule(Rule, frozen=True, kw_only=True):
    """What must have been agreed to beforehand, for this channel and address; consent may grow too old."""

    max_age_days: Count | None = None


class ContentRule(Rule, frozen=True, kw_only=True):
    """Words a text must begin with, must contain one of (patterns) or must not contain, after normalisation; how
    long it may be, and in which languages. `variables`: what a template of such texts may name.

    `judged: approval` is a rule on templates alone, which a person who approves them answers for.
    """

    starts_with: str | None = None
    contains: Some[str] = ()
    forbidden: Some[str] = ()
    max_characters: Count | None = None
    languages: Some[str] = ()
    variables: Some[str] = ()
    judged: Literal["always", "approval"] = "always"

    def __post_init__(self) -> None:
        stated = (self.starts_with, self.max_characters)
        if stated == (None, None) and not (
            self.contains or self.forbidden or self.languages or self.variables
        ):
            raise ValueError("a content rule requires or forbids something")
        for source in (self.starts_with, *self.contains):
            if source is not None:
                pattern(source)


class VisitRule(Rule, frozen=True, kw_only=True):
    """What a visit needs before it: so many agents together, notice so many local days before."""

    agents: Annotated[int, Meta(ge=0)] = 0
    notice_days: Annotated[int, Meta(ge=0, le=3_650)] = 0

    def __post_init__(self) -> None:
        if not (self.agents or self.notice_days):
            raise ValueError("a visit rule asks for agents or for notice")


class GateRule(Rule, frozen=True, kw_only=True):
    """A step that comes first. Where nobody says whether it was made, the rule is not judged or denies.

    `closed_books`: the business date before is closed, for the first collection contact of a local day.
    """

    needs: Literal["overdue_notice", "closed_books"]
    absent: Literal["not_judged", "denies"]


class NearPromise(Strict, frozen=True, kw_only=True):
    """What passes only from so many days before the promised day until its end."""

    purposes: Some[ContactPurpose]
    days_before: Annotated[int, Meta(ge=0)]


class HoldRule(Strict, frozen=True, kw_only=True):
    """What a kind of hold blocks, and what else it blocks beside that.

    `scope`: the person, or only the address (or channel) the hold names.
    """

    kind: str
    citation: str
    blocks: When = When()
    also_blocks: When | None = None
    scope: Literal["person", "address"] = "person"
    near_promise: NearPromise | None = None


class OptOut(Strict, frozen=True, kw_only=True):
    """The words by which a person stops contact at an address, and how long the stop may take to hold."""

    citation: str
    keywords: Some[str]
    latency_hours: Annotated[int, Meta(ge=0)] = 0


class Term(Strict, frozen=True, kw_only=True):
    """A length of time the instrument names for something beside a contact; several are steps of one clock."""

    name: Literal[
        "complaint_answer",
        "recording_kept",
        "record_kept",
        "record_kept_after_settlement",
        "plan_longest",
        "notice_assumed_received",
        "dispute_after_receipt",
        "breathing_space",
        "breathing_space_after_treatment",
        "adviser_respite",
    ]
    lengths: Some[Count]
    unit: Literal["days", "business_days", "months", "years"]
    citation: Annotated[str, Meta(min_length=1)]
