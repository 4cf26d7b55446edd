"""Holds placed, moved and ended: the one door for what was said, stated, promised or decided by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

import msgspec

from spine.database import Runtime, Tx
from spine.envelope import Envelope
from spine.outbox import emit
from spine.service import Received
from stager.domain.cases import Hold
from stager.domain.hold_book import StopFact, origin_of
from stager.domain.hold_why import hold_decision
from stager.domain.holding import HoldFacts, decide_hold, lasts_until, with_days_off
from stager.domain.person_holds import PersonHold, following
from stager.emits import cases as emits
from stager.handlers.withdrawals import withdraw
from stager.policy import House
from stager.store.decisions import keep_decisions
from stager.store.desks import load_holds
from stager.store.holds import insert_holds, lock_run_out, save_holds, save_lifted
from stager.store.person_holds import insert_person_holds, loans_of_borrowers
from stager.store.policies import keep_policies
from stager.store.requests import OpenRequest

_BATCH: Final = 500
_NO_CAUSES: Final[Mapping[str, Envelope]] = MappingProxyType({})
_NO_FACTS: Final[Mapping[str, HoldFacts]] = MappingProxyType({})


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
    tx: Tx,
    holds: Sequence[Hold],
    house: House,
    causes: Mapping[str, Envelope] = _NO_CAUSES,
    facts: Mapping[str, HoldFacts] = _NO_FACTS,
) -> set[str]:
    """Places what is not placed yet, tells it, and withdraws what it stops; returns the ids that are new.

    The caller has locked the borrowers. By hold id: `causes`, the events that led to them, and `facts`, what they
    were decided from where that is more than their kind and end.
    """
    if not holds:
        return set()
    fresh = await insert_holds(tx, holds)
    placed = [(hold, causes.get(hold.hold_id)) for hold in holds if hold.hold_id in fresh]
    for hold, cause in placed:
        emit(tx, emits.hold_placed(hold), cause=cause)
    await take_effect(tx, placed, house, facts)
    return fresh


async def place_person_holds(
    tx: Tx,
    persons: Sequence[PersonHold],
    house: House,
    causes: Mapping[str, Envelope] = _NO_CAUSES,
    facts: Mapping[str, HoldFacts] = _NO_FACTS,
    also: Mapping[str, str] = MappingProxyType({}),
) -> set[str]:
    """Holds people with every loan that is known of them; returns the ids that are new.

    The caller has locked the borrowers. `causes`, `facts` and `also`, a loan that may not be known yet, by id.
    """
    if not persons:
        return set()
    fresh = await insert_person_holds(tx, persons)
    placed = [person for person in persons if person.person_hold_id in fresh]
    if not placed:
        return set()
    await keep_hold_decisions(tx, placed, house, facts)
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    known = await loans_of_borrowers(tx, [person.borrower_id for person in placed])
    holds = []
    for person in placed:
        loans = {loan for borrower, loan in known if borrower == person.borrower_id}
        loans |= {also[person.person_hold_id]} if person.person_hold_id in also else set()
        holds += [following(person, loan, policy) for loan in sorted(loans)]
    by_hold = {hold.hold_id: causes.get(hold.person_hold_id or "") for hold in holds}
    known_causes = {hold_id: cause for hold_id, cause in by_hold.items() if cause is not None}
    await place_holds(tx, holds, house, known_causes)
    return fresh


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
    await take_effect(tx, placed, house)


async def take_effect(
    tx: Tx,
    placed: Sequence[tuple[Hold, Envelope | None]],
    house: House,
    facts: Mapping[str, HoldFacts] = _NO_FACTS,
) -> None:
    """Keeps why these holds are there, and takes back what their loans were to be asked for and they stop."""
    own = [hold for hold, _ in placed if hold.person_hold_id is None]
    await keep_hold_decisions(tx, own, house, facts)
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    kinds: dict[str, set[str]] = {}
    reasons: dict[str, tuple[str, Envelope | None]] = {}
    for hold, cause in placed:
        kinds.setdefault(hold.loan_id, set()).add(hold.kind)
        reasons.setdefault(hold.loan_id, (f"hold_{hold.kind}", cause))

    def is_stopped(request: OpenRequest) -> bool:
        return policy.stopping(kinds[request.loan_id], request.channel, request.purpose) is not None

    await withdraw(tx, reasons, which=is_stopped)


async def keep_hold_decisions(
    tx: Tx, holds: Sequence[Hold | PersonHold], house: House, facts: Mapping[str, HoldFacts]
) -> None:
    """Keeps the decision on each of these holds; without `facts` by its id, it was placed by what happened."""
    if not holds:
        return
    edition = house.rulebook.holds.on(house.today(tx.now))
    decisions = []
    for hold in holds:
        hold_id = hold.person_hold_id if isinstance(hold, PersonHold) else hold.hold_id
        known = facts.get(hold_id) or HoldFacts(
            act="place",
            kind=hold.kind,
            zone=house.zone.key,
            counted_from=hold.placed_at,
            ground=hold.ground,
        )
        known = with_days_off(known, edition.policy, house.rulebook.calendars)
        verdict = decide_hold(known, edition.policy)
        if known.act == "place" and verdict.until != hold.until:
            # Its end was stated: by the ledger, a promise, a plan.
            known = msgspec.structs.replace(known, until=hold.until)
            verdict = decide_hold(known, edition.policy)
        decisions.append(hold_decision(hold, known, verdict, edition.digest))
    await keep_policies(tx, house.rulebook, {edition.digest})
    await keep_decisions(tx, decisions)


async def end_run_out(runtime: Runtime) -> int:
    """Ends one batch of holds whose time is over; returns how many."""

    async def work(tx: Tx) -> int:
        holds = await lock_run_out(tx, _BATCH)
        await end_holds(tx, [replace(hold, lifted_at=tx.now, ended_by="expiry") for hold in holds])
        return len(holds)

    return await runtime.run(work)


async def end_holds(tx: Tx, holds: Sequence[Hold], causes: Mapping[str, Envelope] = _NO_CAUSES) -> None:
    """Keeps and tells holds that ended (`lifted_at`, `ended_by`); those that had ended before stay as they are.

    The caller has locked the borrowers. `causes`: by hold id, the events that ended them.
    """
    if not holds:
        return
    ended = await save_lifted(tx, holds)
    for hold in holds:
        if hold.hold_id in ended:
            emit(tx, emits.hold_lifted(hold), cause=causes.get(hold.hold_id))
