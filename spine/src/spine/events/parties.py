"""What core banking tells of people, with personal data in clear: a topic that the notifier alone reads."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from spine.errors import BadSchema
from spine.events.registry import Event, Id, Instant, event

PARTIES = "corebanking.parties.v1"


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the collector should know of a borrower's circumstances."""

    occupation: str | None = None
    household: str | None = None
    purpose: str | None = None
    risk_grade: str | None = None


Channel = Literal["sms", "wechat", "wecom", "call", "email", "letter", "visit"]


class ContactPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to reach a person. `address` is personal data in clear: it never leaves the notifier."""

    id: Id
    channel: Channel
    address: Annotated[str, Meta(min_length=1, max_length=500)]
    place: Literal["home", "work", "other"] | None = None
    consent: Literal["given", "withdrawn", "unknown"] = "unknown"
    verified_at: Instant | None = None


class RelatedParty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A guarantor, spouse or other person around the loan."""

    id: Id
    kind: str
    contact_points: tuple[ContactPoint, ...] = ()


@event(PARTIES, "borrower.updated.v1")
class BorrowerUpdated(Event, frozen=True, kw_only=True):
    """A borrower's personal data as a whole: it replaces what was known before."""

    borrower_id: Id
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    id_number: str | None = None
    locale: str = "zh-CN"
    timezone: str | None = None
    candidate_timezones: tuple[str, ...] = ()
    region: str | None = None
    segment: Segment = Segment()
    contact_points: tuple[ContactPoint, ...] = ()
    related_parties: tuple[RelatedParty, ...] = ()
    vulnerable: tuple[str, ...] = ()

    def check(self) -> None:
        ids = [point.id for point in self.contact_points]
        if len(set(ids)) != len(ids):
            raise BadSchema("contact_points: an id occurs twice", field="contact_points")
