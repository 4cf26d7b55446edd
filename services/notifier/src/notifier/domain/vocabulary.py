"""The words a contact policy may use: kinds of acts, people and outcomes, and which of them a rule is about."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from spine.events.stager import ContactChannel, ContactPurpose

T = TypeVar("T")

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
Place = Literal["home", "mobile", "work", "other"]
Direction = Literal["outbound", "inbound"]
#: Whom a cap, gap or cool-off counts for.
CapKey = Literal["person", "debt", "person_and_debt", "address"]
#: Where a rule comes from.
Force = Literal["law", "standard", "contract", "house"]

#: A call or a text that names no place goes to a mobile.
_TO_A_PHONE: Final = frozenset({"call", "ai_call", "voicemail", "sms"})

#: A list that is given says something: an empty one is refused.
Some = Annotated[tuple[T, ...], Meta(min_length=1)]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a pack: an unknown key in it is refused."""


class When(Strict, frozen=True, kw_only=True):
    """The acts a rule is about; an absent list means all, an `except_` list takes some out again.

    `flags`: what is known of the person's vulnerability, any of them.
    """

    channels: Some[ContactChannel] = ()
    purposes: Some[ContactPurpose] = ()
    except_purposes: Some[ContactPurpose] = ()
    stages: Some[Stage] = ()
    parties: Some[PartyKind] = ()
    except_parties: Some[PartyKind] = ()
    places: Some[Place] = ()
    flags: Some[str] = ()
    roles: Some[ActorRole] = ()
    products: Some[str] = ()
    automated: bool | None = None


class Counted(Strict, frozen=True, kw_only=True):
    """The earlier contacts a cap, gap or cool-off looks at; an absent list means all.

    `under_consent: false` leaves out those made with consent given directly at most 7 days before.
    """

    channels: Some[ContactChannel] = ()
    outcomes: Some[PastOutcome] = ()
    except_outcomes: Some[PastOutcome] = ()
    purposes: Some[ContactPurpose] = ()
    except_purposes: Some[ContactPurpose] = ()
    places: Some[Place] = ()
    directions: Some[Direction] = ("outbound",)
    under_consent: bool = True


def place_of(place: str | None, channel: str) -> str | None:
    """Where a contact reaches the person, as far as that is known."""
    return "mobile" if place is None and channel in _TO_A_PHONE else place
