"""What came of a contact takes effect: a promise, a hold, an appointment, or work for somebody else."""

from __future__ import annotations

from spine.database import Tx
from spine.events.contact_log import HardshipReported
from stager.domain.cases import stable_id
from stager.domain.completing import Completion
from stager.domain.tasks import Task, TaskState
from stager.emits.tasks import contact_of
from stager.handlers.promise_offers import Offer
from stager.handlers.promises import open_promise
from stager.handlers.said import SaidHold, hold_as_said, offer_plan, stop_for_danger
from stager.handlers.tasks import open_tasks
from stager.policy import House
from stager.store.flags import case_on_file


async def follow(tx: Tx, house: House, state: TaskState, said: Completion) -> None:
    """Does what the result leads to. The caller has locked the borrower."""
    rule = house.rulebook.work.on(house.today(tx.now)).policy.results[said.result]
    match rule.leads_to:
        case "hold" if rule.hold is not None:
            await _hold(tx, house, state, said, rule.hold)
        case "plan":
            await _offer_plan(tx, house, state, said)
        case "call_back":
            await _agree_call_back(tx, house, state, said)
        case "danger":
            await _call_trained(tx, house, state, said)
        case "promise":
            await _promise(tx, house, state, said)
        case "hold" | None:
            pass


async def _promise(tx: Tx, house: House, state: TaskState, said: Completion) -> None:
    offer = Offer(
        loan_id=said.loan_id,
        amount=said.amount or "",
        promised_on=said.promised_on,
        second_on=said.second_on,
        verified=said.verified,
        channel=said.channel,
        contact_id=contact_of(state.task.task_id),
        by=said.by[0],
        approved_by=said.approved_by,
        made_at=said.at,
    )
    await open_promise(tx, house, case_id=state.task.case_id, offer=offer, key=state.task.task_id)


async def _hold(tx: Tx, house: House, state: TaskState, said: Completion, kind: str) -> None:
    # What the log later tells of this contact has the same id, and changes nothing more.
    name = contact_of(state.task.task_id)
    at, by = said.at or tx.now, said.by[0]
    held = SaidHold(kind, state.task.borrower_id, said.loan_id, name, at, by=by)
    await hold_as_said(tx, house, [held])


async def _call_trained(tx: Tx, house: House, state: TaskState, said: Completion) -> None:
    """All automation stops for the person at once, and a trained person takes over."""
    await _hold(tx, house, state, said, "vulnerable")
    borrower_id = state.task.borrower_id
    case = await case_on_file(tx, borrower_id, said.loan_id)
    contact = contact_of(state.task.task_id)
    await stop_for_danger(tx, house, borrower_id, case, contact, said.result)


async def _offer_plan(tx: Tx, house: House, state: TaskState, said: Completion) -> None:
    fact = HardshipReported(
        borrower_id=state.task.borrower_id,
        loan_id=said.loan_id,
        contact_id=contact_of(state.task.task_id),
        at=said.at or tx.now,
    )
    await offer_plan(tx, house, fact)


async def _agree_call_back(tx: Tx, house: House, state: TaskState, said: Completion) -> None:
    task = state.task
    agreed = Task(
        task_id=stable_id("task", "call_back", task.task_id),
        kind="call_back",
        borrower_id=task.borrower_id,
        loan_id=said.loan_id,
        case_id=task.case_id,
        due_at=said.call_back_at or tx.now,
        stage=task.stage,
        reason=said.result,
        origin=task.task_id,
    )
    await open_tasks(tx, [agreed], house)
