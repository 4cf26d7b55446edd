"""What goes to gateways that read from the log, and what they report: the one outgoing topic with personal data."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from spine.events.registry import Event, Id, Instant, event
from spine.events.stager import ContactChannel

OUTBOUND = "gateway.outbound.v1"
RECEIPTS = "gateway.receipts.v1"

ClientRef = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]


@event(OUTBOUND, "gateway.message.v1")
class GatewayMessage(Event, frozen=True, kw_only=True):
    """A message to hand on, once, before `not_after` and unless it was withdrawn; later it is dropped."""

    borrower_id: Id
    client_ref: ClientRef
    gateway: str
    channel: ContactChannel
    to: str
    body: str
    not_after: Instant
    template: str | None = None

    @property
    def subject(self) -> None:
        """None: no loan's and no person's story is told here, so none's count of events goes on."""

    def __repr__(self) -> str:
        return f"GatewayMessage(client_ref={self.client_ref!r})"

    __str__ = __repr__


@event(OUTBOUND, "gateway.withdrawal.v1")
class GatewayWithdrawal(Event, frozen=True, kw_only=True):
    """A message that must not be handed on any more; it follows that message in the same partition."""

    borrower_id: Id
    client_ref: ClientRef
    gateway: str
    at: Instant

    @property
    def subject(self) -> None:
        """None, as of the message."""


@event(RECEIPTS, "gateway.receipt.v1")
class GatewayReceipt(Event, frozen=True, kw_only=True):
    """What became of a message: `failed` with code `too_late` or `withdrawn` is one that was not handed on."""

    borrower_id: Id
    client_ref: ClientRef
    gateway: str
    status: Literal["delivered", "failed"]
    at: Instant
    gateway_id: str | None = None
    code: str | None = None
