"""What each kind of hold stops, and how long it lasts: the table of holds as read from its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from spine.events.stager import ContactChannel, HoldKind
from stager.domain.stage_policy import PolicyName

KINDS: frozenset[str] = frozenset(get_args(HoldKind))


class Lasting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a hold lasts when nobody says: calendar days or business days after the day it was placed."""

    days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    business_days: Annotated[int, Meta(ge=1, le=365)] | None = None


class HoldRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one kind of hold stops. `ends_with_arrears`: the cure of the loan answers it."""

    blocks: Literal["all"] | tuple[ContactChannel, ...]
    blocks_promotion: bool = False
    freezes_interest: bool = False
    ends_after: Lasting | None = None
    ends_with_arrears: bool = False

    def stops(self, channel: str) -> bool:
        """Whether collection through this channel must wait."""
        return self.blocks == "all" or channel in self.blocks


class HoldPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table of holds, in one version. `calendar`: of whose business days `ends_after` speaks."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    # Tables kept from before there were calendars have none.
    calendar: str | None = None
    kinds: dict[str, HoldRule]

    def stopping(self, kinds: Iterable[str], channel: str) -> str | None:
        """The first of these holds that stops a channel, or None."""
        return next((kind for kind in sorted(kinds) if self.kinds[kind].stops(channel)), None)

    def blocking_promotion(self, kinds: Iterable[str]) -> str | None:
        """The first of these holds that keeps a loan in its stage, or None."""
        return next((kind for kind in sorted(kinds) if self.kinds[kind].blocks_promotion), None)


def faults_of_holds(policy: HoldPolicy) -> Iterator[str]:
    """What makes a table of holds unusable: kinds missing or unknown, a lasting that says nothing."""
    counts = any(rule.ends_after and rule.ends_after.business_days for rule in policy.kinds.values())
    if counts and policy.calendar is None:
        yield "calendar: business days are counted, but of which calendar is not said"
    yield from (f"kinds.{kind}: missing" for kind in sorted(KINDS - policy.kinds.keys()))
    yield from (f"kinds.{kind}: there is no such hold" for kind in sorted(policy.kinds.keys() - KINDS))
    for kind, rule in policy.kinds.items():
        lasting = rule.ends_after
        if lasting is not None and (lasting.days is None) == (lasting.business_days is None):
            yield f"kinds.{kind}.ends_after: either days or business_days"
