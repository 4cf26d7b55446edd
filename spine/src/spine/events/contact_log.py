"""What the contact log remembers, and what was said in a contact that matters elsewhere."""

from __future__ import annotations

from typing import Literal

from spine.events.registry import Amount, Event, Id, Instant, event

CONTACT_LOG = "contact-log.v1"


@event(CONTACT_LOG, "contact.recorded.v1")
class ContactRecorded(Event, frozen=True, kw_only=True):
    """One contact, or one that was suppressed or deferred, is on record.

    With a `message_id` it is a fact about a message of the notifier and `outcome` is the message's new state;
    without one a person reported the contact.
    """

    borrower_id: Id
    contact_id: str
    channel: str
    direction: Literal["outbound", "inbound"]
    outcome: str
    at: Instant
    loan_id: str | None = None
    message_id: str | None = None
    client_ref: str | None = None
    purpose: str | None = None
    stage: str | None = None


@event(CONTACT_LOG, "payment.claimed.v1")
class PaymentClaimed(Event, frozen=True, kw_only=True):
    """The borrower says the money is on its way: no collection contact until it is looked into.

    `amount`: what was paid, in the loan's currency, where it was said.
    """

    borrower_id: Id
    loan_id: Id
    contact_id: str
    at: Instant
    amount: Amount | None = None


@event(CONTACT_LOG, "dispute.raised.v1")
class DisputeRaised(Event, frozen=True, kw_only=True):
    """The borrower disputes the debt: no collection contact until it is answered."""

    borrower_id: Id
    loan_id: Id
    contact_id: str
    at: Instant


@event(CONTACT_LOG, "contact-log.tick.v1")
class ContactLogTick(Event, frozen=True, kw_only=True):
    """All the contact log knew by `at`, from inputs read to their end, is before this in the partition."""

    partition: int
    at: Instant
