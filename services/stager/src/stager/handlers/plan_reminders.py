"""Reminders of the instalments of a plan before they are due: decided anew by the facts of then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from spine.business_days import local_instant
from spine.database import Runtime, Tx
from spine.outbox import emit
from stager.domain.cases import ContactStep, Episode, RequestStatus, stable_id
from stager.domain.hold_policy import HoldPolicy
from stager.domain.money import Money, received_minor
from stager.domain.plan_policy import Reminders
from stager.domain.plans import Plan, PlanState
from stager.emits import cases as emits
from stager.handlers.plan_force import REMINDS, policy_of
from stager.policy import House
from stager.store.holds import active_holds
from stager.store.money import money_of
from stager.store.parties import lock_parties
from stager.store.plans import PlanReminder, take_due_reminders
from stager.store.policies import keep_policies
from stager.store.promises import next_occurrences, open_episodes
from stager.store.requests import insert_steps

_STEP: Final = "plan-reminder"


async def remind_of_plans(runtime: Runtime, house: House, batch: int) -> int:
    """Decides one batch of due reminders; returns how many there were."""

    async def work(tx: Tx) -> int:
        due = await take_due_reminders(tx, batch)
        if due:
            await _decide(tx, due, house)
        return len(due)

    return await runtime.run(work)


async def _decide(tx: Tx, due: Sequence[tuple[PlanReminder, Plan]], house: House) -> None:
    loans = sorted({plan.loan_id for _, plan in due})
    borrowers = sorted({plan.borrower_id for _, plan in due})
    zones = await lock_parties(tx, borrowers, house.zone)
    money, episodes = await money_of(tx, loans), await open_episodes(tx, loans)
    occurrences = await next_occurrences(tx, loans, _STEP)
    holds: dict[str, set[str]] = defaultdict(set)
    for hold in await active_holds(tx, borrowers):
        if hold.is_active(tx.now):
            holds[hold.loan_id].add(hold.kind)
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    steps = []
    for reminder, plan in due:
        episode, rule = episodes.get(plan.loan_id), policy_of(plan, house).reminders
        if episode is None or episode.stage is None or episode.is_stopped:
            # Nothing is overdue any more: the notifier would send nothing either.
            continue
        expires = _expires(reminder, plan, rule, zones[plan.borrower_id])
        skipped = _why_not(reminder, plan, money[plan.loan_id])
        if skipped is None and tx.now >= expires:
            skipped = "missed"
        if skipped is None:
            skipped = _held(holds[plan.loan_id], policy, rule)
        occurrence = occurrences[plan.loan_id]
        occurrences[plan.loan_id] += 1
        steps.append(_step(reminder, plan, episode, rule, occurrence, expires, skipped, tx.now))
    await _ask(tx, steps, house)


def _expires(reminder: PlanReminder, plan: Plan, rule: Reminders, zone: ZoneInfo) -> datetime:
    day = plan.terms.instalments[reminder.seq - 1].due_on - timedelta(days=reminder.days_before)
    return local_instant(day, time.fromisoformat(rule.until), zone)


def _why_not(reminder: PlanReminder, plan: Plan, money: Sequence[Money]) -> str | None:
    if plan.state is not PlanState.ACTIVE or plan.signed_on is None:
        return f"plan_{plan.state}"
    instalments = plan.terms.instalments[: reminder.seq]
    due = sum(each.total for each in instalments) - plan.tolerance_minor
    if received_minor(money, plan.signed_on, instalments[-1].due_on) >= due:
        return "paid_already"
    return None


def _held(holds: Collection[str], policy: HoldPolicy, rule: Reminders) -> str | None:
    kind = policy.stopping(holds, rule.channel, REMINDS)
    return f"hold_{kind}" if kind is not None else None


def _step(
    reminder: PlanReminder,
    plan: Plan,
    episode: Episode,
    rule: Reminders,
    occurrence: int,
    expires: datetime,
    skipped: str | None,
    now: datetime,
) -> ContactStep:
    return ContactStep(
        request_id=stable_id("request", plan.plan_id, _STEP, reminder.seq, reminder.days_before),
        loan_id=plan.loan_id,
        episode=episode.episode,
        entry_no=episode.entry_no,
        step=_STEP,
        occurrence=occurrence,
        borrower_id=plan.borrower_id,
        case_id=episode.case_id,
        stage=episode.stage or "",
        channel=rule.channel,
        template=rule.template,
        purpose=REMINDS,
        due_at=reminder.due_at,
        decided_at=now,
        expires_at=expires,
        status=RequestStatus.SKIPPED if skipped else RequestStatus.OPEN,
        reason=skipped,
        strategy_digest=plan.policy_digest,
    )


async def _ask(tx: Tx, steps: Sequence[ContactStep], house: House) -> None:
    if not steps:
        return
    fresh = await insert_steps(tx, list(steps))
    await keep_policies(tx, house.rulebook, {step.strategy_digest for step in steps})
    for step in steps:
        if step.request_id in fresh and step.status is RequestStatus.OPEN:
            emit(tx, emits.contact_requested(step, house.rulebook))
