"""What tests of plans and waivers share: a case with a team, and requests over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import httpx

from spine.events.ledger import LoanOverdue
from spine.http import create_api
from tests.stager.figures import loan_overdue
from tests.stager.promising import team
from tests.stager.stand import Stand

DAY = timedelta(days=1)
TOKEN = "t" * 32
#: A Monday; the loan has been due since the 10th, so it is in S1 and 1,001.35 are overdue: 1.35 of it penalty.
TODAY = date(2026, 11, 23)


@asynccontextmanager
async def client_of(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as made:
        yield made


async def a_case(stager: Stand, overdue: LoanOverdue | None = None) -> str:
    """A loan in its stage on the Monday at noon, and a team."""
    await team(stager, anna=["collector"], lea=["lead"], leo=["lead"], cora=["compliance"])
    await stager.tell(overdue or loan_overdue(as_of=TODAY))
    await stager.close(TODAY - DAY)
    stager.set_time(stager.local(TODAY, 12))
    [entered] = await stager.said("stage.entered.v1")
    return str(entered["case_id"])


async def post(
    client: httpx.AsyncClient, path: str, status: int, *, key: str | None = None, **body: Any
) -> Any:
    """Posts a body and answers what comes back with the status that was expected."""
    headers = {"Idempotency-Key": key} if key is not None else {}
    response = await client.post(path, json=body, headers=headers)
    assert response.status_code == status, response.text
    return response.json()


async def get(client: httpx.AsyncClient, path: str, status: int = 200) -> Any:
    response = await client.get(path)
    assert response.status_code == status, response.text
    return response.json()


async def holding(stager: Stand) -> list[str]:
    """The kinds of holds that are open."""
    return [
        row.kind for row in await stager.rows("SELECT kind FROM hold WHERE lifted_at IS NULL ORDER BY kind")
    ]
