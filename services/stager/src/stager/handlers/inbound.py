"""What a borrower wrote to us and no rule understands is for a person to read, while an answer is a reply."""

from __future__ import annotations

from collections.abc import Sequence

from spine.database import Tx
from spine.events.replies import InboundReceived
from spine.service import Received
from stager.domain.cases import stable_id
from stager.domain.tasks import Task
from stager.handlers.tasks import open_tasks
from stager.policy import House
from stager.store.flags import open_cases


async def read_by_person(tx: Tx, events: Sequence[Received], house: House) -> None:
    """A task for each text whose meaning is not known, once; an opt-out is in force already and a sign of danger
    comes by the contact log. The caller has locked the borrowers."""
    said = [
        (received.event, received.envelope)
        for received in events
        if isinstance(received.event, InboundReceived) and received.event.meaning == "other"
    ]
    if not said:
        return
    cases = await open_cases(tx, [fact.borrower_id for fact, _ in said])
    tasks, causes = [], {}
    for fact, envelope in said:
        case = cases.get(fact.borrower_id)
        if case is None:
            continue
        task = Task(
            task_id=stable_id("task", "human_review", fact.contact_id),
            kind="human_review",
            borrower_id=fact.borrower_id,
            loan_id=case.loans[0],
            case_id=case.case_id,
            due_at=tx.now,
            reason="inbound_message",
            origin=fact.contact_id,
        )
        tasks.append(task)
        causes[task.task_id] = envelope
    await open_tasks(tx, tasks, house, causes)
