"""Repayment plans, waivers and settlement offers as events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from spine.events.agreements import (
    PlanActivated,
    PlanBreached,
    PlanCompleted,
    PlanFact,
    PlanInstalment,
    WaivedAmounts,
    WaiverApproved,
    WaiverLapsed,
)
from spine.money import format_minor
from stager.domain.plans import Plan, PlanState, Structure
from stager.domain.rulebook import Rulebook
from stager.domain.waivers import Waiver
from stager.emits.promises import reference


def plan_stands(plan: Plan, rulebook: Rulebook, at: datetime) -> PlanFact | None:
    """The event of what a plan stands at now; None where that is nothing others act on."""
    whole = _whole(plan, rulebook, at)
    if plan.state is PlanState.ACTIVE:
        return PlanActivated(**whole)
    if plan.state is PlanState.COMPLETED:
        return PlanCompleted(**whole)
    if plan.state is PlanState.BREACHED:
        short = format_minor(plan.short_minor or 0, plan.terms.currency)
        return PlanBreached(**whole, breached_seq=plan.breached_seq or 0, short=short)
    return None


def _whole(plan: Plan, rulebook: Rulebook, at: datetime) -> dict[str, Any]:
    terms = plan.terms
    currency = terms.currency
    return {
        "borrower_id": plan.borrower_id,
        "loan_id": plan.loan_id,
        "case_id": plan.case_id,
        "plan_id": plan.plan_id,
        "method": terms.method.value,
        "currency": currency,
        "balance": format_minor(terms.balance.total, currency),
        "annual_rate": terms.annual_rate,
        "instalments": tuple(
            PlanInstalment(
                seq=each.seq,
                due_on=each.due_on,
                amount=format_minor(each.total, currency),
                principal=format_minor(each.principal, currency),
                interest=format_minor(each.interest, currency),
            )
            for each in terms.instalments
        ),
        "interest_accrues": terms.interest_accrues,
        "signed_at": plan.signed_at or at,
        "at": at,
        "policy": reference(plan.policy_digest, rulebook),
    }


def waiver_approved(waiver: Waiver, rulebook: Rulebook, at: datetime) -> WaiverApproved:
    """The event of a waiver that is effective."""
    if waiver.effective_on is None or waiver.approved_by is None:
        raise ValueError(f"waiver {waiver.waiver_id} is not effective")
    return WaiverApproved(
        **_waived(waiver, rulebook, at),
        effective_on=waiver.effective_on,
        proposed_by=waiver.proposed_by,
        approved_by=waiver.approved_by,
    )


def waiver_lapsed(waiver: Waiver, rulebook: Rulebook, at: datetime) -> WaiverLapsed:
    """The event of a waiver by which nothing is waived."""
    return WaiverLapsed(
        **_waived(waiver, rulebook, at),
        reason=waiver.lapse_reason or "",
        was_effective=waiver.was_effective,
    )


def _waived(waiver: Waiver, rulebook: Rulebook, at: datetime) -> dict[str, Any]:
    return {
        "borrower_id": waiver.borrower_id,
        "loan_id": waiver.loan_id,
        "case_id": waiver.case_id,
        "waiver_id": waiver.waiver_id,
        "kind": waiver.kind,
        "currency": waiver.currency,
        "waived": amounts_of(waiver.waived, waiver.currency),
        "at": at,
        "policy": reference(waiver.policy_digest, rulebook),
    }


def amounts_of(parts: Structure, currency: str) -> WaivedAmounts:
    """Amounts by component as decimal strings; what is nothing is left out."""
    return WaivedAmounts(
        **{name: format_minor(minor, currency) for name, minor in parts_of(parts).items() if minor}
    )


def parts_of(parts: Structure) -> dict[str, int]:
    """Minor units by component."""
    return {name: getattr(parts, name) for name in parts.__struct_fields__}
