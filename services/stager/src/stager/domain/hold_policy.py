"""What each kind of hold stops, how long it lasts and who ends it: the table of holds as read from its file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from spine.events.stager import ContactChannel, ContactPurpose, HoldKind
from stager.domain.stage_policy import PolicyName
from stager.domain.team import Role

KINDS: frozenset[str] = frozenset(get_args(HoldKind))

#: What must be on record before a hold is lifted: figures verified, an answer given, a written finding, who
#: represents, what a review came to, in which contact the borrower restarted, how the court's case closed.
#: What may be: that a dispute was `upheld`.
Finding = Literal[
    "verified", "answered", "finding", "representative", "review", "restarted", "court_closing", "upheld"
]
#: How figures are shown meanwhile; `freezes_interest` says whether they run.
Figures = Literal["as_they_are", "flagged", "provisional", "by_plan"]
#: Who is contacted in the borrower's place.
StandsIn = Literal["attorney", "heir"]


class Lasting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How long a hold lasts when nobody says: calendar days or business days after the day it was placed, or
    calendar days after the end of a treatment, open while that end is not known."""

    days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    business_days: Annotated[int, Meta(ge=1, le=365)] | None = None
    after_treatment_days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class Extension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """By how much, how often and by whom a hold may be extended; `proof`: only with a reference to one."""

    days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    business_days: Annotated[int, Meta(ge=1, le=365)] | None = None
    times: Annotated[int, Meta(ge=1, le=10)] = 1
    by: Annotated[tuple[Role, ...], Meta(min_length=1)]
    proof: bool = False


class Ground(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A ground for which a hold of a kind lasts otherwise, with the instrument that says so."""

    citation: Annotated[str, Meta(min_length=1)]
    ends_after: Lasting
    extension: Extension | None = None


class HoldRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one kind of hold stops, for how long, and who may place and lift it.

    `allows`: purposes that stay allowed on the channels it blocks; `allows_parties`: who may be contacted all the
    same. `ends_with_arrears`: the cure of the loan answers it. `scope`: a hold on a person holds every loan of the
    borrower. `placed_by` and `lifted_by`: roles; none means that only facts and agreements do it.
    `needs_skill`: who deals with the person meanwhile has it. `several`: each is about a matter of its own, so that
    one may be placed by hand while another is in force.
    """

    blocks: Literal["all"] | tuple[ContactChannel, ...]
    allows: tuple[ContactPurpose, ...] = ()
    allows_parties: tuple[StandsIn, ...] = ()
    blocks_promotion: bool = False
    blocks_referral: bool = False
    blocks_credit_report: bool = False
    freezes_interest: bool = False
    figures: Figures = "as_they_are"
    ends_after: Lasting | None = None
    extension: Extension | None = None
    grounds: dict[str, Ground] = {}
    ends_with_arrears: bool = False
    scope: Literal["loan", "person"] = "loan"
    placed_by: tuple[Role, ...] = ()
    lifted_by: tuple[Role, ...] = ()
    lifting_needs: tuple[Finding, ...] = ()
    needs_skill: str | None = None
    several: bool = False

    def stops(self, channel: str, purpose: str = "collection", party: str = "debtor") -> bool:
        """Whether a contact through this channel, of this purpose, to this party must wait."""
        blocked = self.blocks == "all" or channel in self.blocks
        return blocked and purpose not in self.allows and party not in self.allows_parties

    def lasting(self, ground: str | None) -> Lasting | None:
        """How long it lasts on this ground, or on none."""
        return self.grounds[ground].ends_after if ground is not None else self.ends_after

    def extending(self, ground: str | None) -> Extension | None:
        """How it is extended on this ground, or on none."""
        return self.grounds[ground].extension if ground is not None else self.extension


class HoldPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table of holds, in one version. `calendar`: of whose business days `ends_after` speaks."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    # Tables kept from before there were calendars have none.
    calendar: str | None = None
    kinds: dict[str, HoldRule]

    def stopping(
        self, kinds: Iterable[str], channel: str, purpose: str = "collection", party: str = "debtor"
    ) -> str | None:
        """The first of these holds that stops such a contact, or None."""
        return self._first(kinds, lambda rule: rule.stops(channel, purpose, party))

    def blocking_promotion(self, kinds: Iterable[str]) -> str | None:
        """The first of these holds that keeps a loan in its stage, or None."""
        return self._first(kinds, lambda rule: rule.blocks_promotion)

    def blocking_referral(self, kinds: Iterable[str]) -> str | None:
        """The first of these holds under which no agency and no court is given the case, or None."""
        return self._first(kinds, lambda rule: rule.blocks_referral)

    def blocking_credit_report(self, kinds: Iterable[str]) -> str | None:
        """The first of these holds under which what is reported of the loan is not made worse, or None."""
        return self._first(kinds, lambda rule: rule.blocks_credit_report)

    def skills_needed(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """What a person must be trained in to deal with someone held so, sorted."""
        needed = {self.kinds[kind].needs_skill for kind in kinds}
        return tuple(sorted(skill for skill in needed if skill is not None))

    def figures(self, kinds: Iterable[str]) -> tuple[Figures, ...]:
        """How figures are to be shown under these holds, sorted; empty: as they are."""
        return tuple(sorted({self.kinds[kind].figures for kind in kinds} - {"as_they_are"}))

    def _first(self, kinds: Iterable[str], test: Callable[[HoldRule], bool]) -> str | None:
        return next((kind for kind in sorted(kinds) if test(self.kinds[kind])), None)


def faults_of_holds(policy: HoldPolicy) -> Iterator[str]:
    """What makes a table of holds unusable: kinds missing or unknown, lengths that say nothing or too much."""
    yield from (f"kinds.{kind}: missing" for kind in sorted(KINDS - policy.kinds.keys()))
    yield from (f"kinds.{kind}: there is no such hold" for kind in sorted(policy.kinds.keys() - KINDS))
    for kind, rule in policy.kinds.items():
        for place, lasting, extension in _lengths(kind, rule):
            yield from _faults_of_length(f"{place}.ends_after", lasting, policy.calendar)
            yield from _faults_of_length(f"{place}.extension", extension, policy.calendar)
            if extension is not None and lasting is None:
                yield f"{place}.extension: it has no end that could be extended"
        if rule.scope == "person" and rule.ends_with_arrears:
            yield f"kinds.{kind}.ends_with_arrears: a hold on a person does not end with the arrears of a loan"
        if rule.lifting_needs and not rule.lifted_by:
            yield f"kinds.{kind}.lifting_needs: nobody may lift it"


def _lengths(kind: str, rule: HoldRule) -> Iterator[tuple[str, Lasting | None, Extension | None]]:
    yield f"kinds.{kind}", rule.ends_after, rule.extension
    for name, ground in rule.grounds.items():
        yield f"kinds.{kind}.grounds.{name}", ground.ends_after, ground.extension


def _faults_of_length(place: str, length: Lasting | Extension | None, calendar: str | None) -> Iterator[str]:
    if length is None:
        return
    after_treatment = length.after_treatment_days if isinstance(length, Lasting) else None
    if sum(each is not None for each in (length.days, length.business_days, after_treatment)) != 1:
        yield f"{place}: either days or business_days, or days after a treatment"
    if length.business_days is not None and calendar is None:
        yield f"{place}: calendar: business days are counted, but of which calendar is not said"
