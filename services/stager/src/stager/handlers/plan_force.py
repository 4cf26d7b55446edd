"""A repayment plan in force: its loan is held, people's tasks are cancelled, reminders are planned; and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final

from spine.business_days import local_instant
from spine.database import Tx
from spine.envelope import Envelope
from spine.outbox import emit
from stager.domain.cases import Hold
from stager.domain.plan_policy import PlanPolicy
from stager.domain.plans import Plan
from stager.emits import plans as emits
from stager.handlers.holds import end_holds, new_hold, place_holds
from stager.handlers.tasks import cancel_tasks
from stager.handlers.withdrawals import Reasons, withdraw
from stager.policy import House
from stager.store.holds import active_holds
from stager.store.parties import lock_parties
from stager.store.plans import PlanReminder, forget_reminders, keep_reminders

#: The purpose of a reminder of an instalment.
REMINDS: Final = "reminder_due"


async def put_in_force(tx: Tx, plans: Sequence[Plan], house: House, cause: Envelope | None = None) -> None:
    """Tells active plans, holds their loans, cancels what people were to do, and plans the reminders to come."""
    if not plans:
        return
    zones = await lock_parties(tx, sorted({plan.borrower_id for plan in plans}), house.zone)
    for plan in plans:
        if (told := emits.plan_stands(plan, house.rulebook, tx.now)) is not None:
            emit(tx, told, cause=cause)
    holds = [_hold(plan, house, tx.now) for plan in plans]
    await place_holds(tx, holds, house, {hold.hold_id: cause for hold in holds} if cause else {})
    # A letter that the hold would let pass is no longer wanted either: its step is taken back with its task.
    reasons: Reasons = {plan.loan_id: ("plan_active", cause) for plan in plans}
    await withdraw(tx, reasons, which=lambda request: request.task_id is not None)
    await cancel_tasks(tx, [plan.loan_id for plan in plans], "plan_active", cause=cause)
    reminders = []
    for plan in plans:
        rule = policy_of(plan, house).reminders
        opens, zone = time.fromisoformat(rule.at), zones[plan.borrower_id]
        for each in plan.terms.instalments:
            for days in rule.days_before:
                due_at = local_instant(each.due_on - timedelta(days=days), opens, zone)
                reminders.append(PlanReminder(plan.plan_id, each.seq, days, plan.borrower_id, due_at))
    await keep_reminders(tx, [each for each in reminders if each.due_at > tx.now])


def _hold(plan: Plan, house: House, now: datetime) -> Hold:
    hold = new_hold(
        house,
        hold_id=plan.hold_id,
        kind="plan_active",
        loan_id=plan.loan_id,
        borrower_id=plan.borrower_id,
        now=now,
        origin=plan.plan_id,
        by=plan.signed_with,
    )
    # Whether interest runs under a plan is agreed in it, not in the table of holds.
    return replace(hold, freezes_interest=not plan.terms.interest_accrues)


async def release(tx: Tx, plans: Sequence[Plan], ended_by: str, by: str | None = None) -> None:
    """Ends the holds of plans that are not in force any more; drops their reminders, and takes back what was asked
    for and may not be sent yet."""
    if not plans:
        return
    await forget_reminders(tx, [plan.plan_id for plan in plans])
    reasons: Reasons = {plan.loan_id: ("plan_over", None) for plan in plans}
    await withdraw(tx, reasons, which=lambda request: request.purpose == REMINDS)
    ids = {plan.plan_id for plan in plans}
    held = await active_holds(tx, sorted({plan.borrower_id for plan in plans}))
    ending = [hold for hold in held if hold.kind == "plan_active" and hold.origin in ids]
    await end_holds(tx, [replace(hold, lifted_at=tx.now, ended_by=ended_by, lifted_by=by) for hold in ending])


def policy_of(plan: Plan, house: House) -> PlanPolicy:
    """The policy a plan was drawn up by, or the one of then where its file is gone."""
    try:
        policy: PlanPolicy = house.rulebook.edition(plan.policy_digest).policy
    except KeyError:
        policy = house.rulebook.plans.on(house.today(plan.proposed_at)).policy
    return policy
