"""What the notifier reads: borrowers, arrears, requests, what people said - and three topics' ticks."""

from __future__ import annotations

from functools import partial
from typing import Final

from notifier.domain.closing import ClosingPolicy
from notifier.handlers.gates import take_contact_log, take_ledger
from notifier.handlers.parties import PartyIntake
from notifier.handlers.receipts import take_logged_receipts
from notifier.handlers.requests import take_stager
from spine.events.contact_log import (
    CONTACT_LOG,
    ContactLogTick,
    ContactRecorded,
    DangerReported,
    DeathReported,
    DisputeRaised,
    PaymentClaimed,
    ThirdPartyRefused,
    WrongNumberReported,
)
from spine.events.gateways import RECEIPTS, GatewayReceipt
from spine.events.ledger import (
    LEDGER,
    ArrearsChanged,
    LedgerTick,
    LoanCured,
    LoanOverdue,
    LoanRegistered,
    LoanSettled,
)
from spine.events.parties import PARTIES, BorrowerMerged, BorrowerUpdated
from spine.events.registry import Event, event_class
from spine.events.stager import STAGER, ContactRequested, ContactWithdrawn, HoldLifted, HoldPlaced, StagerTick
from spine.service import Consume


def _dead_letters(topic: str) -> tuple[type[Event], type[Event]]:
    return event_class(topic, "dead_letter.opened.v1"), event_class(topic, "dead_letter.resolved.v1")


_LEDGER_LETTERS: Final = _dead_letters(LEDGER)
_STAGER_LETTERS: Final = _dead_letters(STAGER)
_CONTACT_LOG_LETTERS: Final = _dead_letters(CONTACT_LOG)
#: What was said that stops contact at once.
_SAID: Final[tuple[type[Event], ...]] = (
    PaymentClaimed,
    DisputeRaised,
    WrongNumberReported,
    ThirdPartyRefused,
    DeathReported,
    DangerReported,
)


def consumes(parties: PartyIntake, closing: ClosingPolicy, zone: str, settle_s: float) -> tuple[Consume, ...]:
    """Every topic with its handler. Stops apply at once, even early; their handlers take them twice."""
    ledger = partial(take_ledger, vault=parties.vault, closing=closing, zone=zone)
    return (
        Consume(PARTIES, (BorrowerUpdated, BorrowerMerged), parties.take),
        Consume(
            LEDGER,
            (
                LoanRegistered,
                LoanOverdue,
                ArrearsChanged,
                LoanCured,
                LoanSettled,
                LedgerTick,
                *_LEDGER_LETTERS,
            ),
            ledger,
            early=ledger,
            early_types=(LoanCured, LoanSettled, _LEDGER_LETTERS[0]),
        ),
        Consume(
            STAGER,
            (ContactRequested, ContactWithdrawn, HoldPlaced, HoldLifted, StagerTick, *_STAGER_LETTERS),
            take_stager,
            early=take_stager,
            early_types=(ContactWithdrawn, HoldPlaced, _STAGER_LETTERS[0]),
        ),
        Consume(
            CONTACT_LOG,
            (ContactRecorded, *_SAID, ContactLogTick, *_CONTACT_LOG_LETTERS),
            take_contact_log,
            early=take_contact_log,
            early_types=(*_SAID, _CONTACT_LOG_LETTERS[0]),
        ),
        Consume(
            RECEIPTS, (GatewayReceipt,), partial(take_logged_receipts, settle_s=settle_s), holds_ticks=False
        ),
    )
