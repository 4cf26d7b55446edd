"""What the stager reads: arrears from the ledger, messages from the notifier, what was said from the log."""

from __future__ import annotations

from functools import partial
from typing import Final

from spine.events.contact_log import CONTACT_LOG, PromiseMade
from spine.events.ledger import (
    LEDGER,
    ArrearsChanged,
    BusinessDateClosed,
    LedgerRepaymentChargedBack,
    LedgerRepaymentReversed,
    LoanCured,
    LoanOverdue,
    LoanSettled,
    PaymentInTransit,
    PaymentTransitEnded,
    RepaymentReceived,
    StatementMatched,
    StatementMismatch,
)
from spine.events.notifier import NOTIFIER, PartyChanged, PermitUnreported
from spine.events.registry import Event
from spine.events.replies import InboundReceived
from spine.service import Consume
from stager.handlers.ledger_facts import stop_ahead, take_ledger_facts
from stager.handlers.notifier_facts import OUTCOMES, take_notifier_facts
from stager.handlers.said import SAID, STOPS, take_contact_facts
from stager.policy import House

_SAID: Final[tuple[type[Event], ...]] = (*SAID, PromiseMade)
_FROM_NOTIFIER: Final[tuple[type[Event], ...]] = (PermitUnreported, PartyChanged, InboundReceived, *OUTCOMES)

CONSUMES: Final = (
    (
        LEDGER,
        (
            LoanOverdue,
            ArrearsChanged,
            LoanCured,
            LoanSettled,
            RepaymentReceived,
            LedgerRepaymentReversed,
            LedgerRepaymentChargedBack,
            StatementMismatch,
            StatementMatched,
            PaymentInTransit,
            PaymentTransitEnded,
            BusinessDateClosed,
        ),
    ),
    (NOTIFIER, _FROM_NOTIFIER),
    (CONTACT_LOG, _SAID),
)


def consumes(house: House) -> tuple[Consume, ...]:
    """The topics with their handlers; stop facts are also applied ahead of their turn."""
    (ledger, ledger_types), (notifier, notifier_types), (contact_log, contact_log_types) = CONSUMES
    said = partial(take_contact_facts, house=house)
    return (
        Consume(
            ledger,
            ledger_types,
            partial(take_ledger_facts, house=house),
            early=partial(stop_ahead, house=house),
            early_types=(LoanCured, LoanSettled, StatementMismatch, PaymentInTransit),
        ),
        Consume(notifier, notifier_types, partial(take_notifier_facts, house=house)),
        Consume(contact_log, contact_log_types, said, early=said, early_types=STOPS),
    )
