"""Takes in what was said before a loan was taken over: it uses up the same budget as what is said here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, get_args

from notifier.domain.pack import PastOutcome
from notifier.handlers.parties import point_ref
from notifier.store import contacts
from notifier.store.attempts import HISTORY
from notifier.store.contacts import PastContactRow
from notifier.vault import Vault
from spine.database import Tx
from spine.events.ledger import LoanRegistered
from spine.service import Received

_OUTCOMES: Final = frozenset(get_args(PastOutcome))


async def take_history(tx: Tx, events: Sequence[Received], vault: Vault) -> None:
    """Keeps the contact history of registered loans, each entry once, as far back as contact rules look."""
    rows = [
        row
        for received in events
        if isinstance(received.event, LoanRegistered)
        for row in _history(received.event, vault, tx.now)
    ]
    if rows:
        await contacts.insert_past(tx, rows)


def _history(loan: LoanRegistered, vault: Vault, now: datetime) -> Iterator[PastContactRow]:
    """The entries that may still count.

    What is dated after now cannot have been later: it counts as of now, or a wrong year would forbid contact for
    as long. An outcome without a word in the packs is not known, which counts as the most it may have been. The
    address is core banking's own id of a contact point: where there is none of that id, the reference is that of
    no address, and the entry counts for the person.
    """
    entries = loan.taken_over.contact_history if loan.taken_over is not None else ()
    for number, entry in enumerate(entries):
        if entry.at <= now - HISTORY:
            continue
        yield PastContactRow(
            loan_id=loan.loan_id,
            entry_no=number,
            borrower_id=loan.borrower_id,
            party_id=entry.party_id or loan.borrower_id,
            at=min(entry.at, now),
            channel=entry.channel,
            direction=entry.direction,
            outcome=entry.outcome if entry.outcome in _OUTCOMES else "unknown",
            purpose=entry.purpose or "collection",
            contact_ref=point_ref(vault, loan.borrower_id, entry.address) if entry.address else "",
            debts=entry.debts or (loan.loan_id,),
        )
