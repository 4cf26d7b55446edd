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


Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


class StatedHours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours in which the person may be contacted, by channel and kind of day: [["09:00", "18:00"]], half-open, in
    the person's zone. An empty `allow` is never; of channels and days that are not named nothing is said."""

    channels: Annotated[
        tuple[
            Literal[
                "call",
                "ai_call",
                "voicemail",
                "sms",
                "wechat",
                "wecom",
                "app_push",
                "email",
                "letter",
                "visit",
            ],
            ...,
        ],
        Meta(min_length=1),
    ]
    day_types: Annotated[tuple[Literal["workday", "weekend", "public_holiday"], ...], Meta(min_length=1)]
    allow: tuple[tuple[Clock, Clock], ...]


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
    overrides: tuple[StatedHours, ...] = ()

    def check(self) -> None:
        ids = [point.id for point in self.contact_points]
        if len(set(ids)) != len(ids):
            raise BadSchema("contact_points: an id occurs twice", field="contact_points")
        for stated in self.overrides:
            ends = [clock for span in stated.allow for clock in span]
            if ends != sorted(set(ends)):
                raise BadSchema(
                    "overrides: hours begin before they end and follow each other", field="overrides"
                )


@event(PARTIES, "borrower.merged.v1")
class BorrowerMerged(Event, frozen=True, kw_only=True):
    """`borrower_id` and `into` are one human: one budget of contacts, one word on who may be contacted where."""

    borrower_id: Id
    into: Id

    def check(self) -> None:
        if self.into == self.borrower_id:
            raise BadSchema("into: nobody is merged into themselves", field="into")
