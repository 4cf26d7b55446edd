"""The REST door of repayment plans: drawn up with their schedule, approved, signed, cancelled, looked at."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from spine.errors import NotFound
from spine.money import parse_minor
from stager.api.asking import Day, HouseOf, IdempotencyKey, Instant, MemberId, Reason, RuntimeOf
from stager.domain.plans import Method, Period, StatedPlan, Structure
from stager.handlers.plans import Signature, approve_plan, cancel_plan, propose_plan, sign_plan
from stager.store.cases import case_by_id
from stager.store.plans import plan_by_id, plans_of_case
from stager.views import plans as views

router = APIRouter()

AmountText = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,3})?$", max_length=20)]
#: A term as it will be printed: one paragraph.
LongText = Annotated[
    str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")
]
Reference = Annotated[str, Field(min_length=1, max_length=200)]


class Balance(BaseModel):
    """What is owed by component; what is left out is nothing."""

    model_config = ConfigDict(extra="forbid")

    principal: AmountText = "0"
    interest: AmountText = "0"
    penalty: AmountText = "0"
    compound: AmountText = "0"
    fee: AmountText = "0"

    def minor(self, currency: str, field: str) -> Structure:
        """In minor units. Raises BadAmount."""
        return Structure(
            **{
                name: parse_minor(text, currency, field=f"{field}.{name}")
                for name, text in self.model_dump().items()
            }
        )


class NewPlan(BaseModel):
    """A plan to draw up. Every plan says all but `credit_report`; what is missing is refused by its name.

    `ability`: what the borrower can pay each period. `annual_rate` is "0" where no interest is charged.
    """

    model_config = ConfigDict(extra="forbid")

    loan_id: Annotated[str, Field(min_length=1, max_length=200)]
    by: MemberId
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    balance: Balance | None = None
    period: Period | None = None
    method: Method | None = None
    instalments: Annotated[int, Field(ge=1, le=1000)] | None = None
    first_due_on: Day | None = None
    annual_rate: Annotated[str, Field(pattern=r"^[0-9](\.[0-9]{1,10})?$")] | None = None
    interest_accrues: bool | None = None
    fees_accrue: bool | None = None
    no_new_card: bool | None = None
    rights: LongText | None = None
    breach: LongText | None = None
    ability: AmountText | None = None
    willing: bool | None = None
    credit_report: LongText | None = None

    def stated(self) -> StatedPlan:
        """What is stated, in minor units. Raises BadAmount."""
        currency = self.currency or "CNY"
        return StatedPlan(
            currency=self.currency,
            balance=None if self.balance is None else self.balance.minor(currency, "balance"),
            period=self.period,
            method=self.method,
            instalments=self.instalments,
            first_due_on=self.first_due_on,
            annual_rate=None if self.annual_rate is None else f"{Decimal(self.annual_rate):f}",
            interest_accrues=self.interest_accrues,
            fees_accrue=self.fees_accrue,
            no_new_card=self.no_new_card,
            rights=self.rights,
            breach=self.breach,
            ability=None if self.ability is None else parse_minor(self.ability, currency, field="ability"),
            willing=self.willing,
            credit_report=self.credit_report,
        )


class Approve(BaseModel):
    """Who approves: another member than the one who drew the plan up."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId


class Sign(BaseModel):
    """How the borrower agreed: the reference of a signature or of a recording, and who took it."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId
    signature: Reference | None = None
    recording: Reference | None = None
    at: Instant | None = None


class Cancel(BaseModel):
    """Who ends a plan, and why."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId
    reason: Reason


@router.post("/v1/cases/{case_id}/plans", status_code=201)
async def post_plan(
    case_id: str,
    body: NewPlan,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.PlanView:
    """Draws up a plan and answers its schedule: 201 when new, 200 when the same Idempotency-Key did before.

    422 `plan_incomplete` names what is missing, 409 `plan_beyond_limits` what the policy does not allow.
    """
    key, stated = idempotency_key or str(uuid4()), body.stated()
    plan, is_new = await runtime.run(
        lambda tx: propose_plan(
            tx, house, case_id=case_id, loan_id=body.loan_id, stated=stated, by=body.by, key=key
        )
    )
    response.status_code = 201 if is_new else 200
    return views.plan_view(plan)


@router.get("/v1/cases/{case_id}/plans")
async def list_plans(case_id: str, runtime: RuntimeOf) -> views.PlanList:
    """The plans drawn up in a case, newest first."""
    async with runtime.transaction() as tx:
        await case_by_id(tx, case_id)
        plans = await plans_of_case(tx, case_id)
    return views.PlanList(items=[views.plan_view(plan) for plan in plans])


@router.get("/v1/cases/{case_id}/plans/{plan_id}")
async def get_plan(case_id: str, plan_id: str, runtime: RuntimeOf) -> views.PlanView:
    """A plan with its schedule and where it stands."""
    async with runtime.transaction() as tx:
        plan = await plan_by_id(tx, plan_id)
    if plan is None or plan.case_id != case_id:
        raise NotFound(f"no plan {plan_id} in case {case_id}", plan_id=plan_id)
    return views.plan_view(plan)


@router.post("/v1/cases/{case_id}/plans/{plan_id}/approve")
async def post_approval(
    case_id: str, plan_id: str, body: Approve, runtime: RuntimeOf, house: HouseOf
) -> views.PlanView:
    """Another member approves; a signed plan is in force then. 403 `not_allowed`, 409 `same_person`."""
    plan = await runtime.run(lambda tx: approve_plan(tx, house, case_id=case_id, plan_id=plan_id, by=body.by))
    return views.plan_view(plan)


@router.post("/v1/cases/{case_id}/plans/{plan_id}/sign")
async def post_signature(
    case_id: str, plan_id: str, body: Sign, runtime: RuntimeOf, house: HouseOf
) -> views.PlanView:
    """The borrower agreed; unless approval is waited for, the plan is in force and collection stops."""
    signed = Signature(signature=body.signature, recording=body.recording, at=body.at)
    plan = await runtime.run(
        lambda tx: sign_plan(tx, house, case_id=case_id, plan_id=plan_id, by=body.by, signed=signed)
    )
    return views.plan_view(plan)


@router.post("/v1/cases/{case_id}/plans/{plan_id}/cancel")
async def post_cancel(
    case_id: str, plan_id: str, body: Cancel, runtime: RuntimeOf, house: HouseOf
) -> views.PlanView:
    """Ends a plan that is not over; one cancelled before stays as it is."""
    plan = await runtime.run(
        lambda tx: cancel_plan(tx, house, case_id=case_id, plan_id=plan_id, by=body.by, reason=body.reason)
    )
    return views.plan_view(plan)
