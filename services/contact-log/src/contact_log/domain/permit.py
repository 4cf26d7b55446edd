"""Entries of permits: what a person was told who wanted to call or visit."""

from __future__ import annotations

from contact_log.domain.entry import Direction, Entry, contact_id
from spine.events.notifier import PermitFact, PermitGranted


def permit_entry(fact: PermitFact, *, source: str, source_id: str) -> Entry:
    """The entry of one answer of the gate: permitted, deferred or denied. The contact itself is another entry."""
    return Entry(
        contact_id=contact_id("permit", fact.permit_id),
        borrower_id=fact.borrower_id,
        loan_id=fact.loan_id,
        channel=fact.channel,
        direction=Direction.OUTBOUND,
        outcome=_outcome(fact),
        at=fact.at,
        source=source,
        source_id=source_id,
        contact_ref=fact.contact_ref,
        purpose=fact.purpose,
        stage=fact.stage,
        until=fact.until,
        rules=fact.rules,
        policy=fact.policy,
        facts_digest=fact.facts_digest,
        reported_by=fact.by,
        task_id=fact.task_id,
        permit_id=fact.permit_id,
    )


def _outcome(fact: PermitFact) -> str:
    if isinstance(fact, PermitGranted):
        return "permitted"
    return "deferred" if fact.until is not None else "denied"
