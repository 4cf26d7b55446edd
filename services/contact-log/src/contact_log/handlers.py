"""One transaction each: facts about messages, permits and tasks, and reports, become entries that are told."""

from __future__ import annotations

from collections.abc import Sequence

from contact_log import emits, store
from contact_log.domain.call import task_entry
from contact_log.domain.entry import ContactId, Entry
from contact_log.domain.inbound import inbound_entry
from contact_log.domain.message import message_entry
from contact_log.domain.permit import permit_entry
from contact_log.domain.report import ReportedOutcome
from contact_log.store import ComplaintRow
from spine.database import Tx
from spine.errors import Conflict, NotFound
from spine.events.notifier import MessageFact, PermitFact
from spine.events.replies import InboundReceived
from spine.events.tasks import TaskClosed
from spine.service import Received


class IdempotencyKeyReused(Conflict):
    """This Idempotency-Key was used for another contact; use a new key for a new contact."""

    code = "idempotency_key_reused"


async def keep_told(tx: Tx, events: Sequence[Received]) -> None:
    """Keeps each fact of others as one entry and tells it; what is on record already changes nothing.

    What was said in a call or visit that a task asked for is told as if it had been reported here.
    """
    told: dict[ContactId, tuple[Entry, Received]] = {}
    for received in events:
        entry = _entry(received)
        if entry is not None:
            told.setdefault(entry.contact_id, (entry, received))
    if not told:
        return
    entries = [entry for entry, _ in told.values()]
    await store.lock_borrowers(tx, (entry.borrower_id for entry in entries))
    new = await store.append(tx, entries)
    fresh = [(entry, received) for entry, received in told.values() if entry.contact_id in new]
    await store.open_complaints(tx, [entry for entry, _ in fresh if _is_complaint(entry)])
    for entry, received in fresh:
        emits.tell_recorded(tx, entry, received.envelope)
        if entry.message_id is None:
            emits.tell_said(tx, entry, received.envelope)


def _entry(received: Received) -> Entry | None:
    envelope = received.envelope
    match received.event:
        case MessageFact() as message:
            return message_entry(message, source=envelope.source, source_id=envelope.id)
        case PermitFact() as permit:
            return permit_entry(permit, source=envelope.source, source_id=envelope.id)
        case InboundReceived() as inbound:
            return inbound_entry(inbound, source=envelope.source, source_id=envelope.id)
        case TaskClosed() as task:
            return task_entry(task, source=envelope.source, source_id=envelope.id)
    return None


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
    if _is_complaint(entry):
        await store.open_complaints(tx, [entry])
    emits.tell_recorded(tx, entry)
    emits.tell_said(tx, entry)
    return True


def _is_complaint(entry: Entry) -> bool:
    return entry.message_id is None and entry.outcome == ReportedOutcome.COMPLAINT


async def close_complaint(tx: Tx, complaint_id: str, *, by: str) -> ComplaintRow:
    """A complaint was answered; closing it again changes nothing. Raises NotFound."""
    complaint = await store.complaint(tx, complaint_id)
    if complaint is None:
        raise NotFound(f"no complaint {complaint_id}", complaint_id=complaint_id)
    await store.lock_borrowers(tx, [complaint.borrower_id])
    if await store.close_complaint(tx, complaint_id, by=by):
        emits.tell_complaint_closed(
            tx,
            complaint_id=complaint_id,
            borrower_id=complaint.borrower_id,
            loan_id=complaint.loan_id,
            at=tx.now,
        )
    closed = await store.complaint(tx, complaint_id)
    assert closed is not None
    return closed
