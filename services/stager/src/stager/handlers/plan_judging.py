"""Repayment plans are judged by a close, and again when their money moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from spine.database import Tx
from spine.envelope import Envelope
from spine.outbox import emit
from stager.domain.decision import Decision, canonical, decided
from stager.domain.money import Money
from stager.domain.plan_judging import ENGINE, Judgement, PlanFacts, PlanMoney, judge_plan
from stager.domain.plans import JUDGED, Plan, PlanState
from stager.emits import plans as emits
from stager.handlers.plan_force import put_in_force, release
from stager.policy import House
from stager.store.decisions import keep_decisions
from stager.store.money import money_of
from stager.store.plans import due_plans, plans_of_loans, save_plans
from stager.store.promises import how_ended

#: Ends of arrears after which nothing is owed on a loan here.
_OVER = ("settled", "closed", "sold")


async def judge_plans(tx: Tx, partition: int, day: date, house: House, cause: Envelope) -> None:
    """The books of `day` are closed: what was due by the end of its grace is paid, or the plan is broken.

    The caller has locked the borrowers.
    """
    due = await due_plans(tx, partition, day)
    if due:
        await _judge(tx, due, day, house, {plan.loan_id: cause for plan in due})


async def revise_plans(tx: Tx, moved: Mapping[str, Envelope], house: House) -> None:
    """Money came late with a value date in time, or was taken back: plans are judged again by the dates closed.

    The caller has locked the borrowers.
    """
    plans = await plans_of_loans(tx, moved, JUDGED)
    if plans:
        await _judge(tx, plans, None, house, moved)


async def _judge(
    tx: Tx, plans: Sequence[Plan], closed: date | None, house: House, causes: Mapping[str, Envelope]
) -> None:
    loans = {plan.loan_id for plan in plans}
    money, ended = await money_of(tx, loans), await how_ended(tx, loans)
    running = {plan.loan_id: plan.plan_id for plan in await plans_of_loans(tx, loans, [PlanState.ACTIVE])}
    judged: list[Plan] = []
    changed: list[Plan] = []
    decisions: list[Decision] = []
    for plan in plans:
        facts = _facts(plan, closed, money[plan.loan_id], ended.get(plan.loan_id))
        judgement = judge_plan(facts)
        if judgement.state is PlanState.ACTIVE and running.get(plan.loan_id, plan.plan_id) != plan.plan_id:
            # Another plan has taken its place: it does not come back.
            continue
        now = _judged(plan, judgement, facts, tx)
        judged.append(now)
        if now.turn != plan.turn:
            changed.append(now)
            decisions.append(_decision(now, facts, judgement, tx))
    await save_plans(tx, judged)
    await keep_decisions(tx, decisions)
    await _tell(tx, changed, house, causes)


def _facts(plan: Plan, closed: date | None, money: Sequence[Money], ended: str | None) -> PlanFacts:
    signed_on = plan.signed_on or plan.proposed_at.date()
    before = plan.judged_on or signed_on - timedelta(days=1)
    return PlanFacts(
        instalments=plan.terms.instalments,
        grace_days=plan.grace_days,
        tolerance_minor=plan.tolerance_minor,
        signed_on=signed_on,
        closed_through=max(before, closed or before),
        money=standing(money, signed_on),
        ended=ended if ended in _OVER else None,
    )


def standing(money: Sequence[Money], since: date) -> tuple[PlanMoney, ...]:
    """The money that was not taken back, value-dated since a day, in order."""
    return tuple(
        PlanMoney(repayment_id=each.repayment_id, amount_minor=each.amount_minor, value_date=each.value_date)
        for each in money
        if each.reversed_on is None and each.value_date >= since
    )


def _judged(plan: Plan, judgement: Judgement, facts: PlanFacts, tx: Tx) -> Plan:
    is_same = (plan.state, plan.breached_seq, plan.short_minor) == (
        judgement.state,
        judgement.breached_seq,
        judgement.short_minor,
    )
    over = judgement.state is not PlanState.ACTIVE
    return replace(
        plan,
        state=judgement.state,
        turn=plan.turn if is_same else plan.turn + 1,
        breached_seq=judgement.breached_seq,
        short_minor=judgement.short_minor,
        ended_at=(plan.ended_at if is_same else tx.now) if over else None,
        end_reason=judgement.rule if over else None,
        judged_on=facts.closed_through,
        judge_on=judgement.judge_on,
    )


def _decision(plan: Plan, facts: PlanFacts, judgement: Judgement, tx: Tx) -> Decision:
    return decided(
        "plan",
        plan.plan_id,
        borrower_id=plan.borrower_id,
        loan_id=plan.loan_id,
        engine=ENGINE,
        rule=judgement.rule,
        verdict=judgement.state,
        facts=facts,
        policy_digests=(plan.policy_digest,),
        decided_at=tx.now,
        turn=canonical(facts),
    )


async def _tell(tx: Tx, changed: Sequence[Plan], house: House, causes: Mapping[str, Envelope]) -> None:
    over = [plan for plan in changed if plan.state is not PlanState.ACTIVE]
    for plan in over:
        if (told := emits.plan_stands(plan, house.rulebook, tx.now)) is not None:
            emit(tx, told, cause=causes[plan.loan_id])
    await release(tx, over, "facts")
    for plan in changed:
        if plan.state is PlanState.ACTIVE:
            await put_in_force(tx, [plan], house, causes[plan.loan_id])
