"""What was said in a contact: it stops collection at once, and opens work for someone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from spine.database import Tx
from spine.envelope import Envelope
from spine.events.contact_log import (
    ComplaintClosed,
    ComplaintOpened,
    DangerReported,
    DeathReported,
    DisputeRaised,
    HardshipReported,
    PaymentClaimed,
)
from spine.events.notifier import PartyChanged
from spine.events.registry import Event
from spine.service import Received
from stager.domain.cases import Hold, said_hold_id, stable_id
from stager.domain.holding import HoldFacts, decide_hold, with_days_off
from stager.domain.person_holds import PersonHold, with_fate_of
from stager.domain.tasks import Task, TaskStatus
from stager.handlers.claims import take_claims_said
from stager.handlers.holds import end_holds, new_hold, place_holds, place_person_holds
from stager.handlers.promises import take_promises_said
from stager.handlers.tasks import cancel_tasks, end_tasks, open_tasks
from stager.handlers.withdrawals import withdraw
from stager.policy import House
from stager.store.flags import CaseFlag, OpenCase, case_on_file, open_cases, raise_flags
from stager.store.holds import hold_by_id
from stager.store.parties import lock_parties
from stager.store.person_holds import (
    active_person_holds,
    holds_following,
    person_hold_by_id,
    save_person_holds,
)
from stager.store.tasks import open_tasks_of

#: What stops contact, and with it what is work for someone or frees again.
STOPS: Final = (DisputeRaised, PaymentClaimed, DeathReported, ComplaintOpened, DangerReported)
SAID: Final[tuple[type[Event], ...]] = (*STOPS, HardshipReported, ComplaintClosed)
#: Where a hold comes from that a borrower's profile asks for.
PROFILE: Final = "profile"


@dataclass(frozen=True, slots=True)
class SaidHold:
    """A hold for something said `at` an instant. `name`: the contact, or the complaint, that gives its id; without
    a loan it is on the person."""

    kind: str
    borrower_id: str
    loan_id: str | None
    name: str
    at: datetime
    cause: Envelope | None = None
    by: str | None = None


async def take_contact_facts(tx: Tx, events: Sequence[Received], *, house: House) -> None:
    """What was said in a contact takes effect, under ids that the contact gives: twice is once.

    Stop facts: also applied ahead of their turn.
    """
    await lock_parties(tx, sorted({received.event.key or "" for received in events}), house.zone)
    said = [received for received in events if isinstance(received.event, SAID)]
    await hold_as_said(tx, house, [hold for received in said if (hold := _said(received)) is not None])
    for received in said:
        match received.event:
            case DangerReported() as fact:
                case = await case_on_file(tx, fact.borrower_id, fact.loan_id)
                await stop_for_danger(
                    tx, house, fact.borrower_id, case, fact.contact_id, fact.sign, received.envelope
                )
            case HardshipReported() as fact:
                await offer_plan(tx, house, fact, received.envelope)
            case ComplaintOpened() as fact:
                await answer_complaint(tx, house, fact, received.envelope)
            case ComplaintClosed(complaint_id=complaint) as fact:
                hold_id = said_hold_id("complaint_open", complaint)
                await lift_answered_hold(tx, hold_id, "complaint answered", received.envelope)
                await _end_complaint_task(tx, fact, received.envelope)
    await take_claims_said(tx, events)
    await take_promises_said(tx, events, house)


def _said(received: Received) -> SaidHold | None:
    match received.event:
        case DisputeRaised() as fact:
            kind, name = "dispute", fact.contact_id
        case PaymentClaimed() as fact:
            kind, name = "payment_claim", fact.contact_id
        case DeathReported() as fact:
            kind, name = "bereavement", fact.contact_id
        case ComplaintOpened() as fact:
            kind, name = "complaint_open", fact.complaint_id
        case DangerReported() as fact:
            kind, name = "vulnerable", fact.contact_id
        case _:
            return None
    return SaidHold(kind, fact.borrower_id, fact.loan_id, name, fact.at, received.envelope)


async def hold_as_said(tx: Tx, house: House, said: Sequence[SaidHold]) -> None:
    """Holds loans, and people where the kind is about the person; the caller has locked the borrowers."""
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    holds: list[Hold] = []
    persons: list[PersonHold] = []
    causes: dict[str, Envelope] = {}
    facts: dict[str, HoldFacts] = {}
    also: dict[str, str] = {}
    for one in said:
        hold_id = said_hold_id(one.kind, one.name)
        # A claim's time runs from when it was made, however late it is told.
        why = HoldFacts(act="place", kind=one.kind, zone=house.zone.key, counted_from=one.at)
        facts[hold_id] = with_days_off(why, policy, house.rulebook.calendars)
        until = decide_hold(facts[hold_id], policy).until
        if one.cause is not None:
            causes[hold_id] = one.cause
        if one.loan_id is None or policy.kinds[one.kind].scope == "person":
            persons.append(_person(one, hold_id, tx.now, until))
            also |= {hold_id: one.loan_id} if one.loan_id is not None else {}
            continue
        hold = new_hold(
            house,
            hold_id=hold_id,
            kind=one.kind,
            loan_id=one.loan_id,
            borrower_id=one.borrower_id,
            now=tx.now,
            until=until,
            origin=one.name,
            by=one.by,
        )
        holds.append(hold)
    await place_person_holds(tx, persons, house, causes, facts, also)
    await place_holds(tx, holds, house, causes, facts)


def _person(one: SaidHold, hold_id: str, now: datetime, until: datetime | None) -> PersonHold:
    return PersonHold(
        person_hold_id=hold_id,
        borrower_id=one.borrower_id,
        kind=one.kind,
        placed_at=now,
        until=until,
        origin=one.name,
        reason=None,
        placed_by=one.by,
    )


async def stop_for_danger(
    tx: Tx,
    house: House,
    borrower_id: str,
    case: OpenCase,
    contact_id: str,
    sign: str,
    cause: Envelope | None = None,
) -> None:
    """Takes back everything open for a person in danger, people's work too, and calls a trained person, whether
    or not there are arrears.

    The person is held already; the caller has locked the borrower.
    """
    task = Task(
        task_id=stable_id("task", "danger_sign", contact_id),
        kind="danger_sign",
        borrower_id=borrower_id,
        loan_id=case.loans[0],
        case_id=case.case_id,
        due_at=tx.now,
        reason=sign,
        origin=contact_id,
    )
    causes = {task.task_id: cause} if cause is not None else {}
    if await open_tasks(tx, [task], house, causes):
        await withdraw(tx, dict.fromkeys(case.loans, ("danger", cause)))
        kinds = house.rulebook.work.on(house.today(tx.now)).policy.kinds.keys() - {"danger_sign"}
        await cancel_tasks(tx, case.loans, "danger", kinds=kinds, cause=cause)


async def offer_plan(tx: Tx, house: House, fact: HardshipReported, cause: Envelope | None = None) -> None:
    """Who cannot pay as agreed is offered a plan next: an open case is marked, and a person looks into it, also
    where nothing is overdue yet."""
    if (open_case := (await open_cases(tx, [fact.borrower_id])).get(fact.borrower_id)) is not None:
        flag = CaseFlag(
            open_case.case_id, "hardship", fact.borrower_id, fact.loan_id, fact.contact_id, tx.now
        )
        await raise_flags(tx, [flag])
    case = open_case or await case_on_file(tx, fact.borrower_id, fact.loan_id)
    task = Task(
        task_id=stable_id("task", "human_review", fact.contact_id),
        kind="human_review",
        borrower_id=fact.borrower_id,
        loan_id=fact.loan_id if fact.loan_id in case.loans else case.loans[0],
        case_id=case.case_id,
        due_at=tx.now,
        reason="hardship",
        origin=fact.contact_id,
    )
    await open_tasks(tx, [task], house, {task.task_id: cause} if cause is not None else {})


async def answer_complaint(
    tx: Tx, house: House, fact: ComplaintOpened, cause: Envelope | None = None
) -> None:
    """A complaint is a person's to answer; its task ends when it is closed. The caller has locked the borrower."""
    case = await case_on_file(tx, fact.borrower_id, fact.loan_id)
    task = Task(
        task_id=_complaint_task(fact.complaint_id),
        kind="human_review",
        borrower_id=fact.borrower_id,
        loan_id=case.loans[0],
        case_id=case.case_id,
        due_at=tx.now,
        reason="complaint",
        origin=fact.complaint_id,
    )
    await open_tasks(tx, [task], house, {task.task_id: cause} if cause is not None else {})


def _complaint_task(complaint_id: str) -> str:
    return stable_id("task", "complaint", complaint_id)


async def _end_complaint_task(tx: Tx, fact: ComplaintClosed, cause: Envelope) -> None:
    task_id = _complaint_task(fact.complaint_id)
    ended = [each for each in await open_tasks_of(tx, [fact.borrower_id]) if each.task.task_id == task_id]
    await end_tasks(tx, ended, TaskStatus.CANCELLED, "complaint_answered", cause=cause)


async def lift_answered_hold(tx: Tx, hold_id: str, reason: str, cause: Envelope | None = None) -> None:
    """Ends a hold by the fact it waited for, on a loan or on a person; the caller has locked the borrower."""
    person = await person_hold_by_id(tx, hold_id)
    if person is None:
        hold = await hold_by_id(tx, hold_id)
        holds = [hold] if hold is not None else []
        ended = [replace(each, lifted_at=tx.now, ended_by="facts", lift_reason=reason) for each in holds]
    else:
        if person.lifted_at is None:
            person = replace(person, lifted_at=tx.now, ended_by="facts", lift_reason=reason)
            await save_person_holds(tx, [person])
        ended = [with_fate_of(hold, person) for hold in await holds_following(tx, hold_id)]
    causes = {hold.hold_id: cause for hold in ended} if cause is not None else {}
    await end_holds(tx, ended, causes)


async def hold_vulnerable(tx: Tx, house: House, told: Sequence[tuple[PartyChanged, Envelope]]) -> None:
    """Who is flagged as vulnerable is held as such until someone has looked into it, once for the same flags.

    The caller has locked the borrowers.
    """
    flagged = [(party, cause) for party, cause in told if party.vulnerable]
    if not flagged:
        return
    active = await active_person_holds(tx, [party.borrower_id for party, _ in flagged])
    held = {person.borrower_id for person in active if person.origin == PROFILE}
    persons, causes = [], {}
    for party, cause in flagged:
        if party.borrower_id in held:
            continue
        flags = sorted(party.vulnerable)
        hold_id = stable_id("hold", PROFILE, party.borrower_id, *flags)
        one = SaidHold("vulnerable", party.borrower_id, None, PROFILE, tx.now, cause)
        persons.append(replace(_person(one, hold_id, tx.now, None), reason=", ".join(flags)))
        causes[hold_id] = cause
    await place_person_holds(tx, persons, house, causes)
