"""What the ledger tells: arrears begin, change and end, and the books of a day are closed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final

from spine.database import Tx
from spine.events.ledger import (
    Arrears,
    BusinessDateClosed,
    LedgerRepaymentChargedBack,
    LedgerRepaymentReversed,
    LoanCured,
    LoanOverdue,
    LoanSettled,
    PaymentInTransit,
    PaymentTransitEnded,
    StatementMatched,
    StatementMismatch,
)
from spine.outbox import emit
from spine.service import Received
from stager.domain.cases import Hold
from stager.domain.desk import CaseClosure, Desk
from stager.domain.hold_book import HoldFact, origin_of
from stager.emits import cases as emits
from stager.handlers.after_cure import follow_arrears
from stager.handlers.agencies import recall_closed
from stager.handlers.agreements import (
    borrowers_agreed_with,
    borrowers_to_agree,
    judge_agreements,
    revise_agreements,
)
from stager.handlers.holds import hold_ahead, take_effect
from stager.handlers.money import take_money
from stager.handlers.tasks import rescore
from stager.handlers.withdrawals import end_work, withdraw
from stager.policy import House
from stager.store.desks import borrowers_to_judge, load_desk, save_desk
from stager.store.parties import lock_parties
from stager.store.policies import keep_policies
from stager.store.preparations import close_books
from stager.store.steps import stop_steps

#: A close may concern many borrowers: so many are loaded and decided at a time.
_BORROWERS_AT_ONCE: Final = 2_000

_TakenBack = LedgerRepaymentReversed | LedgerRepaymentChargedBack
_LoanFact = Arrears | LoanCured | LoanSettled | _TakenBack | HoldFact


async def take_ledger_facts(tx: Tx, events: Sequence[Received], *, house: House) -> None:
    """Applies a batch in order. What happens to one borrower depends on no other, so they go in portions."""
    borrowers = {event.event.borrower_id for event in events if isinstance(event.event, _LoanFact)}
    closed = _closed_dates(events)
    for partition, day in closed.items():
        everyone = _takes_over(events, partition, house)
        judged = await borrowers_to_judge(tx, partition, day + timedelta(days=1), everyone=everyone)
        borrowers.update(judged)
    concerned = await _judge_agreements(tx, events, borrowers, house)
    ordered = sorted(borrowers)
    policies: set[str] = set()
    for start in range(0, len(ordered), _BORROWERS_AT_ONCE):
        portion = set(ordered[start : start + _BORROWERS_AT_ONCE])
        policies |= await _take_portion(tx, events, portion, house)
    await rescore(tx, concerned.union(borrowers), house)
    # Last: batches side by side that are the first to use a policy wait for each other here.
    await keep_policies(tx, house.rulebook, policies)
    # Only now: what came before a close in this batch was judged by the books of then.
    await close_books(tx, closed)


async def _judge_agreements(
    tx: Tx, events: Sequence[Received], borrowers: Collection[str], house: House
) -> set[str]:
    """All money of the batch first, then what was agreed is judged by it, and after this the stages.

    Returns whose agreements were looked at.
    """
    moved = await take_money(tx, events, house)
    closes = {event.partition: event for event in events if isinstance(event.event, BusinessDateClosed)}
    dates = _closed_dates(events)
    concerned = {id_ for p, day in dates.items() for id_ in await borrowers_to_agree(tx, p, day)}
    concerned |= await borrowers_agreed_with(tx, moved)
    if concerned:
        # All that the batch will need at once: locks are taken in one order.
        await lock_parties(tx, sorted(concerned.union(borrowers)), house.zone)
    await revise_agreements(tx, moved, house)
    for partition, day in dates.items():
        await judge_agreements(tx, partition, day, house, closes[partition].envelope)
    return concerned


async def stop_ahead(tx: Tx, events: Sequence[Received], *, house: House) -> None:
    """Stop facts that arrived before their turn: nothing more is asked for, what was is taken back."""
    await lock_parties(tx, sorted({event.event.key or "" for event in events}), house.zone)
    await hold_ahead(tx, events, house)
    stops = {
        event.event.loan_id: event
        for event in events
        if isinstance(event.event, LoanCured | LoanSettled) and event.envelope.loan_seq is not None
    }
    stopped = await stop_steps(tx, [(loan, stop.envelope.loan_seq or 0) for loan, stop in stops.items()])
    await withdraw(tx, {loan: ("arrears_ended", stops[loan].envelope) for loan in stopped})


def _closed_dates(events: Sequence[Received]) -> dict[int, date]:
    """The newest date closed in this batch, by partition."""
    dates: dict[int, date] = {}
    for received in events:
        if isinstance(received.event, BusinessDateClosed):
            dates[received.partition] = max(received.event.date, dates.get(received.partition, date.min))
    return dates


def _takes_over(events: Sequence[Received], partition: int, house: House) -> bool:
    """Whether other stages are in force since one of the dates closed in this batch."""
    days = [
        e.event.date for e in events if isinstance(e.event, BusinessDateClosed) and e.partition == partition
    ]
    return any(house.rulebook.stages.takes_over(day + timedelta(days=1)) for day in days)


async def _take_portion(tx: Tx, events: Sequence[Received], borrowers: set[str], house: House) -> set[str]:
    """Returns the digests of the policies that decided."""
    # Facts about no one are for everyone.
    facts = [fact for fact in events if fact.event.key is None or fact.event.key in borrowers]
    loan_ids = {fact.event.loan_id for fact in facts if isinstance(fact.event, _LoanFact)}
    hold_names = {
        (fact.event.borrower_id, fact.event.loan_id, origin_of(fact.event))
        for fact in facts
        if isinstance(fact.event, HoldFact)
    }
    taken_over = {
        fact.event.borrower_id
        for fact in facts
        if isinstance(fact.event, LoanOverdue) and fact.event.taken_over_on is not None
    }
    desk = await load_desk(tx, house, sorted(borrowers), sorted(loan_ids), hold_names, taken_over)
    for fact in facts:
        _apply(desk, fact)
    await save_desk(tx, desk)
    await withdraw(tx, desk.withdrawn)
    await end_work(tx, desk.withdrawn)
    held = [(happening, cause) for happening, cause in desk.told if isinstance(happening, Hold)]
    await take_effect(tx, [(hold, cause) for hold, cause in held if desk.holds.is_open(hold.hold_id)], house)
    closures = [one for one, _ in desk.told if isinstance(one, CaseClosure)]
    await recall_closed(tx, closures)
    spoken = {f.event.loan_id: f.envelope for f in facts if isinstance(f.event, _LoanFact)}
    await follow_arrears(tx, spoken, desk.latest(spoken), closures, house)
    for happening, cause in desk.told:
        emit(tx, emits.told(happening, house.rulebook), cause=cause)
    return desk.policies_used()


def _apply(desk: Desk, received: Received) -> None:
    match received.event:
        case Arrears() as arrears:
            desk.arrears(arrears, partition=received.partition, cause=received.envelope)
        case LoanCured() | LoanSettled() as end:
            desk.ended(end, cause=received.envelope)
        case StatementMismatch() | StatementMatched() | PaymentInTransit() | PaymentTransitEnded() as fact:
            desk.held(fact, cause=received.envelope)
        case LedgerRepaymentReversed() | LedgerRepaymentChargedBack() as taken_back:
            desk.bounced(taken_back.loan_id, cause=received.envelope)
        case BusinessDateClosed(date=day):
            desk.date_closed(received.partition, day, cause=received.envelope)
