"""What was decided of steps is kept with its reasons, and asked for: of the notifier, or of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from spine.database import Tx
from spine.outbox import emit
from stager.domain.cases import ContactStep, RequestStatus, StepTimer, stable_id
from stager.domain.decision import Decision, decided
from stager.domain.steps import ENGINE, StepDecision, StepFacts, Verdict
from stager.domain.tasks import Task, TaskState, TaskStatus
from stager.emits import cases as emits
from stager.handlers.tasks import end_tasks, open_tasks
from stager.policy import House
from stager.store.decisions import keep_decisions
from stager.store.policies import keep_policies
from stager.store.requests import insert_steps, open_requests, withdraw_requests
from stager.store.tasks import lock_open_tasks

SUBJECT: Final = "step"
#: Why a task ended that the next one of its kind took the place of.
OVERTAKEN: Final = "overtaken"
_SPOKEN: Final = frozenset({"call", "visit"})
_STATUS: Final = {
    Verdict.ASKED: RequestStatus.OPEN,
    Verdict.TASKED: RequestStatus.TASKED,
    Verdict.SKIPPED: RequestStatus.SKIPPED,
}


@dataclass(frozen=True, slots=True)
class DecidedStep:
    """One occurrence of a step, decided. `digests`: of strategy, stages, holds and contact rules."""

    request_id: str
    timer: StepTimer
    case_id: str
    stage: str
    facts: StepFacts
    decision: StepDecision
    digests: tuple[str, str, str, str]


async def carry_out(tx: Tx, steps: Sequence[DecidedStep], house: House) -> None:
    """Keeps the decisions and asks for the contacts; what was decided before is not asked for again."""
    if not steps:
        return
    kept = {step.request_id: _contact_step(step) for step in steps}
    fresh = await insert_steps(tx, list(kept.values()))
    await keep_policies(tx, house.rulebook, {digest for step in steps for digest in step.digests})
    new = [step for step in steps if step.request_id in fresh]
    await keep_decisions(tx, [_decision(step) for step in new])
    tasks = [_task(step, kept[step.request_id]) for step in new if step.decision.verdict is Verdict.TASKED]
    await _overtake(tx, tasks)
    await open_tasks(tx, tasks, house)
    for step in new:
        if step.decision.verdict is Verdict.ASKED:
            emit(tx, emits.contact_requested(kept[step.request_id], house.rulebook))


async def _overtake(tx: Tx, tasks: Sequence[Task]) -> None:
    """What nobody has done by the time the next one is due is one conversation, not one for each time it was due.

    What somebody has in hand, or the person was told of, stays.
    """
    wanted = {(task.loan_id, task.kind): task.task_id for task in tasks if task.kind in _SPOKEN}
    if not wanted:
        return
    loans = {loan for loan, _ in wanted}
    overtaken = [s for s in await lock_open_tasks(tx, loans, _SPOKEN) if _is_overtaken(s, wanted)]
    if not overtaken:
        return
    ended = await end_tasks(tx, overtaken, TaskStatus.EXPIRED, OVERTAKEN)
    # The steps they were of wait for them no longer.
    waiting = [request for request in await open_requests(tx, sorted(loans)) if request.task_id in ended]
    await withdraw_requests(tx, {request.request_id: OVERTAKEN for request in waiting})


def _is_overtaken(state: TaskState, wanted: Mapping[tuple[str, str], str]) -> bool:
    task = state.task
    newer = wanted.get((task.loan_id, task.kind))
    is_free = not state.claimed_by and state.notice_at is None
    return is_free and task.origin == SUBJECT and newer is not None and newer != task.task_id


def _contact_step(step: DecidedStep) -> ContactStep:
    timer, decision = step.timer, step.decision
    tasked = decision.verdict is Verdict.TASKED
    return ContactStep(
        request_id=step.request_id,
        loan_id=timer.loan_id,
        episode=timer.episode,
        entry_no=timer.entry_no,
        step=timer.step,
        occurrence=decision.due.occurrence,
        borrower_id=timer.borrower_id,
        case_id=step.case_id,
        stage=step.stage,
        channel=decision.channel,
        template=decision.template,
        purpose=decision.step.purpose,
        due_at=decision.due.due_at,
        decided_at=step.facts.now,
        expires_at=decision.expires_at,
        status=_STATUS[decision.verdict],
        reason=decision.reason,
        strategy_digest=step.digests[0],
        covers=tuple(covered.loan_id for covered in step.facts.covers),
        covered_by=step.facts.covered_by,
        task_id=stable_id("task", SUBJECT, step.request_id) if tasked else None,
    )


def _decision(step: DecidedStep) -> Decision:
    return decided(
        SUBJECT,
        step.request_id,
        borrower_id=step.timer.borrower_id,
        loan_id=step.timer.loan_id,
        engine=ENGINE,
        rule=step.decision.rule,
        verdict=step.decision.verdict,
        facts=step.facts,
        policy_digests=step.digests,
        decided_at=step.facts.now,
    )


def _task(step: DecidedStep, kept: ContactStep) -> Task:
    """The slot is the time to do it in: what is not done when it closes is late."""
    plan = step.decision.step
    return Task(
        task_id=kept.task_id or "",
        kind=plan.task_kind,
        borrower_id=kept.borrower_id,
        loan_id=kept.loan_id,
        case_id=kept.case_id,
        due_at=kept.due_at,
        sla_at=kept.expires_at,
        stage=kept.stage,
        step=kept.step,
        people=plan.people,
        skill=plan.skill,
        origin=SUBJECT,
    )
