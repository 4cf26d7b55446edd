"""Takes back what is no longer wanted: contacts that were asked for, and tasks that people were given for steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from spine.database import Tx
from spine.envelope import Envelope
from spine.outbox import emit
from stager.domain.cases import EndOfArrears
from stager.domain.tasks import TaskStatus
from stager.emits import cases as emits
from stager.handlers.tasks import end_tasks
from stager.store.requests import OpenRequest, open_requests, withdraw_requests, withdrawn_once_steps
from stager.store.steps import insert_again
from stager.store.tasks import lock_open_tasks

#: How arrears end, and the kinds of tasks that end with them; others are about what is left to settle.
_ENDS: Final = frozenset(EndOfArrears)
_OF_ARREARS: Final = frozenset({"call", "visit", "call_back", "preparation", "document", "referral"})
#: By loan: why its open requests are taken back, and the event that says so.
Reasons = Mapping[str, tuple[str, Envelope | None]]


async def withdraw(
    tx: Tx, reasons: Reasons, *, which: Callable[[OpenRequest], bool] = lambda _: True
) -> None:
    """Withdraws the open requests and the open tasks of steps of these loans; the caller has locked their
    borrowers.

    A contact that was also about other loans is taken back for all; what it was of theirs is decided anew.
    """
    if not reasons:
        return
    told: list[tuple[OpenRequest, str, Envelope | None]] = []
    for request in await open_requests(tx, list(reasons)):
        # A contact about several loans is asked for each: what stops it for one of them stops it.
        loans = [loan for loan in (request.loan_id, *request.covers) if loan in reasons]
        stopped = next((loan for loan in loans if which(replace(request, loan_id=loan))), None)
        if stopped is not None:
            told.append((request, *reasons[stopped]))
    if not told:
        return
    await withdraw_requests(tx, {request.request_id: reason for request, reason, _ in told})
    for request, reason, cause in told:
        if request.task_id is None:
            fact = emits.contact_withdrawn(request.borrower_id, request.loan_id, request.request_id, reason)
            emit(tx, fact, cause=cause)
    await _cancel_tasks(tx, told)
    shared = [request.request_id for request, _, _ in told if request.covers]
    if shared:
        again = await withdrawn_once_steps(tx, shared, tx.now)
        await insert_again(tx, [timer for timer in again if timer.loan_id not in reasons])


async def end_work(tx: Tx, reasons: Reasons) -> None:
    """Cancels what people were to do about arrears that have ended; the caller has locked the borrowers."""
    ended = {loan: reason for loan, reason in reasons.items() if reason[0] in _ENDS}
    if not ended:
        return
    for state in await lock_open_tasks(tx, ended, _OF_ARREARS):
        reason, cause = ended[state.task.loan_id]
        await end_tasks(tx, [state], TaskStatus.CANCELLED, reason, cause=cause)


async def _cancel_tasks(tx: Tx, told: Sequence[tuple[OpenRequest, str, Envelope | None]]) -> None:
    tasked = {request.task_id: (reason, cause) for request, reason, cause in told if request.task_id}
    if not tasked:
        return
    loans = {request.loan_id for request, _, _ in told if request.task_id}
    grouped = defaultdict(list)
    causes = {}
    for state in await lock_open_tasks(tx, loans):
        if state.task.task_id in tasked:
            reason, cause = tasked[state.task.task_id]
            key = (reason, cause.id if cause else None)
            grouped[key].append(state)
            causes[key] = cause
    for (reason, cause_id), states in grouped.items():
        await end_tasks(tx, states, TaskStatus.CANCELLED, reason, cause=causes[reason, cause_id])
