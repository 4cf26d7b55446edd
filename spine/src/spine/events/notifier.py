"""What the notifier did or refused to do, and what others may know of a person: no personal data."""

from __future__ import annotations

import msgspec

from spine.events.registry import Event, Id, Instant, event
from spine.events.stager import ContactChannel, ContactPurpose

NOTIFIER = "notifier.v1"


class ContactRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An opaque reference to an address that only the notifier can resolve."""

    ref: str
    channel: str
    consent: str
    place: str | None = None


@event(NOTIFIER, "party.changed.v1")
class PartyChanged(Event, frozen=True, kw_only=True):
    """What the other services may know of a borrower: references, zone, region, segment and flags."""

    borrower_id: Id
    locale: str
    timezone: str | None
    candidate_timezones: tuple[str, ...] = ()
    region: str | None = None
    segment: dict[str, str] = msgspec.field(default_factory=dict)
    contact_points: tuple[ContactRef, ...] = ()
    vulnerable: tuple[str, ...] = ()


class FiredRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule of a decision whose verdict was not allow."""

    id: str
    verdict: str
    until: Instant | None = None
    citation: str | None = None


class MessageFact(Event, frozen=True, kw_only=True):
    """The whole state of one message; `at` is the business instant of this fact."""

    borrower_id: Id
    loan_id: Id
    message_id: str
    request_id: str
    channel: ContactChannel
    purpose: ContactPurpose
    stage: str
    step: str
    template: str
    at: Instant
    policy: str
    template_version: int | None = None
    contact_ref: str | None = None
    attempt_no: int = 0
    client_ref: str | None = None
    gateway: str | None = None
    gateway_id: str | None = None
    body_sha256: str | None = None
    code: str | None = None
    until: Instant | None = None
    rules: tuple[FiredRule, ...] = ()
    facts_digest: str | None = None


@event(NOTIFIER, "message.accepted.v1")
class MessageAccepted(MessageFact, frozen=True, kw_only=True):
    """A gateway took the message; from here on it counts as a contact."""


@event(NOTIFIER, "message.rejected.v1")
class MessageRejected(MessageFact, frozen=True, kw_only=True):
    """A gateway definitely refused the message; nobody was contacted."""


@event(NOTIFIER, "message.unknown.v1")
class MessageUnknown(MessageFact, frozen=True, kw_only=True):
    """No one can say yet whether the message went out; it counts as a contact until that is known."""


@event(NOTIFIER, "message.delivered.v1")
class MessageDelivered(MessageFact, frozen=True, kw_only=True):
    """The gateway reports that the message reached the person."""


@event(NOTIFIER, "message.failed.v1")
class MessageFailed(MessageFact, frozen=True, kw_only=True):
    """The gateway reports that the message did not reach the person."""


@event(NOTIFIER, "message.suppressed.v1")
class MessageSuppressed(MessageFact, frozen=True, kw_only=True):
    """The message was not sent and will not be; the rules say why."""


@event(NOTIFIER, "message.deferred.v1")
class MessageDeferred(MessageFact, frozen=True, kw_only=True):
    """The message waits until `until` and is decided again then; the rules say why."""


@event(NOTIFIER, "message.expired.v1")
class MessageExpired(MessageFact, frozen=True, kw_only=True):
    """The message could not be sent in time and will not be."""


class PermitFact(Event, frozen=True, kw_only=True):
    """What a person who wants to call or visit was told by the gate; the rules say why not, and until when.

    A granted permit reserves like a conversation of unknown outcome until its outcome is reported.
    """

    borrower_id: Id
    loan_id: Id
    permit_id: str
    channel: ContactChannel
    purpose: ContactPurpose
    at: Instant
    by: str
    policy: str
    stage: str | None = None
    task_id: str | None = None
    contact_ref: str | None = None
    until: Instant | None = None
    rules: tuple[FiredRule, ...] = ()
    facts_digest: str | None = None


@event(NOTIFIER, "permit.granted.v1")
class PermitGranted(PermitFact, frozen=True, kw_only=True):
    """The contact may be made now, until `until` at the latest."""


@event(NOTIFIER, "permit.unreported.v1")
class PermitUnreported(PermitFact, frozen=True, kw_only=True):
    """Nothing was heard of a granted permit an hour after `until`: it stays counted as a conversation until it is
    reported, and somebody should ask `by`. `at` is when it was granted."""


@event(NOTIFIER, "permit.refused.v1")
class PermitRefused(PermitFact, frozen=True, kw_only=True):
    """The contact may not be made now; `until` is when it may be asked for again, if ever."""
