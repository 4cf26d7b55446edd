"""Why: every action keeps what it rests on, made again it comes out the same, and what was changed shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from spine.events.notifier import MessageAccepted
from spine.http import create_api
from tests.stager.figures import DUE_ON, loan_overdue
from tests.stager.stand import Stand, stand
from tests.stager.treatment import answer, write_strategy

DAY = timedelta(days=1)
ENTERED = DUE_ON + DAY
TOKEN = "t" * 32


@pytest.fixture
async def stager(
    make_database: Callable[[], Awaitable[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stand]:
    monkeypatch.setenv("TACT_POLICY_DIR", str(write_strategy(tmp_path / "policies")))
    async with stand(make_database) as made:
        yield made


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as made:
        yield made


async def get(client: httpx.AsyncClient, path: str, status: int = 200) -> Any:
    response = await client.get(path)
    assert response.status_code == status, response.text
    return response.json()


async def contacted(stager: Stand) -> str:
    """Two loans of a person whose first text has gone out and whose call is given to somebody."""
    stager.set_time(stager.local(ENTERED, 0, 5))
    await stager.tell(loan_overdue("L1", "B1"), loan_overdue("L2", "B1"))
    await stager.close(DUE_ON)
    await stager.at(stager.local(ENTERED, 10))
    [request] = await stager.said("contact.requested.v1")
    await answer(stager, MessageAccepted, request)
    await stager.at(stager.local(ENTERED, 12))
    [case] = await stager.rows("SELECT case_id FROM collection_case")
    return str(case.case_id)


async def test_a_case_tells_all_its_actions_newest_first(stager: Stand, client: httpx.AsyncClient) -> None:
    why = await get(client, f"/v1/cases/{await contacted(stager)}/why")
    assert why["agrees"] is True
    told = [(a["kind"], a["loan_id"], a["rule"], a["verdict"]) for a in why["actions"]]
    assert told[0] == ("step", "L1", "S1.first-call/tasked", "tasked")
    assert sorted(told[1:]) == [
        ("preparation", "L1", "ready", "ready"),
        ("preparation", "L2", "ready", "ready"),
        ("step", "L1", "S1.warm/asked", "asked"),
        ("step", "L2", "S1.warm/covered_by", "skipped"),
    ]
    assert all(a["recomputed_rule"] == a["rule"] and a["differences"] == [] for a in why["actions"])


async def test_its_pages_hang_together(stager: Stand, client: httpx.AsyncClient) -> None:
    path = f"/v1/cases/{await contacted(stager)}/why"
    whole = await get(client, path)
    found, cursor = [], ""
    for _ in range(10):
        page = await get(client, f"{path}?limit=2{cursor}")
        assert len(page["actions"]) <= 2
        found += page["actions"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor'].replace('+', '%2B')}"
    assert found == whole["actions"] and len(found) == 5
    assert whole["next_cursor"] is None
    await get(client, f"{path}?cursor=2026-13-45T00:00:00Z~{'0' * 36}", 422)
    await get(client, f"{path}?cursor=nonsense", 422)


async def test_a_request_and_a_task_tell_why(stager: Stand, client: httpx.AsyncClient) -> None:
    await contacted(stager)
    [request] = await stager.said("contact.requested.v1")
    [task] = await stager.said("task.opened.v1")
    asked = await get(client, f"/v1/requests/{request['request_id']}/why")
    assert asked["agrees"] and asked["decisions"][0]["facts"]["covers"] == [
        {"loan_id": "L2", "stage": "S1", "step": "warm"}
    ]
    given = await get(client, f"/v1/tasks/{task['task_id']}/why")
    assert given["agrees"] and given["decisions"][0]["rule"] == "S1.first-call/tasked"
    await get(client, "/v1/requests/nothing/why", 404)
    await get(client, "/v1/tasks/nothing/why", 404)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("UPDATE decision SET facts = replace(facts, '100135', '100')", "the stored facts are not those"),
        ("UPDATE decision SET rule = 'S1.warm/skipped'", "rule: S1.warm/asked comes out"),
        ("UPDATE decision SET verdict = 'skipped'", "verdict: asked comes out"),
        ("UPDATE decision SET engine = 'steps/0'", "decided by engine steps/0"),
        ("DELETE FROM policy WHERE kind = 'strategy'", "is not kept"),
        (
            "UPDATE policy SET body = replace(body, 's1-warm-sms', 'x') WHERE kind = 'strategy'",
            "the kept text of policy",
        ),
    ],
)
async def test_what_was_changed_shows(
    stager: Stand, client: httpx.AsyncClient, change: str, difference: str
) -> None:
    await contacted(stager)
    [request] = await stager.said("contact.requested.v1")
    async with stager.runtime.transaction() as tx:
        await tx.execute(change)
    why = await get(client, f"/v1/requests/{request['request_id']}/why")
    assert why["agrees"] is False
    assert any(difference in found for found in why["decisions"][0]["differences"])
