"""A person looks into a claim: waits for it once more with proof, or rejects it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import msgspec

from spine.business_days import add_business_days, business_date, end_of_business_date
from spine.database import Tx
from spine.errors import Conflict, NotFound
from stager.domain.cases import Hold, stable_id
from stager.domain.claims import Claim, ClaimStatus
from stager.domain.hold_policy import HoldRule
from stager.domain.team import require
from stager.handlers.claims import CHECK, check_time
from stager.handlers.hold_requests import extend_by_hand, lift_by_hand
from stager.handlers.holds import new_hold, place_holds
from stager.handlers.tasks import cancel_tasks
from stager.policy import House
from stager.store.cases import case_by_id, loans_of_case
from stager.store.claims import claim_by_hold, insert_claims, save_claims
from stager.store.holds import hold_by_id
from stager.store.parties import lock_parties
from stager.store.team import member

_KIND = "payment_claim"


class ClaimExtended(Conflict):
    """The claim was waited for once more already; settle it, or place another hold."""

    code = "claim_extended"


class ClaimSettled(Conflict):
    """The claim was answered or rejected already."""

    code = "claim_settled"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the borrower shows: `proof` refers to it. Of the account only the last digits."""

    proof: str
    bank: str | None = None
    last_digits: str | None = None
    paid_at: datetime | None = None
    amount: str | None = None


async def extend_claim(
    tx: Tx, house: House, *, case_id: str, hold_id: str, evidence: Evidence, by: str
) -> Claim:
    """Waits for claimed money once more: the hold that lasts gets another end, one that has run out a successor.

    Raises NotFound, ClaimExtended, ClaimSettled, NotAllowed and what `extend_by_hand` raises.
    """
    claim, hold = await _locked(tx, house, case_id, hold_id)
    if claim.extended_at is not None:
        raise ClaimExtended(hold_id=hold_id)
    if claim.status in (ClaimStatus.MATCHED, ClaimStatus.REJECTED):
        raise ClaimSettled(hold_id=hold_id)
    shown = replace(
        claim,
        bank=evidence.bank or claim.bank,
        last_digits=evidence.last_digits or claim.last_digits,
        paid_at=evidence.paid_at or claim.paid_at,
        amount=evidence.amount or claim.amount,
        extended_at=tx.now,
        extended_by=by,
    )
    if hold.is_active(tx.now):
        held = await extend_by_hand(tx, house, hold_id, by=by, proof=evidence.proof, treatment_ended_on=None)
        again = replace(shown, check_at=check_time(held.holds[0].until, house))
        await save_claims(tx, [again])
    else:
        await save_claims(tx, [replace(shown, status=ClaimStatus.UNMATCHED, check_at=None)])
        again = await _hold_again(tx, house, shown, by, evidence.proof)
    await cancel_tasks(tx, [claim.loan_id], "claim_extended", kinds=(CHECK,))
    return again


async def _hold_again(tx: Tx, house: House, claim: Claim, by: str, proof: str) -> Claim:
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    extension = policy.kinds[_KIND].extension
    if extension is None or policy.calendar is None:
        raise ClaimExtended("the table of holds has no extension of a claim", hold_id=claim.hold_id)
    require(await member(tx, by), *extension.by)
    calendar = house.rulebook.calendars[policy.calendar]
    last = add_business_days(house.today(tx.now), extension.business_days or 0, calendar)
    hold = new_hold(
        house,
        hold_id=stable_id("hold", _KIND, "extended", claim.hold_id),
        kind=_KIND,
        loan_id=claim.loan_id,
        borrower_id=claim.borrower_id,
        now=tx.now,
        until=end_of_business_date(last, house.zone),
        origin=claim.contact_id,
        reason=proof,
        by=by,
    )
    await place_holds(tx, [hold], house)
    again = replace(
        claim, hold_id=hold.hold_id, status=ClaimStatus.OPEN, check_at=check_time(hold.until, house)
    )
    await insert_claims(tx, [again])
    return again


async def reject_claim(tx: Tx, house: House, *, case_id: str, hold_id: str, reason: str, by: str) -> Claim:
    """Nothing came and nothing is shown: the hold ends, and collection goes on at the stage of the days past due.

    Raises NotFound, ClaimSettled for one that was answered, NotAllowed.
    """
    claim, hold = await _locked(tx, house, case_id, hold_id)
    if claim.status is ClaimStatus.MATCHED:
        raise ClaimSettled(hold_id=hold_id)
    if claim.status is ClaimStatus.REJECTED:
        return claim
    if hold.is_active(tx.now):
        await lift_by_hand(tx, house, hold_id, by=by, reason=reason, findings={})
    else:
        require(await member(tx, by), *_rule(house, tx.now).lifted_by)
    rejected = replace(
        claim,
        status=ClaimStatus.REJECTED,
        check_at=None,
        settled_at=tx.now,
        settled_by=by,
        reason=reason,
    )
    await save_claims(tx, [rejected])
    await cancel_tasks(tx, [claim.loan_id], "claim_rejected", kinds=(CHECK,))
    return rejected


def _rule(house: House, now: datetime) -> HoldRule:
    return house.rulebook.holds.on(business_date(now, house.zone)).policy.kinds[_KIND]


async def _locked(tx: Tx, house: House, case_id: str, hold_id: str) -> tuple[Claim, Hold]:
    case = await case_by_id(tx, case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    _, loans = await loans_of_case(tx, case_id)
    hold = await hold_by_id(tx, hold_id)
    if hold is None or hold.loan_id not in loans or hold.kind != _KIND or hold.ledger_seq is not None:
        raise NotFound(f"no claim {hold_id} in case {case_id}", hold_id=hold_id)
    claim = await claim_by_hold(tx, hold_id)
    if claim is None:
        # Placed a moment ago: the timers have not made a claim of it yet.
        claim = Claim(
            hold_id=hold_id,
            loan_id=hold.loan_id,
            borrower_id=hold.borrower_id,
            contact_id=hold.origin,
            status=ClaimStatus.OPEN,
            claimed_at=hold.placed_at,
            check_at=hold.placed_at,
        )
        await insert_claims(tx, [claim])
    return claim, hold
