"""The states of a message and of its attempts at a gateway, and the rows that carry them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from spine.envelope import Envelope

_NAMESPACE: Final = uuid.UUID("3f9a8f0e-5f4c-4d1a-9a52-0c8f6f2f8d11")
#: Told as the policy of what was settled before any policy was asked.
NO_POLICY: Final = "none"


class MessageState(StrEnum):
    """PLANNED is the only state from which something may still be sent."""

    PLANNED = "planned"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    #: No one can tell what became of it: a person must ask the gateway.
    HUMAN = "human"


class AttemptState(StrEnum):
    """An attempt is the reservation: it counts in caps in every state but REJECTED and NOT_SENT."""

    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    HUMAN = "human"


#: These certainly reached nobody and count nowhere.
NOT_GONE: Final = frozenset({AttemptState.REJECTED, AttemptState.NOT_SENT})
#: It is not known whether these went out.
OPEN: Final = frozenset({AttemptState.SENDING, AttemptState.UNKNOWN, AttemptState.HUMAN})


@dataclass(frozen=True, slots=True)
class Message:
    """One message asked for. `received_at` is wall time; `resume` continues its last attempt under its key.

    `covers`: further loans of the borrower that it is about; it may only be sent while it may be about each.
    """

    id: str
    request_id: str
    borrower_id: str
    loan_id: str
    partition: int
    channel: str
    purpose: str
    stage: str
    step: str
    template: str
    requested_at: datetime
    expires_at: datetime
    received_at: datetime
    state: MessageState
    due_at: datetime
    attempt_no: int
    resume: bool
    policy: str
    cause_id: str
    cause_source: str
    correlation_id: str | None
    traceparent: str | None
    covers: tuple[str, ...] = ()
    #: The attempt that a text of our own answers to: without that one there is nothing to say.
    follows: str | None = None

    @property
    def loans(self) -> tuple[str, ...]:
        """All loans that the message is about."""
        return (self.loan_id, *self.covers)

    @property
    def cause(self) -> Envelope:
        """The request as the cause of every fact about the message."""
        return Envelope(
            id=self.cause_id,
            source=self.cause_source,
            type="contact.requested.v1",
            correlation_id=self.correlation_id,
            traceparent=self.traceparent,
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand a message over; `client_ref` is its name at the gateway. `sending_at` is wall time."""

    client_ref: str
    message_id: str
    attempt_no: int
    borrower_id: str
    loan_id: str
    channel: str
    purpose: str
    contact_ref: str
    address_index: bytes
    gateway: str
    idempotency_key: str
    not_after: datetime
    gate_seq: int
    state: AttemptState
    at: datetime
    body_cipher: bytes = field(repr=False)
    body_sha256: str
    template_version: int
    facts_digest: str
    policy: str
    gateway_id: str | None = None
    code: str | None = None
    unknown_told: bool = False


def message_id_of(request_id: str) -> str:
    """Made from the request's id: the same request taken in twice is one message."""
    return str(uuid.uuid5(_NAMESPACE, request_id))


def client_ref(message_id: str, attempt_no: int) -> str:
    """The name of an attempt at the gateway: what it deduplicates by and is asked with."""
    return f"{message_id}-{attempt_no}"
