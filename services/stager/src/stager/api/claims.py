"""The stager's REST door: payment claims, waited for once more with proof, or rejected."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from stager.api.asking import HouseOf, Instant, MemberId, Reason, RuntimeOf
from stager.handlers.claim_requests import Evidence, extend_claim, reject_claim
from stager.store.cases import case_by_id
from stager.store.claims import claims_of_case
from stager.views import claims as views

router = APIRouter()


class Shown(BaseModel):
    """What the borrower shows. `proof` refers to a document kept elsewhere; of the account only its last digits."""

    model_config = ConfigDict(extra="forbid")

    proof: Annotated[str, Field(min_length=1, max_length=200)]
    bank: Annotated[str | None, Field(min_length=1, max_length=60, pattern=r"^[^0-9]+$")] = None
    last_digits: Annotated[str | None, Field(pattern=r"^[0-9]{2,4}$")] = None
    paid_at: Instant | None = None
    amount: Annotated[str | None, Field(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,3})?$")] = None


class ExtendClaim(BaseModel):
    """Who waits for claimed money once more, and what was shown for it."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId
    evidence: Shown


class RejectClaim(BaseModel):
    """Who rejects a claim, and why."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId
    reason: Reason


@router.get("/v1/cases/{case_id}/claims")
async def list_claims(case_id: str, runtime: RuntimeOf) -> views.ClaimList:
    """The claims of payment on the loans of a case, the newest first."""
    async with runtime.transaction() as tx:
        case = await case_by_id(tx, case_id)
        found = await claims_of_case(tx, case)
    return views.ClaimList(case_id=case_id, items=[views.claim_view(each) for each in found])


@router.post("/v1/cases/{case_id}/claims/{hold_id}/extend")
async def post_extend(
    case_id: str, hold_id: str, body: ExtendClaim, runtime: RuntimeOf, house: HouseOf
) -> views.ClaimView:
    """Waits for claimed money once more: 409 claim_extended the second time, claim_settled when it is answered."""
    evidence = Evidence(**body.evidence.model_dump())
    claim = await runtime.run(
        lambda tx: extend_claim(tx, house, case_id=case_id, hold_id=hold_id, evidence=evidence, by=body.by)
    )
    return views.claim_view(claim)


@router.post("/v1/cases/{case_id}/claims/{hold_id}/reject")
async def post_reject(
    case_id: str, hold_id: str, body: RejectClaim, runtime: RuntimeOf, house: HouseOf
) -> views.ClaimView:
    """Rejects a claim: collection goes on where it stood. 409 claim_settled when money has answered it."""
    claim = await runtime.run(
        lambda tx: reject_claim(tx, house, case_id=case_id, hold_id=hold_id, reason=body.reason, by=body.by)
    )
    return views.claim_view(claim)
