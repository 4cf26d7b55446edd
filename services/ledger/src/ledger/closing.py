"""Closes business dates: loans whose standing may change are told, batch by batch, then the date itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

from ledger import emits
from ledger.handlers.core_facts import Intake
from ledger.store import day, loans, summaries
from spine.business_days import end_of_business_date
from spine.database import Runtime, Tx
from spine.errors import Conflict
from spine.failpoints import failpoint
from spine.outbox import emit, emit_to_all, flush

#: Loans per transaction: a kill costs one batch, a waiting intake half a second at most.
ROLL_LOANS = 500
#: Transactions side by side: one is computed while the others wait for the database and its disk.
LANES = 3
#: Transactions of each before it looks whether it is to stop.
ROUNDS = 4


class NotNext(Conflict):
    """Business dates are closed one after another, each when it is over."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A date that is closed, and the one that is open now."""

    closed: date
    open_on: date


async def roll(tx: Tx, closing: date, to: Intake, limit: int = ROLL_LOANS) -> int:
    """Brings at most `limit` loans to the day after `closing` and tells what changed; 0 when none is left.

    Loans done have their next transition behind that day, so a crash costs nothing but the batch at hand.
    """
    if await day.hold_open_date(tx, to.house) != closing:
        return 0
    as_of = closing + timedelta(days=1)
    accounts = await loans.accounts(tx, await loans.lock_changing(tx, as_of, limit), to.terms)
    told = 0
    for account in accounts.values():
        events = account.look(as_of, by_facts=False)
        for event in events:
            emit(tx, event)
        told += bool(events)
    if accounts:
        await summaries.update(tx, list(accounts.values()))
        await flush(tx)
        # The counts are one row for all: it is locked last, as the others wait for it.
        await day.count(tx, closing, len(accounts), told)
    return len(accounts)


async def finish(tx: Tx, closing: date, to: Intake) -> bool:
    """Closes the date and tells it to every partition, unless loans are left or it is closed already."""
    if await day.seize_open_date(tx, to.house) != closing:
        return False
    as_of = closing + timedelta(days=1)
    if await loans.changing_left(tx, as_of):
        return False
    await day.advance(tx, closing, as_of)
    emit_to_all(tx, emits.closed(closing))
    return True


async def stride(
    runtime: Runtime,
    to: Intake,
    closing: date,
    *,
    limit: int = ROLL_LOANS,
    lanes: int = LANES,
    rounds: int = ROUNDS,
) -> int:
    """A few batches of the close of a date, side by side; 0 when that date is no longer open."""
    at_work = (_lane(runtime, to, closing, limit, rounds) for _ in range(lanes))
    rolled = 0
    for done in await asyncio.gather(*at_work, return_exceptions=True):
        if isinstance(done, BaseException):
            raise done
        rolled += done
    return rolled or await _end(runtime, to, closing)


async def _lane(runtime: Runtime, to: Intake, closing: date, limit: int, batches: int) -> int:
    """At most so many batches, one after another, until no loan is left that nobody else is at."""
    done = 0
    for _ in range(batches):
        rolled = await runtime.run(lambda tx: roll(tx, closing, to, limit))
        failpoint("ledger.after_roll")
        if not rolled:
            break
        done += rolled
    return done


async def _end(runtime: Runtime, to: Intake, closing: date) -> int:
    """Finishes the date; 1 while it is, or others are at its last loans, and 0 when it is no longer open."""
    if await runtime.run(lambda tx: finish(tx, closing, to)):
        return 1
    return int(await runtime.run(lambda tx: day.hold_open_date(tx, to.house)) == closing)


async def close(runtime: Runtime, to: Intake, on: date) -> Closed:
    """Closes a business date on request; closing a closed one again changes nothing.

    Raises NotNext for a date that is not the open one, or is not over yet.
    """
    open_on = await runtime.run(lambda tx: day.hold_open_date(tx, to.house))
    if on < open_on:
        return Closed(on, open_on)
    now = await runtime.clock.now()
    if on > open_on:
        raise NotNext(
            f"{on} is not next: {open_on} is open and must be closed first", next=open_on.isoformat()
        )
    if now < end_of_business_date(on, to.house.zone):
        raise NotNext(
            f"{on} is not over yet: it may be closed from {to.house.closes_at(on)} on",
            next=open_on.isoformat(),
        )
    while await stride(runtime, to, on):
        pass
    return Closed(on, on + timedelta(days=1))
