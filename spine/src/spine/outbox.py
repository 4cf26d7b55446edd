"""The only way out: events are rows committed with the effects that caused them."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import text

from spine.envelope import Envelope
from spine.errors import TactError
from spine.events.registry import Event, encode
from spine.topics import partition_of

if TYPE_CHECKING:
    from spine.database import Tx

#: Leaves room for headers below the broker's limit.
MAX_EVENT_BYTES = 800_000


class EventTooLarge(TactError):
    """An event of ours is larger than brokers accept; it must carry less."""

    code = "event_too_large"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event waiting for its transaction to commit."""

    event_id: str
    topic: str
    partition: int
    type: str
    key: str | None
    subject: str | None
    data: bytes
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None


def emit(tx: Tx, event: Event, *, cause: Envelope | None = None, partition: int | None = None) -> str:
    """Adds an event to the transaction and returns its id.

    The caller has locked the borrower's rows before: outbox order is then causal order per borrower.
    Facts about no one need an explicit `partition`. Raises EventTooLarge.
    """
    data = encode(event)
    if len(data) > MAX_EVENT_BYTES:
        raise EventTooLarge(f"{event.TYPE} of {event.subject}: {len(data)} bytes", subject=event.subject)
    key = event.key
    if partition is None:
        if key is None:
            raise ValueError(f"{event.TYPE} has no key and no partition was given")
        partition = partition_of(key, tx.partitions)
    event_id = str(uuid.uuid4())
    tx.outgoing.append(
        Outgoing(
            event_id=event_id,
            topic=event.TOPIC,
            partition=partition,
            type=event.TYPE,
            key=key,
            subject=event.subject,
            data=data,
            correlation_id=(cause.correlation_id or cause.id) if cause else event_id,
            causation_id=cause.id if cause else None,
            traceparent=cause.traceparent if cause else None,
        )
    )
    return event_id


def emit_to_all(tx: Tx, event: Event, *, cause: Envelope | None = None) -> None:
    """Adds a fact about no one to every partition of its topic."""
    for partition in range(tx.partitions):
        emit(tx, event, cause=cause, partition=partition)


def emit_notice(tx: Tx, topic: str, partition: int, type_: str, body: dict[str, object]) -> None:
    """Adds a record to a topic that carries no registered events: the notices of dead-letter topics."""
    event_id = str(uuid.uuid4())
    data = msgspec.json.encode(body)
    tx.outgoing.append(Outgoing(event_id, topic, partition, type_, None, None, data, event_id, None, None))


_INSERT = text("""
    WITH added AS (
        INSERT INTO outbox (event_id, topic, partition, type, key, subject, loan_seq, occurred_at, data,
                            correlation_id, causation_id, traceparent)
        SELECT u.event_id, u.topic, u.partition, u.type, u.key, u.subject, u.loan_seq, :now, u.data,
               u.correlation_id, u.causation_id, u.traceparent
        FROM unnest(CAST(:event_ids AS text[]), CAST(:topics AS text[]), CAST(:partitions AS int[]),
                    CAST(:types AS text[]), CAST(:keys AS text[]), CAST(:subjects AS text[]),
                    CAST(:seqs AS bigint[]), CAST(:datas AS bytea[]), CAST(:correlations AS text[]),
                    CAST(:causations AS text[]), CAST(:traceparents AS text[]))
             WITH ORDINALITY AS u(event_id, topic, partition, type, key, subject, loan_seq, data,
                                  correlation_id, causation_id, traceparent, n)
        ORDER BY u.n)
    SELECT pg_notify('outbox', '')
""")

_SEQUENCES = text("""
    INSERT INTO subject_sequence AS s (subject, last_seq)
    SELECT * FROM unnest(CAST(:subjects AS text[]), CAST(:counts AS bigint[]))
    ON CONFLICT (subject) DO UPDATE SET last_seq = s.last_seq + excluded.last_seq
    RETURNING subject, last_seq
""")


async def flush(tx: Tx) -> None:
    """Writes the transaction's events into the outbox; called once, right before the commit."""
    if not tx.outgoing:
        return
    counts = Counter(o.subject for o in tx.outgoing if o.subject is not None)
    next_seq: dict[str, int] = {}
    if counts:
        subjects = sorted(counts)
        rows = await tx.connection.execute(
            _SEQUENCES, {"subjects": subjects, "counts": [counts[s] for s in subjects]}
        )
        next_seq = {row.subject: row.last_seq - counts[row.subject] + 1 for row in rows}
    seqs: list[int | None] = []
    for outgoing in tx.outgoing:
        if outgoing.subject is None:
            seqs.append(None)
        else:
            seqs.append(next_seq[outgoing.subject])
            next_seq[outgoing.subject] += 1
    out = tx.outgoing
    await tx.connection.execute(
        _INSERT,
        {
            "now": tx.now,
            "event_ids": [o.event_id for o in out],
            "topics": [o.topic for o in out],
            "partitions": [o.partition for o in out],
            "types": [o.type for o in out],
            "keys": [o.key for o in out],
            "subjects": [o.subject for o in out],
            "seqs": seqs,
            "datas": [o.data for o in out],
            "correlations": [o.correlation_id for o in out],
            "causations": [o.causation_id for o in out],
            "traceparents": [o.traceparent for o in out],
        },
    )
    tx.outgoing = []
