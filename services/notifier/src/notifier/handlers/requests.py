"""Takes in what the stager asks for and takes back: messages are planned, or suppressed before they are sent."""

from __future__ import annotations

from collections.abc import Sequence

from notifier.emits import tell_message
from notifier.handlers.gates import take_common
from notifier.sending.states import (
    NO_POLICY,
    AttemptState,
    Message,
    MessageState,
    client_ref,
    message_id_of,
)
from notifier.store import attempts, decisions, messages, parties
from notifier.store.attempts import AttemptUpdate
from notifier.store.decisions import DecisionRow
from notifier.store.messages import MessageUpdate
from spine.database import Tx
from spine.events.notifier import FiredRule
from spine.events.stager import ContactRequested, ContactWithdrawn
from spine.service import Received
from spine.topics import partition_of


async def take_stager(tx: Tx, events: Sequence[Received]) -> None:
    """Requests, each once; withdrawals, also of requests that have not come yet."""
    requested = [r for r in events if isinstance(r.event, ContactRequested)]
    withdrawn = [r.event for r in events if isinstance(r.event, ContactWithdrawn)]
    if requested:
        rows = {message.request_id: message for message in (_message(tx, r) for r in requested)}
        await parties.ensure_persons(tx, [message.borrower_id for message in rows.values()])
        await messages.insert_requested(tx, rows.values())
    if withdrawn:
        await messages.insert_withdrawals(tx, [(w.request_id, w.reason) for w in withdrawn])
    named = [r.event.request_id for r in events if isinstance(r.event, ContactRequested | ContactWithdrawn)]
    found = await messages.lock_withdrawn(tx, named) if named else []
    # Messages, gates, persons: the order in which everyone locks.
    await take_common(tx, events)
    if found:
        await _suppress(tx, found)


async def _suppress(tx: Tx, found: Sequence[tuple[Message, str]]) -> None:
    await parties.lock_persons(tx, [message.borrower_id for message, _ in found])
    await messages.update_messages(
        tx, [MessageUpdate(message.id, MessageState.SUPPRESSED) for message, _ in found]
    )
    # One that only waited for its key to be used again will not be: it is known not to have gone out.
    resumed = [message for message, _ in found if message.resume]
    await attempts.update(
        tx,
        [AttemptUpdate(client_ref(m.id, m.attempt_no), AttemptState.NOT_SENT) for m in resumed],
        settle_s=0,
    )
    kept = []
    for message, reason in found:
        rules = (FiredRule(id="FENCE-withdrawn", verdict="deny", citation=reason),)
        kept.append(fence_decision(tx, message, rules))
        tell_message(tx, message, MessageState.SUPPRESSED, policy=message.policy, rules=rules)
    await decisions.insert(tx, kept)


def fence_decision(tx: Tx, message: Message, rules: tuple[FiredRule, ...]) -> DecisionRow:
    """The record of a message that a closed gate stopped before any policy was asked."""
    return DecisionRow(
        message_id=message.id,
        attempt_no=message.attempt_no,
        at=tx.now,
        judged_at=tx.now,
        verdict="deny",
        until=None,
        rules=rules,
        policy=(),
        facts_cipher=None,
        facts_digest=None,
        engine="fence",
    )


def _message(tx: Tx, received: Received) -> Message:
    event = received.event
    assert isinstance(event, ContactRequested)
    return Message(
        id=message_id_of(event.request_id),
        request_id=event.request_id,
        borrower_id=event.borrower_id,
        loan_id=event.loan_id,
        partition=partition_of(event.borrower_id, tx.partitions),
        channel=event.channel,
        purpose=event.purpose,
        stage=event.stage,
        step=event.step,
        template=event.template,
        requested_at=event.requested_at,
        expires_at=event.expires_at,
        received_at=tx.now,
        state=MessageState.PLANNED,
        due_at=tx.now,
        attempt_no=0,
        resume=False,
        policy=NO_POLICY,
        cause_id=received.envelope.id,
        cause_source=received.envelope.source,
        correlation_id=received.envelope.correlation_id,
        traceparent=received.envelope.traceparent,
        covers=tuple(sorted(set(event.covers) - {event.loan_id})),
    )
