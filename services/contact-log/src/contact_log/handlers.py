"""One transaction each: facts about messages and reported contacts become entries that others are told of."""

from __future__ import annotations

from collections.abc import Sequence

from contact_log import emits, store
from contact_log.domain.entry import ContactId, Entry
from contact_log.domain.message import message_entry
from spine.database import Tx
from spine.errors import Conflict
from spine.events.notifier import MessageFact
from spine.service import Received


class IdempotencyKeyReused(Conflict):
    """This Idempotency-Key was used for another contact; use a new key for a new contact."""

    code = "idempotency_key_reused"


async def keep_messages(tx: Tx, events: Sequence[Received]) -> None:
    """Keeps each fact about a message as one entry and tells it; what is on record already changes nothing."""
    told: dict[ContactId, tuple[Entry, Received]] = {}
    for received in events:
        fact = received.event
        assert isinstance(fact, MessageFact)
        envelope = received.envelope
        entry = message_entry(fact, source=envelope.source, source_id=envelope.id)
        told.setdefault(entry.contact_id, (entry, received))
    entries = [entry for entry, _ in told.values()]
    await store.lock_borrowers(tx, (entry.borrower_id for entry in entries))
    new = await store.append(tx, entries)
    for entry, received in told.values():
        if entry.contact_id in new:
            emits.tell_recorded(tx, entry, received.envelope)


async def keep_report(tx: Tx, entry: Entry) -> bool:
    """Keeps a reported contact and tells what was said in it; False when it is on record already.

    Raises IdempotencyKeyReused when its key stands for another contact.
    """
    await store.lock_borrowers(tx, [entry.borrower_id])
    if entry.contact_id not in await store.append(tx, [entry]):
        kept = await store.find(tx, entry.contact_id)
        if kept is None or kept.entry["request_sha256"] != entry.request_sha256:
            raise IdempotencyKeyReused(contact_id=entry.contact_id)
        return False
    emits.tell_recorded(tx, entry)
    emits.tell_said(tx, entry)
    return True
