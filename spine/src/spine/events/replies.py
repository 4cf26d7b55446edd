"""What people said to the notifier itself: that they want no more messages, and what they wrote back."""

from __future__ import annotations

from typing import Literal

from spine.events.notifier import NOTIFIER
from spine.events.registry import Event, Id, Instant, event


@event(NOTIFIER, "optout.received.v1")
class OptOutReceived(Event, frozen=True, kw_only=True):
    """Nobody writes to or calls the person there any more, from now on; statutory letters stay.

    Without a `channel` it is every channel, without a `contact_ref` every address, or one that is not among the
    person's. `keyword`: the word that was recognised, where it was one.
    """

    borrower_id: Id
    opt_out_id: str
    at: Instant
    source: str
    channel: str | None = None
    contact_ref: str | None = None
    keyword: str | None = None
    by: str | None = None


@event(NOTIFIER, "inbound.received.v1")
class InboundReceived(Event, frozen=True, kw_only=True):
    """The person wrote to us; what, only the notifier knows. Until `reply_until` an answer is a reply.

    `meaning`: an opt-out, which is in force already; a sign of danger, for which automation has stopped already; or
    something else, for a person to read. `opted_out` when it says both.
    """

    borrower_id: Id
    contact_id: str
    channel: str
    at: Instant
    meaning: Literal["opt_out", "danger", "other"]
    reply_until: Instant
    contact_ref: str | None = None
    sign: Literal["self_harm", "threat", "grave_illness"] | None = None
    opted_out: bool = False
