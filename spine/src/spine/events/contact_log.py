"""What the contact log remembers, and what was said in a contact that matters elsewhere."""

from __future__ import annotations

from datetime import date
from typing import Literal

from spine.events.registry import Amount, Event, Id, Instant, event

CONTACT_LOG = "contact-log.v1"


@event(CONTACT_LOG, "contact.recorded.v1")
class ContactRecorded(Event, frozen=True, kw_only=True):
    """One contact, or one that was suppressed or deferred, is on record.

    With a `message_id` it is a fact about a message of the notifier and `outcome` is the message's new state;
    without one a person reported the contact, or asked for a permit: `permitted`, `deferred` and `denied` are no
    contacts. A contact that a permit was granted for names it in `permit_id`.
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
    contact_ref: str | None = None
    permit_id: str | None = None
    task_id: str | None = None


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


@event(CONTACT_LOG, "promise.made.v1")
class PromiseMade(Event, frozen=True, kw_only=True):
    """The borrower promised to pay `amount` by the end of `promised_on`, in a contact on record."""

    borrower_id: Id
    loan_id: Id
    contact_id: str
    at: Instant
    amount: Amount
    promised_on: date
    verified: bool = False


@event(CONTACT_LOG, "hardship.reported.v1")
class HardshipReported(Event, frozen=True, kw_only=True):
    """The borrower cannot pay as agreed: what is offered next is a plan, not another reminder."""

    borrower_id: Id
    loan_id: Id
    contact_id: str
    at: Instant


@event(CONTACT_LOG, "wrong_number.reported.v1")
class WrongNumberReported(Event, frozen=True, kw_only=True):
    """An address does not reach this person: it is not used for them again.

    `contact_ref` names it opaquely; without it every address of the `channel` may be the one.
    """

    borrower_id: Id
    contact_id: str
    at: Instant
    loan_id: Id | None = None
    contact_ref: str | None = None
    channel: str | None = None


@event(CONTACT_LOG, "third_party.refused.v1")
class ThirdPartyRefused(Event, frozen=True, kw_only=True):
    """Someone around the loan wants no contact: for ever, by any agent."""

    borrower_id: Id
    party_id: Id
    contact_id: str
    at: Instant
    loan_id: Id | None = None


@event(CONTACT_LOG, "death.reported.v1")
class DeathReported(Event, frozen=True, kw_only=True):
    """The borrower is said to have died: no contact until a representative of the estate is known."""

    borrower_id: Id
    contact_id: str
    at: Instant
    loan_id: Id | None = None


@event(CONTACT_LOG, "complaint.opened.v1")
class ComplaintOpened(Event, frozen=True, kw_only=True):
    """The borrower complained: no calls about the matter until it is answered."""

    borrower_id: Id
    complaint_id: str
    contact_id: str
    at: Instant
    loan_id: Id | None = None


@event(CONTACT_LOG, "complaint.closed.v1")
class ComplaintClosed(Event, frozen=True, kw_only=True):
    """A complaint was answered."""

    borrower_id: Id
    complaint_id: str
    at: Instant
    loan_id: Id | None = None


@event(CONTACT_LOG, "danger.reported.v1")
class DangerReported(Event, frozen=True, kw_only=True):
    """Self-harm, a threat or grave illness was heard or read: all automation stops, a trained person takes over."""

    borrower_id: Id
    contact_id: str
    at: Instant
    sign: Literal["self_harm", "threat", "grave_illness"]
    loan_id: Id | None = None


@event(CONTACT_LOG, "contact-log.tick.v1")
class ContactLogTick(Event, frozen=True, kw_only=True):
    """All the contact log knew by `at`, from inputs read to their end, is before this in the partition."""

    partition: int
    at: Instant
