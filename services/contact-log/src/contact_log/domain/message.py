"""Entries of messages: each fact the notifier tells about a message becomes one, whole."""

from __future__ import annotations

from contact_log.domain.entry import ContactId, Direction, Entry, contact_id
from spine.events.notifier import MessageDeferred, MessageFact


def outcome_of(fact: MessageFact) -> str:
    """`message.accepted.v1` -> `accepted`: the message's new state."""
    return fact.TYPE.split(".")[1]


def message_contact_id(fact: MessageFact) -> ContactId:
    """A message has at most one fact of a kind per attempt, but may be put off again and again."""
    parts = [fact.message_id, outcome_of(fact), str(fact.attempt_no)]
    if isinstance(fact, MessageDeferred):
        parts.append(fact.at.isoformat())
    return contact_id("message", *parts)


def message_entry(fact: MessageFact, *, source: str, source_id: str) -> Entry:
    """The entry of one fact about one message."""
    return Entry(
        contact_id=message_contact_id(fact),
        borrower_id=fact.borrower_id,
        loan_id=fact.loan_id,
        channel=fact.channel,
        direction=Direction.OUTBOUND,
        outcome=outcome_of(fact),
        at=fact.at,
        source=source,
        source_id=source_id,
        message_id=fact.message_id,
        request_id=fact.request_id,
        attempt_no=fact.attempt_no,
        client_ref=fact.client_ref,
        contact_ref=fact.contact_ref,
        purpose=fact.purpose,
        stage=fact.stage,
        step=fact.step,
        template=fact.template,
        template_version=fact.template_version,
        body_sha256=fact.body_sha256,
        gateway=fact.gateway,
        gateway_id=fact.gateway_id,
        code=fact.code,
        until=fact.until,
        rules=fact.rules,
        policy=fact.policy,
        facts_digest=fact.facts_digest,
    )
