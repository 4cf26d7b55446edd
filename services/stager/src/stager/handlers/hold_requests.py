"""Holds by hand: a member of the team places, extends or lifts one, on a loan or on a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TypeVar

import msgspec

from spine.database import Tx
from spine.errors import BadRequest, Conflict, NotFound
from spine.outbox import emit
from stager.domain.cases import Hold, stable_id
from stager.domain.hold_asked import Held, HoldAsked, HoldFixed, HoldIncomplete, HoldIsOver, HoldStands
from stager.domain.hold_policy import HoldPolicy
from stager.domain.holding import HoldFacts, HoldVerdict, decide_hold, with_days_off
from stager.domain.person_holds import PersonHold, with_fate_of
from stager.domain.team import NotAllowed
from stager.emits import cases as emits
from stager.handlers.credit_reports import correct_for_findings
from stager.handlers.holds import end_holds, keep_hold_decisions, new_hold, place_holds, place_person_holds
from stager.policy import House
from stager.store.agencies import check_sees
from stager.store.flags import open_cases
from stager.store.holds import active_holds, hold_by_id, save_holds
from stager.store.parties import lock_parties
from stager.store.person_holds import (
    active_person_holds,
    holds_following,
    person_hold_by_id,
    save_person_holds,
)
from stager.store.team import member

_Any = TypeVar("_Any", Hold, PersonHold)


async def place_by_hand(
    tx: Tx, house: House, asked: HoldAsked, *, borrower_id: str, loan_id: str | None, subject: str
) -> Held:
    """Holds a loan, or the person where the kind is about the person or no loan is named.

    Raises NotAllowed, HoldIncomplete, BadRequest for an end that has passed, Conflict when the key was used for
    another hold.
    """
    await lock_parties(tx, [borrower_id], house.zone)
    edition = house.rulebook.holds.on(house.today(tx.now))
    rule = edition.policy.kinds[asked.kind]
    hold_id = stable_id("hold", subject, asked.key)
    if (known := await _known(tx, hold_id, asked, loan_id)) is not None:
        return known
    if loan_id is None and (rule.ends_with_arrears or not rule.placed_by):
        raise BadRequest(f"loan_id: a {asked.kind} is about one loan", field="loan_id")
    if not rule.several:
        await _check_none_stands(tx, asked.kind, borrower_id, loan_id if rule.scope == "loan" else None)
    facts, verdict = await _decide(
        tx,
        house,
        edition.policy,
        HoldFacts(
            act="place",
            kind=asked.kind,
            zone=house.zone.key,
            counted_from=tx.now,
            ground=asked.ground,
            until=asked.until,
            treatment_ended_on=asked.treatment_ended_on,
        ),
        asked.by,
        borrower_id,
    )
    if verdict.until is not None and verdict.until <= tx.now:
        raise BadRequest("until: has passed already", field="until")
    if rule.scope == "loan" and loan_id is not None:
        hold = new_hold(
            house,
            hold_id=hold_id,
            kind=asked.kind,
            loan_id=loan_id,
            borrower_id=borrower_id,
            now=tx.now,
            reason=asked.reason,
            by=asked.by,
        )
        hold = replace(hold, until=verdict.until, ground=asked.ground)
        await place_holds(tx, [hold], house, facts={hold_id: facts})
        return Held(None, (hold,), is_new=True)
    person = PersonHold(
        person_hold_id=hold_id,
        borrower_id=borrower_id,
        kind=asked.kind,
        placed_at=tx.now,
        until=verdict.until,
        origin=None,
        reason=asked.reason,
        placed_by=asked.by,
        ground=asked.ground,
    )
    also = {hold_id: loan_id} if loan_id is not None else {}
    await place_person_holds(tx, [person], house, facts={hold_id: facts}, also=also)
    return Held(person, tuple(await holds_following(tx, hold_id)), is_new=True)


async def _check_none_stands(tx: Tx, kind: str, borrower_id: str, loan_id: str | None) -> None:
    """Raises HoldStands when a hold of this kind is in force on this loan, or without a loan on this person.

    What the ledger's facts hold is another matter than a person's word, and ends without it.
    """
    standing: list[str] = []
    if loan_id is None:
        persons = await active_person_holds(tx, [borrower_id])
        standing = [each.person_hold_id for each in persons if each.kind == kind]
    else:
        standing = [
            hold.hold_id
            for hold in await active_holds(tx, [borrower_id])
            if (hold.kind, hold.loan_id) == (kind, loan_id)
            and hold.is_active(tx.now)
            and hold.ledger_seq is None
        ]
    if standing:
        raise HoldStands(
            f"hold {standing[0]} of this kind is in force: extend or lift that one", hold_id=standing[0]
        )


async def _known(tx: Tx, hold_id: str, asked: HoldAsked, loan_id: str | None) -> Held | None:
    person = await person_hold_by_id(tx, hold_id)
    hold = await hold_by_id(tx, hold_id) if person is None else None
    known = person or hold
    if known is None:
        return None
    same = (known.kind, known.reason, known.placed_by, known.ground) == (
        asked.kind,
        asked.reason,
        asked.by,
        asked.ground,
    )
    other_end = known.extensions == 0 and asked.until not in (None, known.until)
    if not same or other_end or (hold is not None and hold.loan_id != loan_id):
        raise Conflict("this Idempotency-Key was used for another hold", hold_id=hold_id)
    if person is not None:
        return Held(person, tuple(await holds_following(tx, hold_id)))
    return Held(None, (hold,) if hold is not None else ())


async def lift_by_hand(
    tx: Tx, house: House, hold_id: str, *, by: str, reason: str, findings: Mapping[str, str]
) -> Held:
    """Ends a hold, that of a person with all that follow it; one that is over stays as it is.

    Raises NotFound, NotAllowed, HoldIncomplete when what must be on record is not said.
    """
    held = await _locked(tx, house, hold_id)
    subject = held.person or held.holds[0]
    if not subject.is_active(tx.now):
        return held
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    facts, _ = await _decide(
        tx,
        house,
        policy,
        HoldFacts(
            act="lift",
            kind=subject.kind,
            zone=house.zone.key,
            counted_from=subject.placed_at,
            ground=subject.ground,
            until=subject.until,
            findings=tuple(sorted(findings)),
        ),
        by,
        subject.borrower_id,
    )
    text = msgspec.json.encode(dict(findings), order="sorted").decode() if findings else None

    def lifted(hold: _Any) -> _Any:
        return replace(
            hold, lifted_at=tx.now, ended_by="person", lift_reason=reason, lifted_by=by, findings=text
        )

    if held.person is None:
        ended = Held(None, tuple(lifted(hold) for hold in held.holds))
    else:
        person = lifted(held.person)
        await save_person_holds(tx, [person])
        ended = Held(person, tuple(_following(hold, person) for hold in held.holds))
    await end_holds(tx, ended.holds)
    await correct_for_findings(tx, ended.holds, house)
    await _keep(tx, house, ended, facts)
    return ended


async def extend_by_hand(
    tx: Tx, house: House, hold_id: str, *, by: str, proof: str | None, treatment_ended_on: date | None
) -> Held:
    """Gives a hold another end, as its kind allows it: so often, with proof; or once a treatment has ended.

    Raises NotFound, NotAllowed, HoldIncomplete, HoldIsOver, HoldFixed.
    """
    held = await _locked(tx, house, hold_id)
    subject = held.person or held.holds[0]
    if not subject.is_active(tx.now):
        raise HoldIsOver(f"hold {hold_id} is over", hold_id=hold_id)
    if isinstance(subject, Hold) and subject.ledger_seq is not None:
        raise HoldFixed("this hold lasts as long as the ledger's facts say", hold_id=hold_id)
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    facts, verdict = await _decide(
        tx,
        house,
        policy,
        HoldFacts(
            act="extend",
            kind=subject.kind,
            zone=house.zone.key,
            counted_from=subject.placed_at,
            ground=subject.ground,
            until=subject.until,
            treatment_ended_on=treatment_ended_on,
            extensions=subject.extensions,
            has_proof=proof is not None,
        ),
        by,
        subject.borrower_id,
    )

    def extended(hold: _Any) -> _Any:
        return replace(
            hold,
            until=verdict.until,
            extensions=hold.extensions + 1,
            extended_at=tx.now,
            extended_by=by,
            extension_proof=proof,
        )

    if held.person is None:
        after = Held(None, tuple(extended(hold) for hold in held.holds))
    else:
        person = extended(held.person)
        await save_person_holds(tx, [person])
        after = Held(person, tuple(_following(hold, person) for hold in held.holds))
    await save_holds(tx, after.holds)
    for hold in after.holds:
        if hold.lifted_at is None:
            emit(tx, emits.hold_placed(hold))
    await _keep(tx, house, after, facts)
    return after


def _following(hold: Hold, person: PersonHold) -> Hold:
    return hold if hold.lifted_at is not None else with_fate_of(hold, person)


async def _locked(tx: Tx, house: House, hold_id: str) -> Held:
    """A hold by its id, or by that of the person's hold, its borrower locked."""
    found = await hold_by_id(tx, hold_id)
    person_id = hold_id if found is None else found.person_hold_id
    person = await person_hold_by_id(tx, person_id) if person_id is not None else None
    subject = person or found
    if subject is None:
        raise NotFound(f"no hold {hold_id}", hold_id=hold_id)
    await lock_parties(tx, [subject.borrower_id], house.zone)
    # Read again under the lock: somebody may have been faster.
    if person is not None:
        person = await person_hold_by_id(tx, person.person_hold_id)
        return Held(person, tuple(await holds_following(tx, person_id or "")))
    hold = await hold_by_id(tx, hold_id)
    return Held(None, (hold,) if hold is not None else ())


async def _keep(tx: Tx, house: House, held: Held, facts: HoldFacts) -> None:
    subject = held.person or held.holds[0]
    hold_id = subject.person_hold_id if isinstance(subject, PersonHold) else subject.hold_id
    await keep_hold_decisions(tx, [subject], house, {hold_id: facts})


async def _decide(
    tx: Tx, house: House, policy: HoldPolicy, facts: HoldFacts, by: str, borrower_id: str
) -> tuple[HoldFacts, HoldVerdict]:
    acting = await member(tx, by)
    if acting.is_of_agency:
        case = (await open_cases(tx, [borrower_id])).get(borrower_id)
        # A borrower without a case is placed with no agency.
        await check_sees(tx, acting, case.case_id if case is not None else "")
    facts = msgspec.structs.replace(facts, roles=tuple(sorted(map(str, acting.roles))))
    facts = with_days_off(facts, policy, house.rulebook.calendars)
    verdict = decide_hold(facts, policy)
    if verdict.needs_role or (verdict.refusal and not verdict.missing and facts.act != "extend"):
        raise NotAllowed(f"member {by} may not do this: {verdict.refusal}", needs=list(verdict.needs_role))
    if verdict.missing:
        raise HoldIncomplete(verdict.refusal, fields=list(verdict.missing))
    if verdict.refusal is not None:
        raise HoldFixed(verdict.refusal)
    return facts, verdict
