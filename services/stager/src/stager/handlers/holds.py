"""Holds: placed by what was said, stated or decided, ended by a person, by their time, or by the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from spine.database import Runtime, Tx
from spine.envelope import Envelope
from spine.errors import BadRequest, Conflict, NotFound
from spine.events.contact_log import DisputeRaised, PaymentClaimed
from spine.outbox import emit
from spine.service import Received
from stager.domain.cases import Hold, said_hold_id, stable_id
from stager.domain.hold_book import StopFact, origin_of
from stager.domain.holding import lasts_until
from stager.emits import cases as emits
from stager.handlers.withdrawals import withdraw
from stager.policy import House
from stager.store.cases import loans_of_case
from stager.store.desks import load_holds
from stager.store.holds import hold_by_id, insert_holds, lock_run_out, save_holds, save_lifted
from stager.store.parties import lock_parties
from stager.store.requests import OpenRequest

_BATCH: Final = 500
_NO_CAUSES: Final[Mapping[str, Envelope]] = MappingProxyType({})


async def take_contact_facts(tx: Tx, events: Sequence[Received], *, house: House) -> None:
    """What was said in a contact becomes a hold, under an id that the contact gives: twice is once.

    Stop facts: also applied ahead of their turn.
    """
    said = [(received, received.event) for received in events]
    holds = [
        (_said_hold(fact, house, tx.now), received.envelope)
        for received, fact in said
        if isinstance(fact, DisputeRaised | PaymentClaimed)
    ]
    await lock_parties(tx, sorted({hold.borrower_id for hold, _ in holds}), house.zone)
    await place_holds(tx, [hold for hold, _ in holds], house, {hold.hold_id: cause for hold, cause in holds})


def _said_hold(fact: DisputeRaised | PaymentClaimed, house: House, now: datetime) -> Hold:
    kind = "dispute" if isinstance(fact, DisputeRaised) else "payment_claim"
    policy = house.rulebook.holds.on(house.today(now)).policy
    return Hold(
        hold_id=said_hold_id(kind, fact.contact_id),
        loan_id=fact.loan_id,
        borrower_id=fact.borrower_id,
        kind=kind,
        placed_at=now,
        # The claim's time runs from when it was made, however late it is told.
        until=lasts_until(policy, kind, fact.at, house.zone, house.rulebook.calendars),
        freezes_interest=policy.kinds[kind].freezes_interest,
        origin=fact.contact_id,
        reason=None,
    )


async def hold_ahead(tx: Tx, events: Sequence[Received], house: House) -> None:
    """What the ledger says that stops contact, before its turn; the caller has locked the borrowers."""
    stops = [(r.event, r.envelope) for r in events if isinstance(r.event, StopFact)]
    if not stops:
        return
    names = {(stop.borrower_id, stop.loan_id, origin_of(stop)) for stop, _ in stops}
    book = await load_holds(tx, house, sorted({borrower for borrower, _, _ in names}), names)
    placed = [(hold, cause) for stop, cause in stops for hold in book.take(stop, cause.loan_seq or 0)]
    await save_holds(tx, list(book.changed.values()))
    for hold, cause in placed:
        emit(tx, emits.hold_placed(hold), cause=cause)
    await withdraw_held(tx, placed, house)


def new_hold(
    house: House,
    *,
    hold_id: str,
    kind: str,
    loan_id: str,
    borrower_id: str,
    now: datetime,
    until: datetime | None = None,
    origin: str | None = None,
    reason: str | None = None,
    by: str | None = None,
) -> Hold:
    """A hold of a kind as the table in force says; without `until` it lasts as long as its kind does."""
    policy = house.rulebook.holds.on(house.today(now)).policy
    return Hold(
        hold_id=hold_id,
        loan_id=loan_id,
        borrower_id=borrower_id,
        kind=kind,
        placed_at=now,
        until=until or lasts_until(policy, kind, now, house.zone, house.rulebook.calendars),
        freezes_interest=policy.kinds[kind].freezes_interest,
        origin=origin,
        reason=reason,
        placed_by=by,
    )


async def place_holds(
    tx: Tx, holds: Sequence[Hold], house: House, causes: Mapping[str, Envelope] = _NO_CAUSES
) -> set[str]:
    """Places what is not placed yet, tells it, and withdraws what it stops; returns the ids that are new.

    The caller has locked the borrowers. `causes`: by hold id, the events that led to them.
    """
    if not holds:
        return set()
    fresh = await insert_holds(tx, holds)
    placed = [(hold, causes.get(hold.hold_id)) for hold in holds if hold.hold_id in fresh]
    for hold, cause in placed:
        emit(tx, emits.hold_placed(hold), cause=cause)
    await withdraw_held(tx, placed, house)
    return fresh


async def withdraw_held(tx: Tx, placed: Sequence[tuple[Hold, Envelope | None]], house: House) -> None:
    """Takes back what the loans of these holds were to be asked for through the channels they block."""
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    kinds: dict[str, set[str]] = {}
    reasons: dict[str, tuple[str, Envelope | None]] = {}
    for hold, cause in placed:
        kinds.setdefault(hold.loan_id, set()).add(hold.kind)
        reasons.setdefault(hold.loan_id, (f"hold_{hold.kind}", cause))

    def is_stopped(request: OpenRequest) -> bool:
        return policy.stopping(kinds[request.loan_id], request.channel, request.purpose) is not None

    await withdraw(tx, reasons, which=is_stopped)


async def place_hold(
    tx: Tx,
    house: House,
    *,
    case_id: str,
    loan_id: str,
    kind: str,
    until: datetime | None,
    reason: str,
    key: str,
) -> tuple[Hold, bool]:
    """A person holds a loan of a case; the hold, and whether it is new. `key` makes a repeat the same hold.

    Raises NotFound for an unknown case, BadRequest for a loan that is not in it or an end that has passed,
    Conflict when the key was used for another hold.
    """
    borrower_id, loans = await loans_of_case(tx, case_id)
    if loan_id not in loans:
        raise BadRequest(f"loan_id: loan {loan_id} is not in case {case_id}", field="loan_id")
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    lasting = lasts_until(policy, kind, tx.now, house.zone, house.rulebook.calendars)
    hold = Hold(
        hold_id=stable_id("hold", case_id, key),
        loan_id=loan_id,
        borrower_id=borrower_id,
        kind=kind,
        placed_at=tx.now,
        until=until if until is not None else lasting,
        freezes_interest=policy.kinds[kind].freezes_interest,
        origin=None,
        reason=reason,
    )
    await lock_parties(tx, [borrower_id], house.zone)
    known = await hold_by_id(tx, hold.hold_id)
    if known is not None:
        same = (known.loan_id, known.kind, known.reason) == (loan_id, kind, reason)
        if not same or until not in (None, known.until):
            raise Conflict("this Idempotency-Key was used for another hold", hold_id=known.hold_id)
        return known, False
    if hold.until is not None and hold.until <= tx.now:
        raise BadRequest("until: has passed already", field="until")
    await place_holds(tx, [hold], house, {})
    return hold, True


async def lift_hold(tx: Tx, house: House, *, case_id: str, hold_id: str, reason: str) -> Hold:
    """A person ends a hold; lifting one that has ended changes nothing. Raises NotFound."""
    borrower_id, loans = await loans_of_case(tx, case_id)
    await lock_parties(tx, [borrower_id], house.zone)
    hold = await hold_by_id(tx, hold_id)
    if hold is None or hold.loan_id not in loans:
        raise NotFound(f"no hold {hold_id} in case {case_id}", hold_id=hold_id)
    if hold.lifted_at is not None:
        return hold
    lifted = replace(hold, lifted_at=tx.now, ended_by="person", lift_reason=reason)
    await end_holds(tx, [lifted])
    return lifted


async def end_run_out(runtime: Runtime) -> int:
    """Ends one batch of holds whose time is over; returns how many."""

    async def work(tx: Tx) -> int:
        holds = await lock_run_out(tx, _BATCH)
        await end_holds(tx, [replace(hold, lifted_at=tx.now, ended_by="expiry") for hold in holds])
        return len(holds)

    return await runtime.run(work)


async def end_holds(tx: Tx, holds: Sequence[Hold]) -> None:
    """Keeps and tells holds that ended (`lifted_at`, `ended_by`); those that had ended before stay as they are.

    The caller has locked the borrowers.
    """
    if not holds:
        return
    ended = await save_lifted(tx, holds)
    for hold in holds:
        if hold.hold_id in ended:
            emit(tx, emits.hold_lifted(hold))
