"""The gateway port: all the sender knows of those who hand messages on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol


class Outcome(StrEnum):
    """What is known of one message after a request."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    #: It may have gone out: never repeated without a live idempotency key, reconciled otherwise.
    UNKNOWN = "unknown"
    #: It certainly did not go out: no byte of the request left, or the gateway said so.
    NOT_SENT = "not_sent"


class State(StrEnum):
    """What a gateway answers when asked for a message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    FAILED = "failed"
    #: Taken, but not handed on before `not_after`.
    DROPPED = "dropped"
    #: The gateway does not know it (yet): not a proof that it never arrived.
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OutMessage:
    """One message to hand over. `to` and `body` are personal data: they are never shown in logs or reprs."""

    client_ref: str
    channel: str
    to: str = field(repr=False)
    body: str = field(repr=False)
    template: str | None
    not_after: datetime
    #: The gateway that was chosen when it was reserved: it goes there or nowhere.
    gateway: str = ""
    #: Whose message it is: the key of what goes through a broker.
    borrower_id: str = ""


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one message; `code` is the gateway's word or ours for the reason."""

    client_ref: str
    outcome: Outcome
    gateway_id: str | None = None
    code: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A message to ask for. Not every gateway knows our references: `to`, the request's key, the gateway's own id
    and the business instant of the attempt say which one is meant."""

    client_ref: str
    idempotency_key: str = ""
    gateway_id: str | None = None
    at: datetime | None = None
    to: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What the gateway says of a message it was asked for."""

    client_ref: str
    state: State
    gateway_id: str | None = None
    code: str | None = None


#: The code of a refusal because the person does not follow the account or has not accepted the contact: the
#: strategy's next step goes by another channel.
NOT_SUBSCRIBED: Final = "not_subscribed"
#: Codes of what was not sent for a reason of the message, not of the gateway: no breaker opens for these.
OF_THE_MESSAGE: Final = frozenset(
    {"too_late", "batch_refused", "same_number", "token_expired", "gate_closed"}
)


class Gateway(Protocol):
    """Hands messages on. What a network or a gateway can do wrong is in the result, never raised."""

    @property
    def name(self) -> str: ...

    @property
    def honours_idempotency(self) -> bool:
        """Whether a repeated request with the same key is one message."""

    @property
    def key_life_s(self) -> float:
        """For how long (wall time) an idempotency key is honoured; 0 without."""

    @property
    def can_query(self) -> bool:
        """Whether the gateway can be asked what became of a message."""

    async def warm(self) -> str | None:
        """Gets what sending needs and may take a while, such as a token: before anything is reserved. None when
        ready, else a code that says why nothing can be sent."""

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        """One result per message, in their order, about this request alone: a repetition that is `not_sent`
        says nothing of the request it repeats."""

    async def query(self, asked: Inquiry) -> QueryResult:
        """What became of one message; `unknown` whenever the gateway gives no clear answer."""

    async def aclose(self) -> None: ...
