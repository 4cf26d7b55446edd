"""Takes in what opens and closes gates: arrears, holds, claims, disputes, dead letters - and ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from notifier.domain.closing import ClosingPolicy
from notifier.handlers.closing import close_after, correct_after
from notifier.handlers.history import take_history
from notifier.store import contacts, gates, parties, stops
from notifier.store.gates import ArrearsRow, DebtRow, LoanGate, WideGate
from notifier.store.stops import WRONG_NUMBER, AddressStop, Refusal
from notifier.vault import Vault
from spine.database import Tx
from spine.envelope import Envelope
from spine.events.contact_log import (
    ContactLogTick,
    ContactRecorded,
    DangerReported,
    DeathReported,
    DisputeRaised,
    PaymentClaimed,
    ThirdPartyRefused,
    WrongNumberReported,
)
from spine.events.deadletters import DeadLetterOpened, DeadLetterResolved
from spine.events.ledger import Arrears, LedgerTick, LoanCured, LoanSettled
from spine.events.stager import HoldLifted, HoldPlaced, StagerTick
from spine.service import DeadLetter, Received

#: Entries of the contact log that tell what a person was told who wanted to make a contact.
_NO_CONTACT: Final = frozenset({"permitted", "deferred", "denied"})
#: Holds on a person: what was said of them closes all their loans.
_OF_A_PERSON: Final = frozenset({"bereavement", "vulnerable"})


async def take_ledger(
    tx: Tx, events: Sequence[Received], *, vault: Vault, closing: ClosingPolicy, zone: str
) -> None:
    """The ledger's word by its own number per loan: the newest counts, whatever comes first.

    That a loan was registered opens nothing; the contacts made before it was taken over count.
    """
    await take_history(tx, events, vault)
    newest: dict[str, Received] = {}
    for received in events:
        if isinstance(received.event, Arrears | LoanCured | LoanSettled):
            held = newest.get(received.event.loan_id)
            if held is None or _seq(received) > _seq(held):
                newest[received.event.loan_id] = received
    if newest:
        arrears = {loan: r for loan, r in newest.items() if isinstance(r.event, Arrears)}
        await gates.advance_arrears(
            tx, [ArrearsRow(loan, _seq(r), loan not in arrears) for loan, r in newest.items()]
        )
        if arrears:
            await gates.save_debts(tx, [_debt(r) for r in arrears.values()])
        await close_after(
            tx, closing, {loan: (_seq(r), r.envelope) for loan, r in newest.items() if loan not in arrears}
        )
        await correct_after(tx, closing, _owed(arrears), zone)
    await take_common(tx, events)


async def take_contact_log(tx: Tx, events: Sequence[Received]) -> None:
    """What people said closes gates; what they said and did uses up the person's budget."""
    recorded = [
        received.event
        for received in events
        if isinstance(received.event, ContactRecorded)
        and received.event.message_id is None
        and received.event.outcome not in _NO_CONTACT
    ]
    if recorded:
        await contacts.insert_contacts(tx, recorded)
    await take_common(tx, events)
    await _take_stops(tx, [received.event for received in events])


async def _take_stops(tx: Tx, said: Sequence[object]) -> None:
    """Addresses that do not reach a person, and people around a loan who want no contact: for ever."""
    wrong = [event for event in said if isinstance(event, WrongNumberReported)]
    refused = [event for event in said if isinstance(event, ThirdPartyRefused)]
    if not wrong and not refused:
        return
    borrowers = [event.borrower_id for event in wrong] + [event.borrower_id for event in refused]
    await parties.ensure_persons(tx, borrowers)
    await parties.lock_persons(tx, borrowers)
    await stops.stop_addresses(
        tx,
        [
            AddressStop(w.borrower_id, w.contact_id, WRONG_NUMBER, w.contact_ref, w.channel, w.at)
            for w in wrong
        ],
    )
    await stops.keep_refusals(tx, [Refusal(r.borrower_id, r.party_id, r.contact_id, r.at) for r in refused])


async def take_common(tx: Tx, events: Sequence[Received]) -> None:
    """What closes and opens gates by an id of its own, and ticks."""
    loans: list[LoanGate] = []
    wide: list[WideGate] = []
    for received in events:
        match received.event:
            case PaymentClaimed(loan_id=loan, contact_id=contact, at=at):
                loans.append(_loan_held(loan, "payment_claim", contact, at))
            case DisputeRaised(loan_id=loan, contact_id=contact, at=at):
                loans.append(_loan_held(loan, "dispute", contact, at))
            case DeathReported(borrower_id=borrower, contact_id=contact, at=at):
                wide.append(_person_held(borrower, "bereavement", contact, at))
            case DangerReported(borrower_id=borrower, contact_id=contact, at=at):
                wide.append(_person_held(borrower, "vulnerable", contact, at))
            case HoldPlaced(loan_id=loan, hold_id=hold, kind=kind, placed_at=at):
                loans.append(LoanGate(loan, f"hold:{hold}", closed=True, kind=kind, since=at))
            case HoldLifted() as lifted:
                _add_opened_by(lifted, loans, wide)
            case DeadLetterOpened() | DeadLetterResolved() as letter:
                _add_dead_letter(letter, loans, wide)
    await _change(tx, loans, wide)
    ticks = [
        (received.topic, received.partition, received.event.at)
        for received in events
        if isinstance(received.event, LedgerTick | StagerTick | ContactLogTick)
    ]
    if ticks:
        await gates.save_ticks(tx, ticks)


def _loan_held(loan_id: str, kind: str, contact_id: str, at: datetime) -> LoanGate:
    """What was said holds the loan at once; the stager's own hold follows, and ends both."""
    return LoanGate(loan_id, f"{kind}:{contact_id}", closed=True, kind=kind, since=at)


def _person_held(borrower_id: str, kind: str, contact_id: str, at: datetime) -> WideGate:
    """As `_loan_held`, for what is said of a person and so of all their loans."""
    return WideGate("borrower", borrower_id, f"{kind}:{contact_id}", closed=True, kind=kind, since=at)


def _add_opened_by(lifted: HoldLifted, loans: list[LoanGate], wide: list[WideGate]) -> None:
    """A hold that a recorded contact caused opens with it what the contact itself had closed.

    Only the gate of the hold's own kind: one contact may have raised a dispute and a claim. Where it was said of
    the person, the person's gate opens: each of their loans that stays held has a hold of its own.
    """
    loans.append(LoanGate(lifted.loan_id, f"hold:{lifted.hold_id}", closed=False, kind=lifted.kind))
    if lifted.origin is None:
        return
    reason = f"{lifted.kind}:{lifted.origin}"
    if lifted.kind in _OF_A_PERSON:
        wide.append(WideGate("borrower", lifted.borrower_id, reason, closed=False, kind=lifted.kind))
    else:
        loans.append(LoanGate(lifted.loan_id, reason, closed=False, kind=lifted.kind))


def _add_dead_letter(
    event: DeadLetterOpened | DeadLetterResolved, loans: list[LoanGate], wide: list[WideGate]
) -> None:
    reason, closed = f"dead_letter:{event.dead_letter_id}", isinstance(event, DeadLetterOpened)
    if event.loan_id is not None:
        loans.append(LoanGate(event.loan_id, reason, closed))
    elif event.borrower_id is not None:
        wide.append(WideGate("borrower", event.borrower_id, reason, closed))
    else:
        wide.append(WideGate("partition", str(event.partition), reason, closed))


async def _change(tx: Tx, loans: list[LoanGate], wide: list[WideGate]) -> None:
    if loans:
        await gates.change_loan_gates(tx, loans)
    if wide:
        borrowers = [gate.ref for gate in wide if gate.scope == "borrower"]
        await parties.ensure_persons(tx, borrowers)
        await parties.lock_persons(tx, borrowers)
        await gates.change_wide_gates(tx, wide)


async def on_dead_letter(tx: Tx, letter: DeadLetter) -> None:
    """A record we could not read may have been a stop: what it names is shut until someone looks."""
    await _change_own(tx, letter, closed=True)


async def on_resolved(tx: Tx, letter: DeadLetter) -> None:
    """Someone has looked."""
    await _change_own(tx, letter, closed=False)


async def _change_own(tx: Tx, letter: DeadLetter, *, closed: bool) -> None:
    reason = f"dead_letter:{letter.id}"
    if letter.subject is not None and letter.subject != letter.key:
        await _change(tx, [LoanGate(letter.subject, reason, closed)], [])
    elif letter.key is not None:
        await _change(tx, [], [WideGate("borrower", letter.key, reason, closed)])
    else:
        await _change(tx, [], [WideGate("partition", str(letter.partition), reason, closed)])


def _owed(arrears: Mapping[str, Received]) -> dict[str, tuple[date, Envelope]]:
    """Since when something is owed on each loan, and the word that says so."""
    found = {}
    for loan, received in arrears.items():
        assert isinstance(received.event, Arrears)
        if received.event.oldest_unpaid_due_on is not None:
            found[loan] = (received.event.oldest_unpaid_due_on, received.envelope)
    return found


def _seq(received: Received) -> int:
    return received.envelope.loan_seq or 0


def _debt(received: Received) -> DebtRow:
    event = received.event
    assert isinstance(event, Arrears)
    return DebtRow(
        loan_id=event.loan_id,
        borrower_id=event.borrower_id,
        seq=_seq(received),
        product=event.product,
        currency=event.currency,
        as_of=event.as_of,
        dpd_zero_on=event.dpd_zero_on,
        oldest_unpaid_due_on=event.oldest_unpaid_due_on,
        overdue=event.overdue,
        outstanding_principal=event.outstanding_principal,
    )
