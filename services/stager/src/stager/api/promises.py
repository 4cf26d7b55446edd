"""The stager's REST door: promises to pay."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from spine.events.stager import ContactChannel
from stager.api.asking import Day, HouseOf, IdempotencyKey, MemberId, Reason, RuntimeOf
from stager.domain.promises import PromiseKind
from stager.handlers.promise_offers import Offer
from stager.handlers.promises import cancel_promise, open_promise
from stager.store.cases import case_by_id
from stager.store.promises import promises_of_case
from stager.views import promises as views

router = APIRouter()


class NewPromise(BaseModel):
    """A promise that a borrower makes. A part offer (`partial`) has a second date for the rest.

    Of a three-day delay the date follows from today. `verified`: the right person was verified before.
    `approved_by`: a supervisor who agrees to what is beyond a collector's bounds.
    """

    model_config = ConfigDict(extra="forbid")

    loan_id: Annotated[str, Field(min_length=1, max_length=200)]
    amount: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,3})?$")]
    promised_on: Day | None = None
    kind: PromiseKind
    second_on: Day | None = None
    by: MemberId
    verified: bool
    channel: ContactChannel
    contact_id: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    approved_by: MemberId | None = None


class Cancel(BaseModel):
    """Who takes a promise back, and why."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId
    reason: Reason


@router.post("/v1/cases/{case_id}/promises", status_code=201)
async def post_promise(
    case_id: str,
    body: NewPromise,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.PromiseView:
    """Opens a promise: 201 when new, 200 when the same was opened before; the one open before is superseded.

    409 with the code of what stands against it: horizon_exceeded, below_arrears, below_floor, needs_supervisor,
    second_date_missing, not_a_part, not_the_delay, date_passed, plan_in_force, not_in_arrears.
    """
    key = idempotency_key or str(uuid4())
    offer = Offer(**body.model_dump())
    promise, is_new = await runtime.run(
        lambda tx: open_promise(tx, house, case_id=case_id, offer=offer, key=key)
    )
    response.status_code = 201 if is_new else 200
    return views.promise_view(promise)


@router.get("/v1/cases/{case_id}/promises")
async def list_promises(case_id: str, runtime: RuntimeOf) -> views.PromiseList:
    """The promises of a case, the newest first, whatever they stand at."""
    async with runtime.transaction() as tx:
        case = await case_by_id(tx, case_id)
        found = await promises_of_case(tx, case)
    return views.PromiseList(case_id=case_id, items=[views.promise_view(each) for each in found])


@router.post("/v1/cases/{case_id}/promises/{promise_id}/cancel")
async def post_cancel(
    case_id: str, promise_id: str, body: Cancel, runtime: RuntimeOf, house: HouseOf
) -> views.PromiseView:
    """Takes an open promise back; one that is not open any more stays as it is."""
    promise = await runtime.run(
        lambda tx: cancel_promise(
            tx, house, case_id=case_id, promise_id=promise_id, reason=body.reason, by=body.by
        )
    )
    return views.promise_view(promise)
