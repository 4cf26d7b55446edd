"""Records that cannot be processed are put aside with their reason, and what they name is held."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

import msgspec

from spine.database import Tx
from spine.envelope import Envelope, Headers
from spine.errors import Conflict, NotFound
from spine.events.deadletters import DeadLetterOpened, DeadLetterResolved
from spine.events.registry import decode, event_class
from spine.outbox import emit, emit_notice
from spine.service import Consume, DeadLetter, Received, Service
from spine.topics import TOPICS, dead_letter_topic

_NAMESPACE = uuid.UUID("5f0c6f5e-6d53-4c7c-9a51-3d1f8f1f7a10")
_KEPT_MESSAGE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record as it came in, and why it was refused. `offset` is -1 for what came over REST or from a file."""

    topic: str
    partition: int
    offset: int
    key: str | None
    subject: str | None
    type: str | None
    code: str
    message: str
    body: bytes | None
    headers: Headers = ()

    @property
    def id(self) -> str:
        """The same record put aside twice has the same id."""
        place = f"{self.topic}/{self.partition}/{self.offset}/{self.code}"
        if self.offset < 0:
            # The door gives no offset: the event's own identity tells it from another of the same body.
            named = {name: value for name, value in self.headers if name in ("ce_source", "ce_id")}
            place += "/" + hashlib.sha256(self.body or b"").hexdigest() + f"/{self.subject}"
            place += f"/{named.get('ce_source')!r}/{named.get('ce_id')!r}"
        return str(uuid.uuid5(_NAMESPACE, place))


async def put_aside(tx: Tx, service: Service | None, rejected: Rejected) -> str:
    """Keeps a record in the dead letters, holds what it names, and tells it on the service's own topic.

    Bodies of topics with personal data are not copied: the record is read again at its offset. Returns the
    dead letter's id; putting the same record aside again changes nothing.
    """
    tx.refusals.append(f"{rejected.code}: {rejected.message}")
    body = None if _personal(rejected.topic) else rejected.body
    result = await tx.execute(
        """
        INSERT INTO dead_letter (id, topic, partition, "offset", key, subject, type, code, message, body, headers)
        VALUES (:id, :topic, :partition, :offset, :key, :subject, :type, :code, :message, :body, :headers)
        ON CONFLICT (id) DO NOTHING
        """,
        id=rejected.id,
        topic=rejected.topic,
        partition=rejected.partition,
        offset=rejected.offset,
        key=rejected.key,
        subject=rejected.subject,
        type=rejected.type,
        code=rejected.code,
        message=rejected.message[:_KEPT_MESSAGE_CHARACTERS],
        body=body,
        headers=msgspec.json.encode([(name, value) for name, value in rejected.headers]),
    )
    if result.rowcount == 0:
        return rejected.id
    _tell(tx, rejected)
    if service is not None and service.on_dead_letter is not None:
        await service.on_dead_letter(tx, _letter(rejected))
    return rejected.id


def _letter(rejected: Rejected) -> DeadLetter:
    return DeadLetter(
        rejected.id,
        rejected.topic,
        rejected.partition,
        rejected.offset,
        rejected.key,
        rejected.subject,
        rejected.code,
        rejected.message,
    )


def _personal(topic: str) -> bool:
    return topic in TOPICS and TOPICS[topic].personal_data


def _loan(key: str | None, subject: str | None) -> str | None:
    """A subject is the loan when it is not the borrower; without a readable subject all loans are held."""
    return subject if subject and subject != key else None


def _tell(tx: Tx, rejected: Rejected) -> None:
    own = f"{tx.service}.v1"
    emit_notice(
        tx,
        dead_letter_topic(rejected.topic),
        rejected.partition,
        "dead_letter.notice.v1",
        {
            "dead_letter_id": rejected.id,
            "consumer": tx.service,
            "topic": rejected.topic,
            "partition": rejected.partition,
            "offset": rejected.offset,
            "code": rejected.code,
            "body_sha256": hashlib.sha256(rejected.body or b"").hexdigest(),
        },
    )
    if own == "notifier.v1":
        return
    opened = event_class(own, "dead_letter.opened.v1")
    assert issubclass(opened, DeadLetterOpened)
    emit(
        tx,
        opened(
            dead_letter_id=rejected.id,
            consumer=tx.service,
            topic=rejected.topic,
            partition=rejected.partition,
            offset=rejected.offset,
            code=rejected.code,
            borrower_id=rejected.key,
            loan_id=_loan(rejected.key, rejected.subject),
        ),
        partition=rejected.partition,
    )


async def resolve(tx: Tx, service: Service, letter_id: str, resolution: str) -> None:
    """Releases what a dead letter held. Raises NotFound, or Conflict when it was resolved before."""
    letter, _, _ = await _open_letter(tx, letter_id)
    await tx.execute(
        "UPDATE dead_letter SET resolved_at = clock_timestamp(), resolution = :resolution WHERE id = :id",
        id=letter_id,
        resolution=resolution[:_KEPT_MESSAGE_CHARACTERS],
    )
    if service.on_resolved is not None:
        await service.on_resolved(tx, letter)
    own = f"{tx.service}.v1"
    if own == "notifier.v1":
        return
    resolved = event_class(own, "dead_letter.resolved.v1")
    assert issubclass(resolved, DeadLetterResolved)
    emit(
        tx,
        resolved(
            dead_letter_id=letter_id,
            consumer=tx.service,
            partition=letter.partition,
            resolution=resolution,
            borrower_id=letter.key,
            loan_id=_loan(letter.key, letter.subject),
        ),
        partition=letter.partition,
    )


async def replay(tx: Tx, service: Service, letter_id: str) -> None:
    """Hands a dead letter to its handler once more, and resolves it when that works.

    Raises NotFound, Conflict (also when the handler puts it aside again), or what decoding or the handler
    raise: then the caller's transaction must not commit.
    """
    letter, body, headers = await _open_letter(tx, letter_id)
    if body is None:
        raise Conflict(
            f"dead letter {letter_id}: its body was not kept (personal data); send the corrected event again,"
            " then resolve this one"
        )
    consume = _consume_of(service, letter.topic)
    envelope = Envelope.from_headers(headers)
    event = decode(event_class(letter.topic, envelope.type), body)
    received = Received(letter.topic, letter.partition, letter.offset, envelope, event, body)
    await consume.handler(tx, [received])
    if tx.refusals:
        raise Conflict(f"dead letter {letter_id} is refused again: {'; '.join(tx.refusals)}", id=letter_id)
    await resolve(tx, service, letter_id, "replayed")


def _consume_of(service: Service, topic: str) -> Consume:
    for consume in service.consumes:
        if consume.topic == topic:
            return consume
    raise NotFound(f"{service.name} does not read {topic}")


async def _open_letter(tx: Tx, letter_id: str) -> tuple[DeadLetter, bytes | None, list[tuple[str, bytes]]]:
    row = (
        await tx.execute(
            'SELECT id, topic, partition, "offset", key, subject, code, message, body, headers, resolved_at '
            "FROM dead_letter WHERE id = :id FOR UPDATE",
            id=letter_id,
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"no dead letter {letter_id}", id=letter_id)
    if row.resolved_at is not None:
        raise Conflict(f"dead letter {letter_id} was resolved at {row.resolved_at.isoformat()}", id=letter_id)
    letter = DeadLetter(
        row.id, row.topic, row.partition, row.offset, row.key, row.subject, row.code, row.message
    )
    headers = msgspec.json.decode(row.headers, type=list[tuple[str, bytes]]) if row.headers else []
    return letter, row.body, headers
