"""What the stager decided: stages entered, contacts asked for and withdrawn, cases closed."""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import field

from spine.events.registry import Event, Id, Instant, event

STAGER = "stager.v1"

ContactChannel = Literal[
    "call", "ai_call", "voicemail", "sms", "wechat", "wecom", "app_push", "email", "letter", "visit"
]
ContactPurpose = Literal[
    "collection",
    "reminder_due",
    "statutory_notice",
    "reply_to_inbound",
    "location_only",
    "relay_only",
    "service",
]


@event(STAGER, "stage.entered.v1")
class StageEntered(Event, frozen=True, kw_only=True):
    """A loan entered a stage; one event per (loan, episode, entry_no)."""

    borrower_id: Id
    loan_id: Id
    case_id: str
    to: str
    from_: str | None = field(name="from", default=None)
    episode: int
    entry_no: int
    first_time: bool
    dpd: int
    as_of: date
    rule: str
    policy: str
    facts_digest: str


@event(STAGER, "contact.requested.v1")
class ContactRequested(Event, frozen=True, kw_only=True):
    """The strategy asks for one contact; whether and when it happens is the notifier's decision."""

    borrower_id: Id
    loan_id: Id
    case_id: str
    request_id: str
    stage: str
    step: str
    channel: ContactChannel
    template: str
    purpose: ContactPurpose
    episode: int
    entry_no: int
    requested_at: Instant
    expires_at: Instant
    policy: str


@event(STAGER, "contact.withdrawn.v1")
class ContactWithdrawn(Event, frozen=True, kw_only=True):
    """A contact asked for before is no longer wanted; it must not be sent if it was not yet."""

    borrower_id: Id
    loan_id: Id
    request_id: str
    reason: str


@event(STAGER, "case.closed.v1")
class CaseClosed(Event, frozen=True, kw_only=True):
    """No loan of the borrower is in arrears any more."""

    borrower_id: Id
    case_id: str
    reason: str


@event(STAGER, "stager.tick.v1")
class StagerTick(Event, frozen=True, kw_only=True):
    """All the stager knew by `at`, from inputs read to their end, is before this in the partition."""

    partition: int
    at: Instant
