"""Repayment plans are drawn up, approved, signed and cancelled by people."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from spine.business_days import business_date
from spine.database import Tx
from spine.errors import BadRequest, Conflict, NotFound
from spine.money import parse_minor
from spine.policy import Loaded
from stager.domain.cases import Episode, stable_id
from stager.domain.decision import decided
from stager.domain.plan_drafting import ENGINE as DRAFTING_ENGINE
from stager.domain.plan_drafting import DraftFacts, draw_up
from stager.domain.plan_policy import PlanPolicy
from stager.domain.plans import (
    Plan,
    PlanBesides,
    PlanClosed,
    PlanExpired,
    PlanState,
    StatedPlan,
)
from stager.domain.promise_refusals import NotInArrears
from stager.domain.promises import PromiseStatus
from stager.domain.team import require, require_other
from stager.handlers.clocks import keep_clocks
from stager.handlers.plan_force import policy_of, put_in_force, release
from stager.handlers.promises import supersede
from stager.policy import House
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.decisions import keep_decisions
from stager.store.parties import lock_parties
from stager.store.plans import plan_by_id, plans_of_loans, save_plans
from stager.store.policies import keep_policies
from stager.store.promises import promises_of_loans
from stager.store.team import member


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """How the borrower agreed: one of a signature and a recording, by its reference; `at` is now when not given."""

    signature: str | None = None
    recording: str | None = None
    at: datetime | None = None


async def propose_plan(
    tx: Tx, house: House, *, case_id: str, loan_id: str, stated: StatedPlan, by: str, key: str
) -> tuple[Plan, bool]:
    """Draws up a plan for a loan of a case; the draft, and whether it is new. `key` makes a repeat the same.

    Raises NotFound, BadRequest (a loan not in the case), NotInArrears, PlanIncomplete, PlanBeyondLimits, Conflict
    for a key used otherwise, and what `member` and `require` raise.
    """
    case = await case_by_id(tx, case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    plan_id = stable_id("plan", case_id, key)
    digest = _digest(loan_id, by, stated)
    known = await plan_by_id(tx, plan_id)
    if known is not None:
        if known.request_digest != digest:
            raise Conflict("this Idempotency-Key was used for another plan", plan_id=plan_id)
        return known, False
    episode = next((each for each in await episodes_of_case(tx, case) if each.loan_id == loan_id), None)
    if episode is None:
        raise BadRequest(f"loan_id: loan {loan_id} is not in case {case_id}", field="loan_id")
    if not episode.is_open:
        raise NotInArrears(loan_id=loan_id)
    loaded = house.rulebook.plans.on(house.today(tx.now))
    require(await member(tx, by), *loaded.policy.proposed_by)
    facts = _facts(stated, episode, house, tx.now)
    plan = _draft(plan_id, episode, facts, loaded, digest, by, tx.now)
    await save_plans(tx, [plan])
    await keep_policies(tx, house.rulebook, {loaded.digest})
    decision = decided(
        "plan_terms",
        plan_id,
        borrower_id=plan.borrower_id,
        loan_id=loan_id,
        engine=DRAFTING_ENGINE,
        rule=f"limits/{facts.stage}",
        verdict="approval_needed" if plan.needs_approval else "drawn_up",
        facts=facts,
        policy_digests=(loaded.digest,),
        decided_at=tx.now,
    )
    await keep_decisions(tx, [decision])
    return plan, True


def _digest(loan_id: str, by: str, stated: StatedPlan) -> str:
    return hashlib.sha256(msgspec.json.encode((loan_id, by, stated))).hexdigest()


def _facts(stated: StatedPlan, episode: Episode, house: House, now: datetime) -> DraftFacts:
    figures, today = episode.figures, house.today(now)
    stages = house.rulebook.stages.on(today).policy
    return DraftFacts(
        loan_id=episode.loan_id,
        stated=stated,
        stage=episode.stage or stages.stage_of(figures.dpd_on(today)).id,
        product=figures.product,
        currency=figures.currency,
        outstanding_principal=figures.outstanding_principal_minor,
        today=today,
    )


def _draft(
    plan_id: str,
    episode: Episode,
    facts: DraftFacts,
    loaded: Loaded[PlanPolicy],
    digest: str,
    by: str,
    now: datetime,
) -> Plan:
    policy = loaded.policy
    terms, limit = draw_up(facts, policy)
    return Plan(
        plan_id=plan_id,
        loan_id=episode.loan_id,
        borrower_id=episode.borrower_id,
        case_id=episode.case_id,
        partition=episode.partition,
        state=PlanState.DRAFT,
        turn=0,
        stage=facts.stage,
        terms=terms,
        grace_days=limit.grace_days,
        tolerance_minor=parse_minor(policy.tolerance, terms.currency),
        needs_approval=limit.needs_approval(terms.months),
        approvers=limit.approval.by if limit.approval is not None else policy.cancelled_by,
        policy_digest=loaded.digest,
        request_digest=digest,
        proposed_by=by,
        proposed_at=now,
        sign_until_on=facts.today + timedelta(days=policy.sign_within_days),
    )


async def approve_plan(tx: Tx, house: House, *, case_id: str, plan_id: str, by: str) -> Plan:
    """Another member approves a plan; one that is signed is active then. Approving again changes nothing."""
    plan = await _locked(tx, house, case_id, plan_id)
    require_other(plan.proposed_by, await member(tx, by), *plan.approvers)
    if plan.approved_by == by:
        return plan
    if plan.approved_by is not None or plan.state not in (PlanState.DRAFT, PlanState.SIGNED):
        raise PlanClosed(f"plan {plan_id} is {plan.state}", plan_id=plan_id, state=plan.state.value)
    approved = replace(plan, approved_by=by, approved_at=tx.now)
    return await _bind(tx, approved, house)


async def sign_plan(tx: Tx, house: House, *, case_id: str, plan_id: str, by: str, signed: Signature) -> Plan:
    """The borrower agrees, by signature or recording; the plan is active unless it waits for approval.

    The same signature again changes nothing. Raises PlanExpired, PlanClosed, PlanBesides, BadRequest.
    """
    plan = await _locked(tx, house, case_id, plan_id)
    policy = policy_of(plan, house)
    require(await member(tx, by), *policy.proposed_by)
    if (signed.signature is None) == (signed.recording is None):
        raise BadRequest(
            "signature: either the reference of a signature or of a recording", field="signature"
        )
    if plan.signed_at is not None:
        if (plan.signature, plan.recording) == (signed.signature, signed.recording):
            return plan
        raise PlanClosed(f"plan {plan_id} is signed already", plan_id=plan_id, state=plan.state.value)
    if plan.state is not PlanState.DRAFT:
        raise PlanClosed(f"plan {plan_id} is {plan.state}", plan_id=plan_id, state=plan.state.value)
    at = signed.at or tx.now
    if not plan.proposed_at <= at <= tx.now:
        raise BadRequest("at: a plan is signed after it is drawn up, and not ahead of time", field="at")
    on = business_date(at, house.zone)
    if on > plan.sign_until_on or on >= plan.terms.instalments[0].due_on:
        raise PlanExpired(plan_id=plan_id, sign_until_on=str(plan.sign_until_on))
    signed_plan = replace(
        plan,
        signed_at=at,
        signed_on=on,
        signature=signed.signature,
        recording=signed.recording,
        signed_with=by,
        state=PlanState.SIGNED,
    )
    return await _bind(tx, signed_plan, house)


async def _bind(tx: Tx, plan: Plan, house: House) -> Plan:
    """A plan that is signed, and approved where that is asked for, is in force."""
    if plan.state is PlanState.SIGNED and (plan.approved_by is not None or not plan.needs_approval):
        if await plans_of_loans(tx, [plan.loan_id], [PlanState.ACTIVE]):
            raise PlanBesides(loan_id=plan.loan_id)
        assert plan.signed_on is not None
        plan = replace(
            plan,
            state=PlanState.ACTIVE,
            turn=plan.turn + 1,
            activated_at=tx.now,
            judged_on=plan.signed_on - timedelta(days=1),
            judge_on=plan.signed_on,
        )
        await save_plans(tx, [plan])
        # What was promised on the loan is now due by the plan.
        promises = await promises_of_loans(tx, [plan.loan_id], [PromiseStatus.OPEN])
        await supersede(tx, promises, house, by=f"plan {plan.plan_id}")
        await put_in_force(tx, [plan], house)
    else:
        await save_plans(tx, [plan])
    await keep_clocks(tx, [plan.loan_id], house)
    return plan


async def cancel_plan(tx: Tx, house: House, *, case_id: str, plan_id: str, by: str, reason: str) -> Plan:
    """A person ends a plan: a draft whoever may draw one up, one in force whom the policy names."""
    plan = await _locked(tx, house, case_id, plan_id)
    policy = policy_of(plan, house)
    in_force = plan.state is PlanState.ACTIVE
    require(
        await member(tx, by), *(policy.cancelled_by if in_force else policy.proposed_by + policy.cancelled_by)
    )
    if plan.state is PlanState.CANCELLED:
        return plan
    if plan.state not in (PlanState.DRAFT, PlanState.SIGNED, PlanState.ACTIVE):
        raise PlanClosed(f"plan {plan_id} is {plan.state}", plan_id=plan_id, state=plan.state.value)
    cancelled = replace(
        plan,
        state=PlanState.CANCELLED,
        turn=plan.turn + 1,
        ended_at=tx.now,
        end_reason=f"{by}: {reason}",
        judge_on=None,
    )
    await save_plans(tx, [cancelled])
    if in_force:
        await release(tx, [cancelled], "person", by)
    return cancelled


async def _locked(tx: Tx, house: House, case_id: str, plan_id: str) -> Plan:
    """A plan, its borrower locked. Raises NotFound."""
    found = await plan_by_id(tx, plan_id)
    if found is None or found.case_id != case_id:
        raise NotFound(f"no plan {plan_id} in case {case_id}", plan_id=plan_id)
    await lock_parties(tx, [found.borrower_id], house.zone)
    plan = await plan_by_id(tx, plan_id)
    assert plan is not None
    return plan
