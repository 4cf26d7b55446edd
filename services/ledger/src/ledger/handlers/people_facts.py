"""What people do and say that touches money: holds that freeze interest, waivers, and claims to have paid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ledger import statements, transits
from ledger.account import Account
from ledger.applying import apply
from ledger.handlers.core_facts import Intake
from ledger.reach import check_dates
from ledger.store import day, facts, loans, summaries
from spine.database import Tx
from spine.events.agreements import WaiverApproved, WaiverLapsed
from spine.events.contact_log import PaymentClaimed
from spine.events.registry import Event
from spine.events.stager import HoldLifted, HoldPlaced
from spine.outbox import emit
from spine.service import Received


async def take_decisions(tx: Tx, events: Sequence[Received], *, to: Intake) -> None:
    """Freezes interest from the day a hold says so until the day it is lifted, and takes off what is waived.

    Holds that freeze nothing, and waivers that lapsed before they were one, change nothing here.
    """
    deciding = [each for each in events if _concerns_money(each.event)]
    open_on, accounts = await _at_hand(tx, deciding, to)
    kept = []
    for received in deciding:
        account = accounts.get(received.event.subject or "")
        if account is None:
            continue
        check_dates(received.event)
        account.facts = apply(
            account.facts, received.event, stated_at=received.envelope.time, zone=to.house.zone
        )
        account.has_facts = account.marked = True
        kept.append(received)
        told = account.look(max(open_on, account.standing.as_of), by_facts=True)
        told += statements.recheck(account, to.house.statement_tolerance(account.facts.currency))
        for event in told:
            emit(tx, event, cause=received.envelope)
    await facts.insert_amendments(tx, kept)
    await _save(tx, accounts)


def _concerns_money(event: Event) -> bool:
    match event:
        case HoldPlaced() | HoldLifted():
            return event.freezes_interest
        case WaiverLapsed():
            return event.was_effective
        case _:
            return isinstance(event, WaiverApproved)


async def take_claims(tx: Tx, events: Sequence[Received], *, to: Intake) -> None:
    """A borrower says that money is on its way: known by its amount and day when it comes."""
    claims = [each for each in events if isinstance(each.event, PaymentClaimed)]
    _, accounts = await _at_hand(tx, claims, to)
    for received in claims:
        account = accounts.get(received.event.subject or "")
        if account is None or not isinstance(received.event, PaymentClaimed):
            continue
        check_dates(received.event)
        waiting = to.house.waiting(account.facts.terms.calendar)
        for event in transits.take(account, received.event, waiting, tx.now):
            emit(tx, event, cause=received.envelope)
    await _save(tx, accounts)


async def _at_hand(tx: Tx, events: Sequence[Received], to: Intake) -> tuple[date, dict[str, Account]]:
    """The open date, and the loans of these events that are on the books, locked in order."""
    open_on = await day.hold_open_date(tx, to.house)
    loan_ids = {event.event.subject for event in events if event.event.subject}
    if not loan_ids:
        return open_on, {}
    return open_on, await loans.accounts(tx, await loans.lock(tx, loan_ids), to.terms)


async def _save(tx: Tx, accounts: dict[str, Account]) -> None:
    await summaries.update(tx, [account for account in accounts.values() if account.looked_at])
    await facts.save_marked(tx, accounts.values())
