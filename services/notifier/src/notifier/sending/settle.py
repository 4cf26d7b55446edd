"""Settles what became of attempts: replies, queries and receipts all end here, in one transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from notifier.emits import tell_message
from notifier.sending.states import Attempt, Message, MessageState
from notifier.sending.transitions import Change, Heard, News, change_of
from notifier.store import attempts, messages, parties
from notifier.store.attempts import AttemptUpdate
from notifier.store.messages import MessageUpdate
from spine.database import Tx


async def settle(tx: Tx, heard: Sequence[Heard], *, settle_s: float) -> int:
    """Applies news of attempts and tells what changed; returns how many changed. News twice change nothing.

    Locks messages, then persons, each in order. An attempt left unknown is asked about after `settle_s`.
    """
    message_of = await attempts.messages_of(tx, [h.client_ref for h in heard])
    known = [h for h in heard if h.client_ref in message_of]
    if not known:
        return 0
    locked = await messages.lock_messages(tx, message_of.values())
    await parties.lock_persons(tx, [m.borrower_id for m in locked.values()])
    held = await attempts.load(tx, message_of)
    attempt_updates: dict[str, AttemptUpdate] = {}
    message_updates: dict[str, MessageUpdate] = {}
    changed = 0
    for news in known:
        message, attempt = locked[message_of[news.client_ref]], held[news.client_ref]
        change = change_of(message, attempt, news)
        if change is None:
            continue
        changed += 1
        _tell(tx, message, attempt, news, change)
        attempt_updates[news.client_ref] = AttemptUpdate(
            news.client_ref,
            change.attempt,
            news.gateway_id or attempt.gateway_id,
            news.code or attempt.code,
            told_unknown=attempt.unknown_told or news.news is News.UNKNOWN,
        )
        if change.message is not None:
            due_at = tx.now if change.message is MessageState.PLANNED else None
            message_updates[message.id] = MessageUpdate(
                message.id, change.message, due_at, resume=change.resume
            )
        # A second piece of news in the same batch builds on the first.
        held[news.client_ref] = _after(attempt, attempt_updates[news.client_ref])
    await attempts.update(tx, attempt_updates.values(), settle_s=settle_s)
    await messages.update_messages(tx, message_updates.values())
    return changed


def _after(attempt: Attempt, update: AttemptUpdate) -> Attempt:
    return replace(
        attempt,
        state=update.state,
        gateway_id=update.gateway_id,
        code=update.code,
        unknown_told=update.told_unknown,
    )


def _tell(tx: Tx, message: Message, attempt: Attempt, news: Heard, change: Change) -> None:
    for fact in change.facts:
        waits = fact is MessageState.PLANNED
        tell_message(
            tx,
            message,
            fact,
            policy=attempt.policy,
            attempt=attempt,
            gateway_id=news.gateway_id,
            code="not_sent" if waits else news.code,
            until=tx.now if waits else None,
        )
