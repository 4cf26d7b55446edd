"""The simulated gateway speaks the protocol, keeps its own record and misbehaves as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.tact.simulator.running import NOON, Running, running_simulator, serving

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw=="
RECORD_FIELDS = [
    "received_at",
    "received_wall",
    "client_ref",
    "channel",
    "to",
    "body",
    "idempotency_key",
    "not_after",
    "outcome",
    "replied",
]


def message(ref: str, **fields: Any) -> dict[str, Any]:
    late = (NOON + timedelta(hours=1)).isoformat()
    return {
        "client_ref": ref,
        "channel": "sms",
        "to": "13800001234",
        "body": "hi",
        "not_after": late,
    } | fields


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    at = datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", at, body.decode())
    stamp = str(int(at.timestamp()))
    return {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}


async def post(running: Running, *messages: dict[str, Any], key: str | None = None) -> httpx.Response:
    return await post_to(running.url, *messages, key=key)


async def post_to(url: str, *messages: dict[str, Any], key: str | None = None) -> httpx.Response:
    body = json.dumps({"messages": messages}).encode()
    headers = signed(body) | ({"idempotency-key": key} if key else {})
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{url}/v1/messages", content=body, headers=headers)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_simulator(tmp_path / "gateway.ndjson", SECRET) as running:
        yield running


class Inbox:
    """A receiver of receipts that can refuse for a while."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[dict[str, Any]]]] = []
        self.refusals = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        Webhook(SECRET).verify(body, dict(request.headers))
        self.refusals -= 1
        if self.refusals < 0:
            self.batches.append((request.headers["webhook-id"], json.loads(body)["receipts"]))
        await Response(status_code=503 if self.refusals >= 0 else 204)(scope, receive, send)


async def test_an_accepted_message_is_answered_and_recorded_with_exactly_the_agreed_fields(
    gateway: Running,
) -> None:
    answer = await post(gateway, message("m1-1"), key="k1")
    assert answer.status_code == 202
    (result,) = answer.json()["results"]
    assert (result["client_ref"], result["status"]) == ("m1-1", "accepted")
    line = json.loads(gateway.record.read_text())
    assert list(line) == RECORD_FIELDS
    assert line["received_at"] == "2026-11-24T04:00:00Z"
    assert (line["outcome"], line["replied"], line["idempotency_key"]) == ("accepted", True, "k1")


@pytest.mark.parametrize("secret", ["whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXI=", None])
async def test_an_unsigned_or_wrongly_signed_request_is_refused_and_not_recorded(
    gateway: Running, secret: str | None
) -> None:
    body = json.dumps({"messages": [message("m1-1")]}).encode()
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{gateway.url}/v1/messages", content=body, headers=signed(body, secret) if secret else {}
        )
    assert answer.status_code == 401
    assert gateway.lines() == []


@pytest.mark.parametrize(
    "messages",
    [[], [{"client_ref": "m"}], [message("m", not_after="2026-11-24T05:00:00")], [message("m", to=5)]],
)
async def test_a_malformed_request_is_refused_and_not_recorded(
    gateway: Running, messages: list[dict[str, Any]]
) -> None:
    assert (await post(gateway, *messages)).status_code == 400
    assert gateway.lines() == []


async def test_the_same_key_gives_the_same_answer_and_one_message(gateway: Running) -> None:
    first = await post(gateway, message("m1-1"), key="k1")
    again = await post(gateway, message("m1-1"), key="k1")
    assert again.json() == first.json()
    assert [line.outcome for line in gateway.lines()] == ["accepted", "duplicate"]


async def test_without_idempotency_a_repeated_request_is_a_second_message(gateway: Running) -> None:
    await gateway.behave(honours_idempotency=False)
    ids = {(await post(gateway, message("m1-1"), key="k1")).json()["results"][0]["gateway_id"] for _ in "12"}
    assert len(ids) == 2
    assert [line.outcome for line in gateway.lines()] == ["accepted", "accepted"]


async def test_a_restart_forgets_nothing_that_was_accepted(tmp_path: Path) -> None:
    answers = []
    for _ in range(2):
        async with running_simulator(tmp_path / "gateway.ndjson", SECRET) as running:
            answers.append((await post(running, message("m1-1"), key="k1")).json())
            outcomes = [line.outcome for line in running.lines()]
    assert answers[0] == answers[1]
    assert outcomes == ["accepted", "duplicate"]


@pytest.mark.parametrize(("seconds", "outcome"), [(0, "dropped"), (1, "accepted")])
async def test_what_is_past_not_after_is_dropped(gateway: Running, seconds: int, outcome: str) -> None:
    not_after = (NOON + timedelta(seconds=seconds)).isoformat()
    answer = await post(gateway, message("m1-1", not_after=not_after))
    assert [line.outcome for line in gateway.lines()] == [outcome]
    assert answer.json()["results"][0]["status"] == ("accepted" if seconds else "rejected")


async def test_the_share_to_reject_is_met_and_a_repetition_gives_the_same(gateway: Running) -> None:
    await gateway.behave(reject_share=0.3)
    messages = [message(f"m{n}-1") for n in range(400)]
    statuses = [[r["status"] for r in (await post(gateway, *messages)).json()["results"]] for _ in range(2)]
    assert statuses[0] == statuses[1]
    assert 80 < statuses[0].count("rejected") < 160


async def test_receipts_are_signed_batched_and_pending_until_taken(tmp_path: Path) -> None:
    inbox = Inbox()
    inbox.refusals = 2
    async with (
        serving(inbox) as url,
        running_simulator(tmp_path / "gateway.ndjson", SECRET, receipts_url=url) as running,
        httpx.AsyncClient(trust_env=False, base_url=running.url) as client,
    ):
        await running.behave(receipt_copies=2)
        await post(running, message("m1-1"), message("m2-1"))
        assert (await client.get("/v1/pending")).json() == {"pending": 4}
        while (await client.get("/v1/pending")).json()["pending"]:
            await asyncio.sleep(0.01)
    ((_, receipts),) = inbox.batches
    assert [receipt["client_ref"] for receipt in receipts] == ["m1-1", "m1-1", "m2-1", "m2-1"]
    assert {receipt["status"] for receipt in receipts} == {"delivered"}
    assert {receipt["at"] for receipt in receipts} == {"2026-11-24T04:00:00Z"}


async def test_a_receipt_may_come_before_the_reply(tmp_path: Path) -> None:
    inbox = Inbox()
    async with (
        serving(inbox) as url,
        running_simulator(tmp_path / "gateway.ndjson", SECRET, receipts_url=url) as running,
    ):
        await running.behave(receipt_before_reply=True, receipt_delay_s=60)
        await post(running, message("m1-1"))
        assert len(inbox.batches) == 1


async def test_a_fault_strikes_only_so_many_requests(gateway: Running) -> None:
    await gateway.behave(fault="accept_then_500", fault_requests=1)
    statuses = [(await post(gateway, message(f"m{n}-1"))).status_code for n in range(2)]
    assert statuses == [500, 202]
    assert [(line.outcome, line.replied) for line in gateway.lines()] == [
        ("accepted", False),
        ("accepted", True),
    ]


async def test_a_query_lags_as_told_and_then_tells_what_became_of_the_message(gateway: Running) -> None:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"{gateway.url}/v1/messages?client_ref=m1-1", headers=signed(b""))

    assert (await ask()).status_code == 404
    await post(gateway, message("m1-1"))
    assert (await ask()).json()["status"] == "accepted"
    await gateway.behave(query_lag_s=60)
    assert (await ask()).status_code == 404


async def test_an_unknown_misbehaviour_is_refused_by_name(gateway: Running) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{gateway.url}/v1/behaviour", json={"reject_shares": 1})
    assert answer.status_code == 422
    assert "reject_shares" in answer.json()["detail"]
