"""Repayment plans, waivers and settlement offers as people read them: decimal strings, whole schedules."""

from __future__ import annotations

from datetime import date, datetime

from typing_extensions import TypedDict

from spine.money import format_minor
from stager.domain.plans import Plan, PlanState, Structure
from stager.domain.waivers import LapseReason, Waiver, WaiverState


class Parts(TypedDict):
    """Decimal strings by component, and their sum."""

    principal: str
    interest: str
    penalty: str
    compound: str
    fee: str
    total: str


class InstalmentView(TypedDict):
    """One payment of a plan, what it pays of the balance and of interest, and what is left of the balance after."""

    seq: int
    due_on: date
    amount: str
    principal: str
    interest: str
    balance_after: str


class PlanView(TypedDict):
    """A repayment plan with its schedule and where it stands; `waits_for`: what it is not in force without."""

    plan_id: str
    case_id: str
    loan_id: str
    state: PlanState
    stage: str
    currency: str
    balance: Parts
    period: str
    method: str
    annual_rate: str
    months: int
    instalments: list[InstalmentView]
    total: str
    interest_accrues: bool
    fees_accrue: bool
    no_new_card: bool
    rights: str
    breach: str
    credit_report: str | None
    ability: str
    grace_days: int
    waits_for: list[str]
    proposed_by: str
    proposed_at: datetime
    sign_until_on: date
    approved_by: str | None
    approved_at: datetime | None
    signed_at: datetime | None
    signature: str | None
    recording: str | None
    activated_at: datetime | None
    breached_seq: int | None
    short: str | None
    ended_at: datetime | None
    end_reason: str | None
    policy_digest: str


class PlanList(TypedDict):
    """The plans of a case, newest first."""

    items: list[PlanView]


class Condition(TypedDict):
    """An offer counts when this amount is there by value date."""

    amount: str
    by: date


class WaiverView(TypedDict):
    """A waiver or a settlement offer and where it stands; `band`: within which it was proposed."""

    waiver_id: str
    case_id: str
    loan_id: str
    kind: str
    state: WaiverState
    stage: str
    currency: str
    waived: Parts
    owed: Parts
    band: str
    condition: Condition | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    refused_by: str | None
    effective_on: date | None
    was_effective: bool
    lapse_reason: LapseReason | None
    ended_at: datetime | None
    policy_digest: str


class WaiverList(TypedDict):
    """The waivers of a case, newest first."""

    items: list[WaiverView]


def parts(amounts: Structure, currency: str) -> Parts:
    """Amounts by component."""
    return Parts(
        principal=format_minor(amounts.principal, currency),
        interest=format_minor(amounts.interest, currency),
        penalty=format_minor(amounts.penalty, currency),
        compound=format_minor(amounts.compound, currency),
        fee=format_minor(amounts.fee, currency),
        total=format_minor(amounts.total, currency),
    )


def plan_view(plan: Plan) -> PlanView:
    """A plan as people read it."""
    terms = plan.terms
    currency = terms.currency
    return PlanView(
        plan_id=plan.plan_id,
        case_id=plan.case_id,
        loan_id=plan.loan_id,
        state=plan.state,
        stage=plan.stage,
        currency=currency,
        balance=parts(terms.balance, currency),
        period=terms.period,
        method=terms.method,
        annual_rate=terms.annual_rate,
        months=terms.months,
        instalments=_instalments(plan),
        total=format_minor(terms.total, currency),
        interest_accrues=terms.interest_accrues,
        fees_accrue=terms.fees_accrue,
        no_new_card=terms.no_new_card,
        rights=terms.rights,
        breach=terms.breach,
        credit_report=terms.credit_report,
        ability=format_minor(terms.ability, currency),
        grace_days=plan.grace_days,
        waits_for=_waits_for(plan),
        proposed_by=plan.proposed_by,
        proposed_at=plan.proposed_at,
        sign_until_on=plan.sign_until_on,
        approved_by=plan.approved_by,
        approved_at=plan.approved_at,
        signed_at=plan.signed_at,
        signature=plan.signature,
        recording=plan.recording,
        activated_at=plan.activated_at,
        breached_seq=plan.breached_seq,
        short=None if plan.short_minor is None else format_minor(plan.short_minor, currency),
        ended_at=plan.ended_at,
        end_reason=plan.end_reason,
        policy_digest=plan.policy_digest,
    )


def _instalments(plan: Plan) -> list[InstalmentView]:
    currency, left = plan.terms.currency, plan.terms.balance.total
    views = []
    for each in plan.terms.instalments:
        left -= each.principal
        views.append(
            InstalmentView(
                seq=each.seq,
                due_on=each.due_on,
                amount=format_minor(each.total, currency),
                principal=format_minor(each.principal, currency),
                interest=format_minor(each.interest, currency),
                balance_after=format_minor(left, currency),
            )
        )
    return views


def _waits_for(plan: Plan) -> list[str]:
    if plan.state not in (PlanState.DRAFT, PlanState.SIGNED):
        return []
    lacks = {
        "signature": plan.signed_at is None,
        "approval": plan.needs_approval and plan.approved_by is None,
    }
    return [what for what, is_lacking in lacks.items() if is_lacking]


def waiver_view(waiver: Waiver) -> WaiverView:
    """A waiver as people read it."""
    currency, condition = waiver.currency, None
    if waiver.pay_minor is not None and waiver.pay_by_on is not None:
        condition = Condition(amount=format_minor(waiver.pay_minor, currency), by=waiver.pay_by_on)
    return WaiverView(
        waiver_id=waiver.waiver_id,
        case_id=waiver.case_id,
        loan_id=waiver.loan_id,
        kind=waiver.kind,
        state=waiver.state,
        stage=waiver.stage,
        currency=currency,
        waived=parts(waiver.waived, currency),
        owed=parts(waiver.owed, currency),
        band=waiver.band,
        condition=condition,
        reason=waiver.reason,
        proposed_by=waiver.proposed_by,
        proposed_at=waiver.proposed_at,
        expires_at=waiver.expires_at,
        approved_by=waiver.approved_by,
        approved_at=waiver.approved_at,
        refused_by=waiver.refused_by,
        effective_on=waiver.effective_on,
        was_effective=waiver.was_effective,
        lapse_reason=waiver.lapse_reason,
        ended_at=waiver.ended_at,
        policy_digest=waiver.policy_digest,
    )
