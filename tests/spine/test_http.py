"""The REST door: a token on every route, problem details, and bodies that end at their limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from spine.clock import FixedClock
from spine.database import Runtime, Tx, create_engine
from spine.errors import Conflict
from spine.http import MAX_BODY_BYTES, create_api
from spine.service import Due, Service
from tests.runtimes import SHANGHAI

TOKEN = "t" * 43
GOOD = {"Authorization": f"Bearer {TOKEN}"}


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


async def _never(_: Tx) -> Due:
    return Due(0, None)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    router = APIRouter()

    @router.post("/v1/things")
    async def make(body: Body) -> dict[str, str]:
        if body.name == "taken":
            raise Conflict("there is one already", id="x")
        return {"name": body.name}

    engine = create_engine("postgresql://nobody@127.0.0.1:1/none", name="test")
    runtime = Runtime("ledger", engine, FixedClock(datetime(2026, 1, 1, tzinfo=UTC)), SHANGHAI, 1)
    service = Service("ledger", "ledger.v1", (), (), router, "ledger", _never)
    app = create_api(service, runtime, token=TOKEN)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as it:
        yield it


@pytest.mark.parametrize(
    "path", ["/v1/things", "/metrics", "/openapi.json", "/nowhere", "/v1/gateways/x/receipts"]
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
async def test_every_path_wants_the_token(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_probes_need_no_token(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "database does not answer" in answer.json()["reasons"][0]


async def test_errors_are_problems_with_a_code(client: httpx.AsyncClient) -> None:
    answers = [
        await client.post("/v1/things", headers=GOOD, json={"name": "taken"}),
        await client.post("/v1/things", headers=GOOD, json={"name": 1}),
        await client.post("/v1/things", headers=GOOD, json={"name": "a", "status": "approved"}),
        await client.post("/v1/things", headers=GOOD, content=b"{"),
        await client.get("/nowhere", headers=GOOD),
        await client.get("/v1/things", headers=GOOD),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [
        (409, "conflict"),
        (422, "bad_request"),
        (422, "bad_request"),
        (422, "bad_request"),
        (404, "not_found"),
        (405, "method_not_allowed"),
    ]
    assert all(a.headers["content-type"] == "application/problem+json" for a in answers)
    assert answers[0].json()["id"] == "x" and "body.name" in answers[1].json()["detail"]


async def endless(chunks: int) -> AsyncIterator[bytes]:
    yield b'{"name": "'
    for _ in range(chunks):
        yield b"a" * 65_536


@pytest.mark.parametrize("told", [True, False])
async def test_a_body_ends_at_its_limit(client: httpx.AsyncClient, told: bool) -> None:
    body: Any = b" " * (MAX_BODY_BYTES + 1) if told else endless(20)
    answer = await client.post(
        "/v1/things", headers={**GOOD, "Content-Type": "application/json"}, content=body
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


async def test_the_openapi_document_tells_of_the_token(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json", headers=GOOD)).json()
    assert document["security"] == [{"token": []}]
    assert (
        "application/problem+json" in document["paths"]["/v1/things"]["post"]["responses"]["422"]["content"]
    )
