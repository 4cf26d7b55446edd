"""Takes in what opens and closes gates: arrears, holds, claims, disputes, dead letters - and ticks."""

from __future__ import annotations

from collections.abc import Sequence

from notifier.handlers.history import take_history
from notifier.store import contacts, gates, parties
from notifier.store.gates import ArrearsRow, DebtRow
from notifier.vault import Vault
from spine.database import Tx
from spine.events.contact_log import ContactLogTick, ContactRecorded, DisputeRaised, PaymentClaimed
from spine.events.deadletters import DeadLetterOpened, DeadLetterResolved
from spine.events.ledger import Arrears, LedgerTick, LoanCured, LoanSettled
from spine.events.stager import HoldLifted, HoldPlaced, StagerTick
from spine.service import DeadLetter, Received


async def take_ledger(tx: Tx, events: Sequence[Received], *, vault: Vault) -> None:
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
    await take_common(tx, events)


async def take_contact_log(tx: Tx, events: Sequence[Received]) -> None:
    """What people said closes gates; what they said and did uses up the person's budget."""
    recorded = [
        received.event
        for received in events
        if isinstance(received.event, ContactRecorded) and received.event.message_id is None
    ]
    if recorded:
        await contacts.insert_contacts(tx, recorded)
    await take_common(tx, events)


async def take_common(tx: Tx, events: Sequence[Received]) -> None:
    """What closes and opens gates by an id of its own, and ticks."""
    loans: list[tuple[str, str, bool]] = []
    wide: list[tuple[str, str, str, bool]] = []
    for received in events:
        match received.event:
            case PaymentClaimed(loan_id=loan, contact_id=contact):
                loans.append((loan, f"payment_claim:{contact}", True))
            case DisputeRaised(loan_id=loan, contact_id=contact):
                loans.append((loan, f"dispute:{contact}", True))
            case HoldPlaced(loan_id=loan, hold_id=hold):
                loans.append((loan, f"hold:{hold}", True))
            case HoldLifted() as lifted:
                loans += _opened_by(lifted)
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


def _opened_by(lifted: HoldLifted) -> list[tuple[str, str, bool]]:
    """A hold that a recorded contact caused opens with it what the contact itself had closed.

    Only the gate of the hold's own kind: one contact may have raised a dispute and a claim.
    """
    reasons = [f"hold:{lifted.hold_id}"]
    if lifted.origin is not None:
        reasons.append(f"{lifted.kind}:{lifted.origin}")
    return [(lifted.loan_id, reason, False) for reason in reasons]


def _add_dead_letter(
    event: DeadLetterOpened | DeadLetterResolved,
    loans: list[tuple[str, str, bool]],
    wide: list[tuple[str, str, str, bool]],
) -> None:
    reason, closed = f"dead_letter:{event.dead_letter_id}", isinstance(event, DeadLetterOpened)
    if event.loan_id is not None:
        loans.append((event.loan_id, reason, closed))
    elif event.borrower_id is not None:
        wide.append(("borrower", event.borrower_id, reason, closed))
    else:
        wide.append(("partition", str(event.partition), reason, closed))


async def _change(tx: Tx, loans: list[tuple[str, str, bool]], wide: list[tuple[str, str, str, bool]]) -> None:
    if loans:
        await gates.change_loan_gates(tx, loans)
    if wide:
        borrowers = [ref for scope, ref, _, _ in wide if scope == "borrower"]
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
        await _change(tx, [(letter.subject, reason, closed)], [])
    elif letter.key is not None:
        await _change(tx, [], [("borrower", letter.key, reason, closed)])
    else:
        await _change(tx, [], [("partition", str(letter.partition), reason, closed)])


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
