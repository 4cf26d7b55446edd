"""What the stager decided: stages entered, contacts asked for and withdrawn, holds, cases closed."""

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
#: What may stop collection for a while. Holds on an address (opt_out, wrong_number) are the notifier's.
HoldKind = Literal[
    "verification",
    "dispute",
    "payment_claim",
    "promise_open",
    "plan_active",
    "cease",
    "attorney",
    "breathing_space",
    "bereavement",
    "vulnerable",
    "complaint_open",
    "fraud_claim",
    "insolvency",
    "legal",
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
    """The strategy asks for one contact; whether and when it happens is the notifier's decision.

    `covers`: further loans of the borrower that the same contact is about; it must be allowed for each of them.
    """

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
    covers: tuple[Id, ...] = ()


@event(STAGER, "contact.withdrawn.v1")
class ContactWithdrawn(Event, frozen=True, kw_only=True):
    """A contact asked for before is no longer wanted; it must not be sent if it was not yet."""

    borrower_id: Id
    loan_id: Id
    request_id: str
    reason: str


@event(STAGER, "hold.placed.v1")
class HoldPlaced(Event, frozen=True, kw_only=True):
    """A loan is held: what the kind blocks must not happen until `hold.lifted` or `until` (exclusive).

    Told again with another `until` when that has moved. `origin`: the recorded contact that caused it, or the
    payment in transit, or `statement` where core banking's figures differ.
    """

    borrower_id: Id
    loan_id: Id
    hold_id: str
    kind: HoldKind
    placed_at: Instant
    freezes_interest: bool
    until: Instant | None = None
    origin: str | None = None


@event(STAGER, "hold.lifted.v1")
class HoldLifted(Event, frozen=True, kw_only=True):
    """A hold ended: by a person, its time, the end of the arrears, or the facts it waited for.

    Such facts (`facts`) are figures that match, and money that arrived or will not.
    """

    borrower_id: Id
    loan_id: Id
    hold_id: str
    kind: HoldKind
    lifted_at: Instant
    freezes_interest: bool
    ended_by: Literal["person", "expiry", "arrears_ended", "facts"]
    origin: str | None = None


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
