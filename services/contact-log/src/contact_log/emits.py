"""What the contact log tells: each entry, and what was said in it that matters elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from contact_log.domain.entry import Entry
from contact_log.domain.report import ReportedOutcome
from spine.database import Tx
from spine.envelope import Envelope
from spine.events.contact_log import (
    CONTACT_LOG,
    ComplaintClosed,
    ComplaintOpened,
    ContactLogTick,
    ContactRecorded,
    DangerReported,
    DeathReported,
    DisputeRaised,
    HardshipReported,
    PaymentClaimed,
    PromiseMade,
    ThirdPartyRefused,
    WrongNumberReported,
)
from spine.events.registry import Event, event_class
from spine.outbox import emit

EMITS: Final[tuple[type[Event], ...]] = (
    ContactRecorded,
    PromiseMade,
    PaymentClaimed,
    DisputeRaised,
    HardshipReported,
    WrongNumberReported,
    ThirdPartyRefused,
    DeathReported,
    ComplaintOpened,
    ComplaintClosed,
    DangerReported,
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
        contact_ref=entry.contact_ref if entry.message_id is None else None,
        permit_id=entry.permit_id,
        task_id=entry.task_id,
    )
    emit(tx, recorded, cause=cause)


def tell_said(tx: Tx, entry: Entry, cause: Envelope | None = None) -> None:
    """What was said in a contact of people and matters elsewhere, right after the contact itself."""
    said = _about_a_loan(entry) or _about_a_person(entry)
    if said is not None:
        emit(tx, said, cause=cause)


def tell_complaint_closed(
    tx: Tx, *, complaint_id: str, borrower_id: str, loan_id: str | None, at: datetime
) -> None:
    """A complaint was answered; the caller has locked the borrower's row."""
    closed = ComplaintClosed(borrower_id=borrower_id, complaint_id=complaint_id, at=at, loan_id=loan_id)
    emit(tx, closed)


def _about_a_loan(entry: Entry) -> Event | None:
    if entry.loan_id is None:
        return None
    borrower, loan, contact, at = entry.borrower_id, entry.loan_id, entry.contact_id, entry.at
    match entry.outcome:
        case ReportedOutcome.DISPUTE:
            return DisputeRaised(borrower_id=borrower, loan_id=loan, contact_id=contact, at=at)
        case ReportedOutcome.PAID_CLAIM:
            return PaymentClaimed(
                borrower_id=borrower, loan_id=loan, contact_id=contact, at=at, amount=entry.amount
            )
        case ReportedOutcome.HARDSHIP:
            return HardshipReported(borrower_id=borrower, loan_id=loan, contact_id=contact, at=at)
        case ReportedOutcome.PROMISE if entry.amount is not None and entry.promised_on is not None:
            return PromiseMade(
                borrower_id=borrower,
                loan_id=loan,
                contact_id=contact,
                at=at,
                amount=entry.amount,
                promised_on=entry.promised_on,
                verified=bool(entry.verified),
            )
    return None


def _about_a_person(entry: Entry) -> Event | None:
    borrower, loan, contact, at = entry.borrower_id, entry.loan_id, entry.contact_id, entry.at
    match entry.outcome:
        case ReportedOutcome.WRONG_NUMBER:
            return WrongNumberReported(
                borrower_id=borrower,
                loan_id=loan,
                contact_id=contact,
                at=at,
                contact_ref=entry.contact_ref,
                channel=entry.channel,
            )
        case ReportedOutcome.REFUSAL if entry.party_id is not None:
            return ThirdPartyRefused(
                borrower_id=borrower, loan_id=loan, contact_id=contact, at=at, party_id=entry.party_id
            )
        case ReportedOutcome.DEATH:
            return DeathReported(borrower_id=borrower, loan_id=loan, contact_id=contact, at=at)
        case ReportedOutcome.COMPLAINT:
            # The entry that tells of a complaint names it for good.
            return ComplaintOpened(
                borrower_id=borrower, loan_id=loan, contact_id=contact, at=at, complaint_id=contact
            )
        case ReportedOutcome.DANGER if entry.code is not None:
            return DangerReported(
                borrower_id=borrower,
                loan_id=loan,
                contact_id=contact,
                at=at,
                sign=entry.code,  # type: ignore[arg-type]
            )
    return None
