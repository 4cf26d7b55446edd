"""Payments in transit of a loan at hand: begun by what is stated or claimed, ended by money, failure or time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from ledger import emits
from ledger.account import Account
from ledger.applying import check_borrower
from ledger.contract import bounded
from ledger.domain.facts import Repayment
from ledger.domain.transit import Transit, TransitKind, TransitState, Waiting, begun, by_time, is_money_of
from spine.events.contact_log import PaymentClaimed
from spine.events.payments import DebitFailed, DebitScheduled, RepaymentPending
from spine.events.registry import Event

Stated = RepaymentPending | DebitScheduled | DebitFailed | PaymentClaimed


def take(account: Account, event: Stated, waiting: Waiting, now: datetime) -> Iterator[Event]:
    """Notes what was said of money on its way.

    Raises Contradiction for another borrower, BadAmount for decimals the currency does not have.
    """
    check_borrower(account.facts, event)
    currency = account.facts.currency
    if isinstance(event, DebitFailed):
        yield from _failed(account, event, now)
        return
    stated = _stated(event, currency, waiting)
    known = account.transits.get(stated.id)
    if known is not None and known.is_over:
        # News of what is over; a failure that came before its debit learns the times of it.
        if known.since is None:
            _keep(account, replace(stated, state=known.state, reason=known.reason))
        return
    now_is = begun(stated, account.facts, account.transits.values(), waiting, now)
    if known is not None and known.state is TransitState.OPEN and now_is.state is TransitState.ANNOUNCED:
        # Others were told that it runs: it runs on until its new end.
        now_is = replace(now_is, state=TransitState.OPEN)
    yield from _keep_told(account, known, now_is, now)


def arrived(account: Account, money: Repayment, waiting: Waiting, now: datetime) -> Iterator[Event]:
    """Ends what this money was, if it was on its way; of several alike the one that began first."""
    running = sorted(
        (each for each in account.transits.values() if not each.is_over),
        key=lambda each: (each.since is None, each.since, each.id),
    )
    for kind in TransitKind:
        for transit in running:
            if transit.kind is kind and is_money_of(transit, money, waiting):
                posted = replace(transit, state=TransitState.POSTED, repayment_id=money.id)
                yield from _keep_told(account, transit, posted, now)
                break


def passed(account: Account, now: datetime) -> Iterator[Event]:
    """What time alone has begun and ended."""
    for transit in list(account.transits.values()):
        if transit.due_at is not None and transit.due_at <= now:
            yield from _keep_told(account, transit, by_time(transit, now), now)


def _stated(
    event: RepaymentPending | DebitScheduled | PaymentClaimed, currency: str, waiting: Waiting
) -> Transit:
    if isinstance(event, PaymentClaimed):
        amount = bounded(event.amount, currency) if event.amount is not None else None
        return _transit(TransitKind.CLAIM, event.contact_id, amount, event.at, waiting.claim(event.at))
    amount = bounded(event.amount, currency)
    if isinstance(event, RepaymentPending):
        until = waiting.pending(event.expected_on)
        return _transit(TransitKind.PENDING, event.repayment_id, amount, event.initiated_at, until)
    return _transit(TransitKind.DEBIT, event.debit_id, amount, event.at, waiting.debit(event.at))


def _transit(
    kind: TransitKind, reference: str, amount: int | None, since: datetime, until: datetime
) -> Transit:
    return Transit(
        kind=kind,
        reference=reference,
        amount=amount,
        since=since,
        until=max(since, until),
        state=TransitState.ANNOUNCED,
    )


def _failed(account: Account, event: DebitFailed, now: datetime) -> Iterator[Event]:
    """Core banking's own word on a debit counts more than time or money of the same amount before it."""
    known = account.transits.get(f"{TransitKind.DEBIT}:{event.debit_id}")
    if known is not None and known.state is TransitState.FAILED:
        return
    if known is None:
        known = Transit(
            kind=TransitKind.DEBIT,
            reference=event.debit_id,
            amount=bounded(event.amount, account.facts.currency) if event.amount is not None else None,
            since=None,
            until=None,
            state=TransitState.ANNOUNCED,
        )
    failed = replace(known, state=TransitState.FAILED, repayment_id=None, reason=event.reason)
    yield from _keep_told(account, known, failed, now)


def _keep_told(account: Account, before: Transit | None, now_is: Transit, now: datetime) -> Iterator[Event]:
    """Keeps a transit and tells what others see of it: that it runs, and how it ended.

    An end of what nobody was told of is not told, but for a failed debit, whose reason matters by itself, and
    for a claim, which others know from where it was made.
    """
    if now_is == before:
        return
    _keep(account, now_is)
    known_elsewhere = now_is.state is TransitState.FAILED or now_is.kind is TransitKind.CLAIM
    was_open = before is not None and before.state is TransitState.OPEN
    if now_is.state is TransitState.OPEN:
        yield emits.in_transit(account.facts, now_is)
    elif now_is.is_over and (was_open or known_elsewhere):
        yield emits.transit_ended(account.facts, now_is, now)


def _keep(account: Account, transit: Transit) -> None:
    account.transits[transit.id] = transit
    account.marked = True
