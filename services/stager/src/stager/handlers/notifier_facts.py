"""What the notifier tells: who the borrower is, as far as others may know, and what became of messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from spine.database import Tx
from spine.events.notifier import (
    MessageAccepted,
    MessageDelivered,
    MessageExpired,
    MessageFact,
    MessageFailed,
    MessageRejected,
    MessageSuppressed,
    PartyChanged,
    PermitUnreported,
)
from spine.events.replies import InboundReceived
from spine.service import Received
from stager.domain.cases import StepTimer
from stager.domain.planning import Planned, moved_to_zone
from stager.handlers.after_cure import thank_by_person
from stager.handlers.clocks import keep_clocks
from stager.handlers.followers import follow_answered
from stager.handlers.inbound import read_by_person
from stager.handlers.said import hold_vulnerable
from stager.handlers.unreported import ask_for_outcomes
from stager.policy import House
from stager.store.clocks import loans_demanded
from stager.store.parties import lock_parties, save_parties, zone_of
from stager.store.requests import answer_requests
from stager.store.steps import PlannedStep, drop_timers, move_timers, planned_steps

#: What each fact says of the request it answers. None of them leaves it open.
OUTCOMES: Final[dict[type[MessageFact], str]] = {
    MessageAccepted: "accepted",
    MessageRejected: "rejected",
    MessageSuppressed: "suppressed",
    MessageExpired: "expired",
    MessageFailed: "failed",
    MessageDelivered: "delivered",
}


async def take_notifier_facts(tx: Tx, events: Sequence[Received], *, house: House) -> None:
    """Applies a batch: the last word about a party or a request is the one that counts."""
    told = [(e.event, e.envelope) for e in events if isinstance(e.event, PartyChanged)]
    parties = {party.borrower_id: party for party, _ in told}
    answers = {e.event.request_id: e.event for e in events if isinstance(e.event, MessageFact)}
    wrote = {e.event.borrower_id for e in events if isinstance(e.event, InboundReceived)}
    silent = [(e.event, e.envelope) for e in events if isinstance(e.event, PermitUnreported)]
    borrowers = {*parties, *(answer.borrower_id for answer in answers.values()), *wrote}
    borrowers |= {permit.borrower_id for permit, _ in silent}
    zones = await lock_parties(tx, sorted(borrowers), house.zone)
    if parties:
        await save_parties(tx, parties)
        moved = [id_ for id_, party in parties.items() if zones[id_] != zone_of(party.timezone, house.zone)]
        if moved:
            await _move_steps(tx, moved, zones, house)
        await hold_vulnerable(tx, house, told)
    if wrote:
        await read_by_person(tx, events, house)
    if silent:
        await ask_for_outcomes(tx, house, silent)
    if answers:
        outcomes = {id_: (OUTCOMES[type(fact)], fact.at) for id_, fact in answers.items()}
        await follow_answered(tx, await answer_requests(tx, outcomes), house)
        said = [(e.event, e.envelope) for e in events if isinstance(e.event, MessageFact)]
        await thank_by_person(tx, said, house)
        arrived = [id_ for id_, (outcome, _) in outcomes.items() if outcome == "delivered"]
        steps = house.rulebook.work.on(house.today(tx.now)).policy.notice_steps
        await keep_clocks(tx, await loans_demanded(tx, arrived, steps), house)


async def _move_steps(tx: Tx, borrowers: Sequence[str], old: dict[str, ZoneInfo], house: House) -> None:
    """Someone lives in another zone than was thought: what is planned moves to the local times there."""
    planned = await planned_steps(tx, borrowers, house.zone)
    moves = {step.timer: _moved(step, old[step.timer.borrower_id], house, tx.now) for step in planned}
    await move_timers(tx, [moved for moved in moves.values() if moved is not None])
    await drop_timers(tx, [timer for timer, moved in moves.items() if moved is None])


def _moved(planned: PlannedStep, old: ZoneInfo, house: House, now: datetime) -> StepTimer | None:
    today = house.today(now)
    strategy = house.rulebook.strategies.on(today, planned.subject, since=planned.entered_on).policy
    timer = planned.timer
    step = strategy.step(planned.stage, timer.step) if planned.stage is not None else None
    if step is None:
        return None
    due = moved_to_zone(
        step,
        strategy.slot_of(step),
        planned.steps_from_on,
        Planned(timer.occurrence, timer.due_at),
        old=old,
        new=planned.zone,
        now=now,
    )
    return replace(timer, occurrence=due.occurrence, due_at=due.due_at)
