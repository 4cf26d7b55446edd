"""What the contact log tells: each entry, and what was said in it that matters elsewhere."""

from __future__ import annotations

from typing import Final

from contact_log.domain.entry import Entry
from contact_log.domain.report import ReportedOutcome
from spine.database import Tx
from spine.envelope import Envelope
from spine.events.contact_log import (
    CONTACT_LOG,
    ContactLogTick,
    ContactRecorded,
    DisputeRaised,
    PaymentClaimed,
)
from spine.events.registry import Event, event_class
from spine.outbox import emit

EMITS: Final[tuple[type[Event], ...]] = (
    ContactRecorded,
    DisputeRaised,
    PaymentClaimed,
    ContactLogTick,
    event_class(CONTACT_LOG, "dead_letter.opened.v1"),
    event_class(CONTACT_LOG, "dead_letter.resolved.v1"),
)


def tell_recorded(tx: Tx, entry: Entry, cause: Envelope | None = None) -> None:
    """An entry is on record; the caller has locked the borrower's row."""
    recorded = ContactRecorded(
        borrower_id=entry.borrower_id,
        contact_id=entry.contact_id,
        channel=entry.channel,
        direction=entry.direction.value,
        outcome=entry.outcome,
        at=entry.at,
        loan_id=entry.loan_id,
        message_id=entry.message_id,
        client_ref=entry.client_ref,
        purpose=entry.purpose,
        stage=entry.stage,
    )
    emit(tx, recorded, cause=cause)


def tell_said(tx: Tx, entry: Entry) -> None:
    """What the person said that must stop collection; a report of these always names its loan."""
    if entry.reported_by is None or entry.loan_id is None:
        return
    if entry.outcome == ReportedOutcome.DISPUTE:
        said: type[DisputeRaised] | type[PaymentClaimed] = DisputeRaised
    elif entry.outcome == ReportedOutcome.PAID_CLAIM:
        said = PaymentClaimed
    else:
        return
    emit(
        tx,
        said(borrower_id=entry.borrower_id, loan_id=entry.loan_id, contact_id=entry.contact_id, at=entry.at),
    )
