"""What was said in a contact: it stops collection at once, or opens work for someone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from spine.database import Tx
from spine.envelope import Envelope
from spine.events.contact_log import DisputeRaised, PaymentClaimed
from spine.service import Received
from stager.domain.cases import Hold, said_hold_id
from stager.domain.holding import HoldFacts, lasts_until
from stager.handlers.holds import new_hold, place_holds
from stager.policy import House
from stager.store.parties import lock_parties


async def take_contact_facts(tx: Tx, events: Sequence[Received], *, house: House) -> None:
    """What was said in a contact becomes a hold, under an id that the contact gives: twice is once.

    Stop facts: also applied ahead of their turn.
    """
    await lock_parties(tx, sorted({event.event.key or "" for event in events}), house.zone)
    holds: list[Hold] = []
    causes: dict[str, Envelope] = {}
    facts: dict[str, HoldFacts] = {}
    for received in events:
        match received.event:
            case DisputeRaised() | PaymentClaimed() as fact:
                hold, why = _said_hold(fact, house, tx.now)
                holds.append(hold)
                causes[hold.hold_id], facts[hold.hold_id] = received.envelope, why
    await place_holds(tx, holds, house, causes, facts)


def _said_hold(fact: DisputeRaised | PaymentClaimed, house: House, now: datetime) -> tuple[Hold, HoldFacts]:
    kind = "dispute" if isinstance(fact, DisputeRaised) else "payment_claim"
    policy = house.rulebook.holds.on(house.today(now)).policy
    hold = new_hold(
        house,
        hold_id=said_hold_id(kind, fact.contact_id),
        kind=kind,
        loan_id=fact.loan_id,
        borrower_id=fact.borrower_id,
        now=now,
        # The claim's time runs from when it was made, however late it is told.
        until=lasts_until(policy, kind, fact.at, house.zone, house.rulebook.calendars),
        origin=fact.contact_id,
    )
    return hold, HoldFacts(act="place", kind=kind, zone=house.zone.key, counted_from=fact.at)
