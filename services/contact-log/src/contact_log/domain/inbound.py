"""Entries of what people wrote to us: the notifier keeps the words, the log that they came and what they meant."""

from __future__ import annotations

from contact_log.domain.entry import ContactId, Direction, Entry
from contact_log.domain.report import ReportedOutcome
from spine.events.replies import InboundReceived

#: Nobody reported it: the gateway brought it.
_HEARD_BY = "notifier"


def inbound_entry(fact: InboundReceived, *, source: str, source_id: str) -> Entry:
    """The entry of a text; a sign of danger is told as if it had been heard in a call."""
    danger = fact.sign is not None
    return Entry(
        contact_id=ContactId(fact.contact_id),
        borrower_id=fact.borrower_id,
        channel=fact.channel,
        direction=Direction.INBOUND,
        outcome=ReportedOutcome.DANGER if danger else ReportedOutcome.RECEIVED,
        at=fact.at,
        source=source,
        source_id=source_id,
        contact_ref=fact.contact_ref,
        code=fact.sign if danger else "opt_out" if fact.opted_out else None,
        reported_by=_HEARD_BY,
    )
