"""What tests of holds share: the REST door, members of the team, and holds placed, lifted and extended there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

from spine.http import create_api
from tests.stager.figures import DUE_ON, loan_overdue
from tests.stager.promising import team
from tests.stager.stand import Stand

DAY = timedelta(days=1)
TODAY = DUE_ON + 31 * DAY
TOKEN = "t" * 32


@dataclass
class Holder:
    """A stager with its REST door; anna collects, lena leads, carl is of compliance."""

    stager: Stand
    client: httpx.AsyncClient

    async def post(self, path: str, status: int, body: Mapping[str, Any], key: str | None = None) -> Any:
        """Posts and returns the answer, which must have this status."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        response = await self.client.post(path, json=dict(body), headers=headers)
        assert response.status_code == status, response.text
        return response.json()

    async def hold_person(self, kind: str, status: int = 201, *, key: str | None = None, **body: Any) -> Any:
        """Holds borrower B1, as compliance."""
        asked = {"kind": kind, "by": "carl", "reason": "was told", **body}
        return await self.post("/v1/borrowers/B1/holds", status, asked, key)

    async def hold_loan(
        self, kind: str, status: int = 201, *, loan: str = "L1", key: str | None = None, **body: Any
    ) -> Any:
        """Holds a loan, as compliance."""
        asked = {"kind": kind, "by": "carl", "reason": "was told", **body}
        return await self.post(f"/v1/loans/{loan}/holds", status, asked, key)

    async def lift(self, hold_id: str, status: int = 200, **body: Any) -> Any:
        """Lifts a hold, as compliance."""
        asked = {"by": "carl", "reason": "is over", **body}
        return await self.post(f"/v1/holds/{hold_id}/lift", status, asked)

    async def extend(self, hold_id: str, status: int = 200, **body: Any) -> Any:
        """Extends a hold, as compliance."""
        return await self.post(f"/v1/holds/{hold_id}/extend", status, {"by": "carl", **body})

    async def told(self) -> list[tuple[str, str, str]]:
        """What was told of holds: (placed or lifted, loan, kind)."""
        types = [type_.split(".")[1] for type_ in await self.stager.types() if type_.startswith("hold.")]
        facts = await self.stager.said("hold.placed.v1", "hold.lifted.v1")
        return [(type_, fact["loan_id"], fact["kind"]) for type_, fact in zip(types, facts, strict=True)]


@asynccontextmanager
async def holder_at(stager: Stand) -> AsyncIterator[Holder]:
    """The door of a stager, and its team."""
    await team(
        stager, anna=["collector"], lena=["lead"], carl=["compliance"], theo=["analyst"], aga=["agency"]
    )
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield Holder(stager, client)


async def in_arrears(stager: Stand, *loans: str, as_of: date = TODAY) -> None:
    """Loans of B1 that have just entered S2; it is nine in the morning."""
    await stager.tell(*(loan_overdue(loan, as_of=as_of) for loan in loans))
    await stager.close(as_of - DAY)
    stager.set_time(stager.local(as_of, 9))
