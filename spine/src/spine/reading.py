"""Turns a broker's record into what the service makes of it: a typed event, nothing of interest, or poison."""

from __future__ import annotations

from spine.broker.port import Record
from spine.envelope import Envelope
from spine.errors import BadSchema, EventRefused
from spine.events.registry import decode, event_class
from spine.sequence import Item, Passing, Poison
from spine.service import Consume, Received


def read_record(record: Record, consume: Consume) -> Item:
    """The item in a record; never raises. Bodies are decoded only for types the service asked for."""
    envelope = None
    try:
        envelope = Envelope.from_headers(record.headers)
        cls = event_class(record.topic, envelope.type)
        if cls not in consume.types:
            return Passing(record.offset, envelope)
        if record.value is None:
            raise BadSchema("the record has no body")
        event = decode(cls, record.value)
        if event.key is not None and record.key != event.key.encode():
            raise BadSchema("the record's key is not the borrower_id of its body", field="key")
    except EventRefused as error:
        return _poison(record, envelope, error.code, error.detail)
    return Received(record.topic, record.partition, record.offset, envelope, event, record.value)


def poison_of(received: Received, headers: tuple[tuple[str, bytes], ...], code: str, message: str) -> Poison:
    """A well-formed event that its handler cannot process."""
    return Poison(
        received.topic,
        received.partition,
        received.offset,
        received.envelope,
        received.event.key,
        received.event.subject,
        received.envelope.type,
        code,
        message,
        received.body,
        headers,
    )


def _poison(record: Record, envelope: Envelope | None, code: str, message: str) -> Poison:
    try:
        key = record.key.decode() if record.key else None
    except UnicodeDecodeError:
        key = None
    return Poison(
        record.topic,
        record.partition,
        record.offset,
        envelope,
        key,
        envelope.subject if envelope else None,
        envelope.type if envelope else None,
        code,
        message,
        record.value,
        tuple(record.headers),
    )
