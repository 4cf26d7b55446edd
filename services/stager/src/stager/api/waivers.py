"""The REST door of waivers and settlement offers: proposed, approved by another, refused, looked at."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from spine.database import Tx
from spine.errors import NotFound
from spine.money import parse_minor
from stager.api.asking import Day, HouseOf, IdempotencyKey, MemberId, Reason, RuntimeOf
from stager.api.plans import AmountText, Approve, Balance
from stager.domain.waiver_policy import WaiverKind
from stager.domain.waivers import Waiver
from stager.handlers.waiver_proposals import Proposal, propose_waiver
from stager.handlers.waivers import approve_waiver, refuse_waiver
from stager.store.cases import case_by_id
from stager.store.waivers import waiver_by_id, waivers_of_case
from stager.views import plans as views

router = APIRouter()


class OnCondition(BaseModel):
    """The money of an offer, and the day by whose end it is value-dated."""

    model_config = ConfigDict(extra="forbid")

    amount: AmountText
    by: Day


class NewWaiver(BaseModel):
    """What is to be waived of a loan; `owed` as the ledger quotes it, else what it last told is taken."""

    model_config = ConfigDict(extra="forbid")

    loan_id: Annotated[str, Field(min_length=1, max_length=200)]
    by: MemberId
    kind: WaiverKind = "waiver"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    waived: Balance
    owed: Balance | None = None
    condition: OnCondition | None = None
    reason: Reason

    def proposal(self) -> Proposal:
        """In minor units. Raises BadAmount."""
        condition, currency = self.condition, self.currency
        return Proposal(
            loan_id=self.loan_id,
            kind=self.kind,
            currency=currency,
            waived=self.waived.minor(currency, "waived"),
            reason=self.reason,
            by=self.by,
            owed=None if self.owed is None else self.owed.minor(currency, "owed"),
            pay_minor=parse_minor(condition.amount, currency) if condition is not None else None,
            pay_by_on=condition.by if condition is not None else None,
        )


class Refuse(BaseModel):
    """Who refuses or takes back a waiver, and why."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId
    reason: Reason


@router.post("/v1/cases/{case_id}/waivers", status_code=201)
async def post_waiver(
    case_id: str,
    body: NewWaiver,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.WaiverView:
    """Proposes a waiver or an offer: 201 when new, 200 when the same Idempotency-Key did before.

    409 `waiver_beyond_band` names the band and its limit, `waiver_no_band` says that this member may propose none.
    """
    key, proposal = idempotency_key or str(uuid4()), body.proposal()

    async def work(tx: Tx) -> tuple[Waiver, bool]:
        return await propose_waiver(tx, house, case_id=case_id, proposal=proposal, key=key)

    waiver, is_new = await runtime.run(work)
    response.status_code = 201 if is_new else 200
    return views.waiver_view(waiver)


@router.get("/v1/cases/{case_id}/waivers")
async def list_waivers(case_id: str, runtime: RuntimeOf) -> views.WaiverList:
    """The waivers proposed in a case, newest first."""
    async with runtime.transaction() as tx:
        await case_by_id(tx, case_id)
        waivers = await waivers_of_case(tx, case_id)
    return views.WaiverList(items=[views.waiver_view(each) for each in waivers])


@router.get("/v1/cases/{case_id}/waivers/{waiver_id}")
async def get_waiver(case_id: str, waiver_id: str, runtime: RuntimeOf) -> views.WaiverView:
    """A waiver and where it stands."""
    async with runtime.transaction() as tx:
        waiver = await waiver_by_id(tx, waiver_id)
    if waiver is None or waiver.case_id != case_id:
        raise NotFound(f"no waiver {waiver_id} in case {case_id}", waiver_id=waiver_id)
    return views.waiver_view(waiver)


@router.post("/v1/cases/{case_id}/waivers/{waiver_id}/approve")
async def post_waiver_approval(
    case_id: str, waiver_id: str, body: Approve, runtime: RuntimeOf, house: HouseOf
) -> views.WaiverView:
    """Another member approves: 403 `not_allowed`, 409 `same_person`, `waiver_expired`, `waiver_closed`."""
    waiver = await runtime.run(
        lambda tx: approve_waiver(tx, house, case_id=case_id, waiver_id=waiver_id, by=body.by)
    )
    return views.waiver_view(waiver)


@router.post("/v1/cases/{case_id}/waivers/{waiver_id}/refuse")
async def post_waiver_refusal(
    case_id: str, waiver_id: str, body: Refuse, runtime: RuntimeOf, house: HouseOf
) -> views.WaiverView:
    """Refuses a waiver that is not effective yet, or takes it back; one refused before stays as it is."""
    waiver = await runtime.run(
        lambda tx: refuse_waiver(
            tx, house, case_id=case_id, waiver_id=waiver_id, by=body.by, reason=body.reason
        )
    )
    return views.waiver_view(waiver)
