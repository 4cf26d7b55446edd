"""People at work: a team, cases and tasks, and the REST door through which they act."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import httpx

from spine.database import Tx
from spine.http import create_api
from stager.domain.cases import stable_id
from stager.domain.tasks import Task
from stager.handlers.tasks import open_tasks
from stager.policy import House
from stager.store.parties import lock_parties
from tests.stager.figures import DUE_ON, loan_overdue
from tests.stager.stand import Stand

DAY = timedelta(days=1)
TOKEN = "t" * 32


def house_of(stager: Stand) -> House:
    """The rules the stager under test goes by."""
    house: House = stager.service.state["house"]
    return house


@dataclass
class Desk:
    """A stager with its REST door, and shorthands for what people do there."""

    stager: Stand
    client: httpx.AsyncClient
    #: The first lead of the team, who makes the others members.
    lead: str | None = None

    @property
    def day(self) -> date:
        """The business date on which the cases of `a_case` are worked: a Monday, five days past due."""
        return DUE_ON + 6 * DAY

    def at(self, hour: int, minute: int = 0, days: int = 0) -> datetime:
        """A local time of that day, or of one after."""
        return self.stager.local(self.day + days * DAY, hour, minute)

    async def call(
        self, method: str, path: str, body: object = None, status: int = 200, **headers: str
    ) -> Any:
        """The answer to a request that must have this status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.client.request(method, path, json=body, headers=named)
        assert response.status_code == status, response.text
        return response.json()

    async def post(self, path: str, body: object, status: int = 200, **headers: str) -> Any:
        """The answer to a POST."""
        return await self.call("POST", path, body, status, **headers)

    async def get(self, path: str, status: int = 200, **headers: str) -> Any:
        """The answer to a GET."""
        return await self.call("GET", path, None, status, **headers)

    async def member(self, member_id: str, *, status: int = 201, **facts: Any) -> Any:
        """A member of the team, a collector with room for ten unless said otherwise."""
        body = {"roles": ["collector"], "capacity": 10, "by": self.lead or member_id, **facts}
        made = await self.call("PUT", f"/v1/team/members/{member_id}", body, status)
        if status < 300 and "lead" in body["roles"]:
            self.lead = self.lead or member_id
        return made

    async def a_case(self, loan_id: str = "L1", borrower_id: str = "B1", days: int = 6) -> str:
        """A case of a borrower, so many days past due; the clock stands at nine on that day."""
        as_of = DUE_ON + days * DAY
        await self.stager.tell(loan_overdue(loan_id, borrower_id, as_of=as_of))
        await self.stager.close(as_of - DAY)
        self.stager.set_time(self.stager.local(as_of, 9))
        [row] = await self.stager.rows(
            "SELECT case_id FROM collection_case WHERE borrower_id = :b", b=borrower_id
        )
        return str(row.case_id)

    async def a_task(self, case_id: str, kind: str = "call", **facts: Any) -> str:
        """Opens a task for the only loan of a case, due at ten."""
        [row] = await self.stager.rows(
            "SELECT loan_id, borrower_id FROM episode WHERE case_id = :c LIMIT 1", c=case_id
        )
        self.stager.told += 1
        task = Task(
            **{
                "task_id": stable_id("task", "test", self.stager.told),
                "kind": kind,
                "borrower_id": row.borrower_id,
                "loan_id": row.loan_id,
                "case_id": case_id,
                "due_at": self.at(10),
                "stage": "S1",
                **facts,
            }
        )

        async def work(tx: Tx) -> None:
            await lock_parties(tx, [task.borrower_id], self.stager.runtime.zone)
            await open_tasks(tx, [task], house_of(self.stager))

        await self.stager.runtime.run(work)
        return task.task_id

    async def listed(self, query: str = "", **headers: str) -> list[str]:
        """The ids of a page of tasks."""
        found = await self.get(f"/v1/tasks?{query}", 200, **headers)
        return [item["task_id"] for item in found["items"]]


@asynccontextmanager
async def desk_of(stager: Stand) -> AsyncIterator[Desk]:
    """The REST door of a stager under test."""
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield Desk(stager, client)
