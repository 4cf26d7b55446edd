"""A contact was permitted and nobody said what came of it: it counts as made, and a person finds out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from spine.database import Tx
from spine.envelope import Envelope
from spine.events.notifier import PermitUnreported
from stager.domain.cases import stable_id
from stager.domain.tasks import Task
from stager.handlers.tasks import open_tasks
from stager.policy import House
from stager.store.flags import case_on_file

_KIND: Final = "human_review"


async def ask_for_outcomes(tx: Tx, house: House, told: Sequence[tuple[PermitUnreported, Envelope]]) -> None:
    """One task for each permit. The caller has locked the borrowers."""
    tasks, causes = [], {}
    for permit, cause in told:
        case = await case_on_file(tx, permit.borrower_id, permit.loan_id)
        task = Task(
            task_id=stable_id("task", _KIND, permit.permit_id),
            kind=_KIND,
            borrower_id=permit.borrower_id,
            loan_id=permit.loan_id,
            case_id=case.case_id,
            due_at=tx.now,
            reason="permit_unreported",
            origin=permit.permit_id,
        )
        tasks.append(task)
        causes[task.task_id] = cause
    await open_tasks(tx, tasks, house, causes)
