"""Holds over REST: placed on a loan or a person, extended and lifted by members of the team."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from spine.database import Tx
from spine.errors import BadRequest, NotFound
from spine.events.stager import HoldKind
from stager.api.asking import Day, HouseOf, IdempotencyKey, Instant, MemberId, Reason, RuntimeOf
from stager.domain.cases import Hold
from stager.domain.hold_asked import Held, HoldAsked
from stager.domain.hold_policy import Finding
from stager.handlers.hold_requests import extend_by_hand, lift_by_hand, place_by_hand
from stager.store.cases import loans_of_case
from stager.store.decisions import decisions_of
from stager.store.holds import hold_by_id, holds_of_borrower
from stager.store.person_holds import borrower_of_loan, person_holds_of
from stager.store.policies import policy_bodies
from stager.views import holds as views
from stager.views.actions import ActionWhy, action_why

router = APIRouter()

_Id = Annotated[str, Field(min_length=1, max_length=200)]


class NewPersonHold(BaseModel):
    """A hold to place; without `until` it lasts as long as its kind, or the kind's ground, says.

    `treatment_ended_on`: for a ground that counts from the end of a treatment, once it is known.
    """

    model_config = ConfigDict(extra="forbid")

    kind: HoldKind
    by: MemberId
    reason: Reason
    until: Instant | None = None
    ground: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    treatment_ended_on: Day | None = None

    def asked(self, key: str | None) -> HoldAsked:
        """What the handler is asked for; without a key every call is a new hold."""
        return HoldAsked(
            kind=self.kind,
            reason=self.reason,
            by=self.by,
            key=key or str(uuid4()),
            until=self.until,
            ground=self.ground,
            treatment_ended_on=self.treatment_ended_on,
        )


class NewLoanHold(NewPersonHold):
    """A hold to place on a loan. `borrower_id`: where nothing of the loan is known here yet."""

    borrower_id: _Id | None = None


class NewCaseHold(NewPersonHold):
    """A hold to place on a loan of a case, or through it on the person where the kind is about the person."""

    loan_id: _Id


class Lift(BaseModel):
    """Why a hold is lifted before its time, by whom, and what its kind wants on record before."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId
    reason: Reason
    findings: dict[Finding, Reason] = {}


class Extend(BaseModel):
    """Who extends a hold, and a reference to the proof; of a treatment its last day."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId
    proof: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    treatment_ended_on: Day | None = None


@router.post("/v1/cases/{case_id}/holds", status_code=201)
async def post_case_hold(
    case_id: str,
    body: NewCaseHold,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.HoldView:
    """Holds a loan of a case: 201 when new, 200 when the same Idempotency-Key placed it before."""
    now = await runtime.clock.now()
    asked = body.asked(idempotency_key)

    async def work(tx: Tx) -> Held:
        borrower_id, loans = await loans_of_case(tx, case_id)
        if body.loan_id not in loans:
            raise BadRequest(f"loan_id: loan {body.loan_id} is not in case {case_id}", field="loan_id")
        return await place_by_hand(
            tx, house, asked, borrower_id=borrower_id, loan_id=body.loan_id, subject=case_id
        )

    held = await runtime.run(work)
    response.status_code = 201 if held.is_new else 200
    return views.hold_view(_of_loan(held, body.loan_id), now)


@router.post("/v1/loans/{loan_id}/holds", status_code=201)
async def post_loan_hold(
    loan_id: str,
    body: NewLoanHold,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.HoldView:
    """Holds a loan, in arrears or not. 422 when whose loan it is is neither known nor said, or said otherwise."""
    now = await runtime.clock.now()
    asked = body.asked(idempotency_key)

    async def work(tx: Tx) -> Held:
        known = await borrower_of_loan(tx, loan_id)
        borrower_id = known or body.borrower_id
        if borrower_id is None:
            raise BadRequest(
                f"borrower_id: loan {loan_id} is not known here; say whose it is", field="borrower_id"
            )
        if body.borrower_id not in (None, borrower_id):
            raise BadRequest(f"borrower_id: loan {loan_id} is another borrower's", field="borrower_id")
        return await place_by_hand(
            tx, house, asked, borrower_id=borrower_id, loan_id=loan_id, subject=f"loan/{loan_id}"
        )

    held = await runtime.run(work)
    response.status_code = 201 if held.is_new else 200
    return views.hold_view(_of_loan(held, loan_id), now)


@router.post("/v1/borrowers/{borrower_id}/holds", status_code=201)
async def post_person_hold(
    borrower_id: str,
    body: NewPersonHold,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.PersonHoldView:
    """Holds a person: every loan known of them, and each that falls into arrears later."""
    now = await runtime.clock.now()
    asked = body.asked(idempotency_key)
    held = await runtime.run(
        lambda tx: place_by_hand(
            tx, house, asked, borrower_id=borrower_id, loan_id=None, subject=f"borrower/{borrower_id}"
        )
    )
    response.status_code = 201 if held.is_new else 200
    if held.person is None:
        raise NotFound(f"no hold on person {borrower_id}")
    return views.person_hold_view(held.person, held.holds, now)


@router.get("/v1/borrowers/{borrower_id}/holds")
async def get_person_holds(borrower_id: str, runtime: RuntimeOf) -> views.BorrowerHolds:
    """All holds on a person and on the loans of theirs, those that are over too."""
    async with runtime.transaction() as tx:
        persons = await person_holds_of(tx, borrower_id)
        holds = await holds_of_borrower(tx, borrower_id)
        now = tx.now
    return views.BorrowerHolds(
        borrower_id=borrower_id,
        person=[views.person_hold_view(person, holds, now) for person in persons],
        loans=[views.hold_view(hold, now) for hold in holds if hold.person_hold_id is None],
    )


@router.get("/v1/holds/{hold_id}/why")
async def get_hold_why(hold_id: str, runtime: RuntimeOf) -> ActionWhy:
    """Why a hold is as it is: placed, extended and lifted, each decided again from its own facts and table."""
    async with runtime.transaction() as tx:
        hold = await hold_by_id(tx, hold_id)
        person_hold_id = hold_id if hold is None else hold.person_hold_id
        decisions = await decisions_of(tx, "hold", hold_id)
        if person_hold_id is not None:
            decisions = [*await decisions_of(tx, "person_hold", person_hold_id), *decisions]
        bodies = await policy_bodies(tx, [each for one in decisions for each in one.policy_digests])
    if not decisions:
        raise NotFound(f"no hold {hold_id}", hold_id=hold_id)
    return action_why(hold_id, decisions, bodies)


@router.post("/v1/holds/{hold_id}/lift")
async def post_lift(hold_id: str, body: Lift, runtime: RuntimeOf, house: HouseOf) -> list[views.HoldView]:
    """Ends a hold before its time, that of a person for every loan; one that is over stays as it is.

    422 names what has to be on record first.
    """
    now = await runtime.clock.now()
    held = await runtime.run(lambda tx: _lift(tx, house, hold_id, body))
    return [views.hold_view(hold, now) for hold in held.holds]


@router.post("/v1/cases/{case_id}/holds/{hold_id}/lift")
async def post_case_lift(
    case_id: str, hold_id: str, body: Lift, runtime: RuntimeOf, house: HouseOf
) -> views.HoldView:
    """As POST /v1/holds/{id}/lift, of a hold of a loan of this case."""
    now = await runtime.clock.now()

    async def work(tx: Tx) -> tuple[Held, str]:
        _, loans = await loans_of_case(tx, case_id)
        hold = await hold_by_id(tx, hold_id)
        if hold is None or hold.loan_id not in loans:
            raise NotFound(f"no hold {hold_id} in case {case_id}", hold_id=hold_id)
        return await _lift(tx, house, hold_id, body), hold.loan_id

    held, loan_id = await runtime.run(work)
    return views.hold_view(_of_loan(held, loan_id), now)


@router.post("/v1/holds/{hold_id}/extend")
async def post_extend(hold_id: str, body: Extend, runtime: RuntimeOf, house: HouseOf) -> list[views.HoldView]:
    """Gives a hold a later end as its kind allows; 409 when it is over, or is not extended (again)."""
    now = await runtime.clock.now()
    held = await runtime.run(
        lambda tx: extend_by_hand(
            tx, house, hold_id, by=body.by, proof=body.proof, treatment_ended_on=body.treatment_ended_on
        )
    )
    return [views.hold_view(hold, now) for hold in held.holds]


async def _lift(tx: Tx, house: HouseOf, hold_id: str, body: Lift) -> Held:
    findings = {str(what): text for what, text in body.findings.items()}
    return await lift_by_hand(tx, house, hold_id, by=body.by, reason=body.reason, findings=findings)


def _of_loan(held: Held, loan_id: str) -> Hold:
    return next(hold for hold in held.holds if hold.loan_id == loan_id)
