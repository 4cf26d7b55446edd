"""Steps that have come due: each is decided by the facts of now, and asks for a contact or says why not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from spine.database import Runtime, Tx
from spine.failpoints import failpoint
from spine.outbox import emit
from stager.domain.cases import ContactStep, RequestStatus, StepTimer, stable_id
from stager.domain.planning import Planned
from stager.domain.steps import StepDecision, StepFacts, decide_step
from stager.emits import cases as emits
from stager.policy import House
from stager.store.holds import active_holds
from stager.store.policies import keep_policies
from stager.store.requests import insert_steps
from stager.store.steps import PlannedStep, drop_timers, due_steps, lock_due_borrowers, move_timers


async def take_due_steps(runtime: Runtime, house: House, batch: int) -> int:
    """Decides one batch of due steps; returns how many there were."""

    async def work(tx: Tx) -> int:
        borrowers = await lock_due_borrowers(tx, batch)
        if not borrowers:
            return 0
        planned = await due_steps(tx, borrowers, house.zone)
        await _decide(tx, planned, borrowers, house)
        failpoint("stager.before_steps_commit")
        return len(planned)

    return await runtime.run(work)


async def _decide(tx: Tx, planned: Sequence[PlannedStep], borrowers: Sequence[str], house: House) -> None:
    today = house.today(tx.now)
    strategy, holds = house.rulebook.strategies.on(today), house.rulebook.holds.on(today)
    active: dict[str, set[str]] = defaultdict(set)
    for hold in await active_holds(tx, borrowers):
        if hold.is_active(tx.now):
            active[hold.loan_id].add(hold.kind)
    steps: list[ContactStep] = []
    moved: list[StepTimer] = []
    dropped: list[StepTimer] = []
    for one in planned:
        timer = one.timer
        facts = StepFacts(
            step_id=timer.step,
            due=Planned(timer.occurrence, timer.due_at),
            stage=one.stage,
            from_on=one.steps_from_on,
            holds=active[timer.loan_id],
            stopped=one.stopped,
            zone=one.zone,
        )
        decision = decide_step(facts, strategy.policy, holds.policy, tx.now)
        if decision is not None:
            steps.append(_contact_step(one, decision, tx, strategy.digest))
        following = decision.following if decision is not None else None
        if following is None:
            dropped.append(timer)
        else:
            moved.append(replace(timer, occurrence=following.occurrence, due_at=following.due_at))
    await move_timers(tx, moved)
    await drop_timers(tx, dropped)
    await _ask(tx, steps, house)


def _contact_step(planned: PlannedStep, decision: StepDecision, tx: Tx, digest: str) -> ContactStep:
    timer, step = planned.timer, decision.step
    return ContactStep(
        request_id=stable_id(
            "request", timer.loan_id, timer.episode, timer.entry_no, step.id, decision.due.occurrence
        ),
        loan_id=timer.loan_id,
        episode=timer.episode,
        entry_no=timer.entry_no,
        step=step.id,
        occurrence=decision.due.occurrence,
        borrower_id=timer.borrower_id,
        case_id=planned.case_id,
        stage=planned.stage or "",
        channel=step.channel,
        template=step.template or "",
        purpose=step.purpose,
        due_at=decision.due.due_at,
        decided_at=tx.now,
        expires_at=decision.expires_at,
        status=RequestStatus.SKIPPED if decision.skipped else RequestStatus.OPEN,
        reason=decision.skipped,
        strategy_digest=digest,
    )


async def _ask(tx: Tx, steps: Sequence[ContactStep], house: House) -> None:
    """Keeps the decisions and asks for the contacts; what was decided before is not asked for again."""
    if not steps:
        return
    fresh = await insert_steps(tx, steps)
    await keep_policies(tx, house.rulebook, {step.strategy_digest for step in steps})
    for step in steps:
        if step.request_id in fresh and step.status is RequestStatus.OPEN:
            emit(tx, emits.contact_requested(step, house.rulebook))
