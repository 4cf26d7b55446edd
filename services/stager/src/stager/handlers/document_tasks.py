"""A task to send a document is done once there is one: whoever completes it is told what to make first."""

from __future__ import annotations

from typing import Final

from spine.database import Tx
from stager.domain.task_rules import DocumentMissing
from stager.domain.tasks import Task
from stager.store.documents import was_made
from stager.store.requests import document_of_task

_KIND: Final = "document"


async def check_document(tx: Tx, task: Task) -> None:
    """Raises DocumentMissing for a task of a document that was not made in the episode. The borrower is locked."""
    if task.kind != _KIND:
        return
    wanted = await document_of_task(tx, task.task_id)
    if not await was_made(tx, task.loan_id, wanted):
        what = wanted or "a document"
        raise DocumentMissing(
            f"make {what} of loan {task.loan_id} first: POST /v1/cases/{task.case_id}/documents",
            task_id=task.task_id,
            loan_id=task.loan_id,
            document=wanted,
        )
