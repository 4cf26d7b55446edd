"""What people on the floor do besides calling: letters with proof of delivery, visits, cases given to others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.system.portfolio import ZONE
from tests.system.stories import Tale


async def deliver(t: Tale, kind: str, proof_ref: str) -> Any:
    """The letter of an open task is made, delivered by registered post, and the task done; the document."""
    task_id, by = await t.claim("document")
    path = f"/v1/cases/{await t.case_id()}/documents"
    made = await t.act(path, status=201, kind=kind, loan_id=t.loan, by=by)
    proof = {"way": "registered_letter", "proof_ref": proof_ref, "delivered_at": t.now.isoformat()}
    await t.act(f"{path}/{made['document_id']}/delivery", status=201, by=by, **proof)
    await t.act(f"/v1/tasks/{task_id}/complete", by=[by])
    return made


async def announce_visit(t: Tale) -> str:
    """The borrower is told of the visit of the only open task; its id."""
    [task] = await t.tasks("visit")
    path = f"/v1/tasks/{task['task_id']}/notice"
    noticed = await t.act(path, by=task["assignee"], at=t.now.isoformat())
    assert noticed["notice_at"] is not None
    return str(task["task_id"])


async def visit(t: Tale, task_id: str, agents: list[str], outcome: str, **said: Any) -> Any:
    """A visit that was announced, as two agents make it: claimed by both, permitted by the gate, reported."""
    task = await t.ask(f"/v1/tasks/{task_id}")
    for agent in sorted(agents, key=lambda agent: agent != task["assignee"]):
        await t.act(f"/v1/tasks/{task_id}/claim", by=agent)
    asked = {
        "borrower_id": t.borrower,
        "loan_id": t.loan,
        "channel": "visit",
        "purpose": "collection",
        "stage": (await t.case())["stage"],
        "by": task["assignee"],
        "agents": agents,
        "visit_notice_at": task["notice_at"],
        "task_id": task_id,
    }
    permit = await t.call("notifier", "POST", "/v1/permits", asked, status=201)
    done = await t.act(
        f"/v1/tasks/{task_id}/complete",
        by=agents,
        outcome=outcome,
        at=t.now.isoformat(),
        permit_id=permit["permit_id"],
        verified=True,
        recording_ref=f"rec-{task_id}",
        **said,
    )
    assert done["status"] == "done" and not done["completion"].get("flags"), done
    t.spoken.append(task_id)
    return done


async def hold(t: Tale, kind: str, *, by: str, reason: str) -> None:
    """A person places a hold on the loan."""
    body = {"kind": kind, "loan_id": t.loan, "by": by, "reason": reason}
    path = f"/v1/cases/{await t.case_id()}/holds"
    await t.call("stager", "POST", path, body, status=201, key=f"{t.name}-{kind}")
    await t.rest()


async def take_on(t: Tale, agency_id: str, member_id: str) -> None:
    """An agency that may be given cases, and one of its people."""
    agency = {"name": agency_id, "status": "active", "listed": True, "reviewed_on": "2026-08-01", "by": "lea"}
    await t.call("stager", "PUT", f"/v1/agencies/{agency_id}", agency, status=201)
    member = {"roles": ["agency"], "agency_id": agency_id, "by": "lea"}
    await t.call("stager", "PUT", f"/v1/team/members/{member_id}", member, status=201)


async def spoken_of(t: Tale) -> list[tuple[str, str, str]]:
    """Calls and visits in the contact log, oldest first: local minute, channel, outcome."""
    path = f"/v1/borrowers/{t.borrower}/timeline?limit=500"
    timeline = await t.call("contact-log", "GET", path)
    return [
        (
            f"{datetime.fromisoformat(item['at']).astimezone(ZONE):%m-%d %H:%M}",
            item["channel"],
            item["outcome"],
        )
        for item in reversed(timeline["items"])
        if item["channel"] in ("call", "visit")
    ]
