"""The REST door: persons in, messages and reasons out, receipts by signature alone, the kill switch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from notifier.gateways.signatures import new_secret, sign
from notifier.handlers.switch import stop
from notifier.store import kill_switch
from spine.clock import wall_now
from spine.http import create_api
from tests.notifier.world import SECRET, World
from tests.runtimes import emitted

Make = Callable[..., Awaitable[World]]
TOKEN = "t" * 40
RECEIPTS = "/v1/gateways/reference/receipts"


@asynccontextmanager
async def door(it: World) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(it.service, it.runtime, token=TOKEN)
    transport = httpx.ASGITransport(app=app)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier", headers=headers) as client:
        yield client


async def one_sent(world: Make, **changes: Any) -> tuple[World, str]:
    it = await world(**changes)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    [(_, fact)] = await it.facts()
    return it, fact["message_id"]


def party(event_id: str = "E1", **data: Any) -> dict[str, Any]:
    points = [{"id": "p1", "channel": "sms", "address": "138 0013 8000", "consent": "given"}]
    given = {"borrower_id": "B1", "name": "王小明", "timezone": "Asia/Shanghai", "contact_points": points}
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "core",
        "type": "borrower.updated.v1",
        "data": {**given, **data},
    }


def receipts(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"receipts": list(entries)}).encode()


def receipt(client_ref: str, status: str = "delivered") -> dict[str, Any]:
    return {
        "client_ref": client_ref,
        "gateway_id": f"gw-{client_ref}",
        "status": status,
        "at": "2026-11-24T04:00:05Z",
    }


async def post_receipts(
    client: httpx.AsyncClient, body: bytes, *, id: str = "msg_1", secret: str = SECRET
) -> httpx.Response:
    headers = sign(secret, id, wall_now(), body)
    return await client.post(RECEIPTS, content=body, headers={**headers, "authorization": ""})


async def test_a_borrower_is_taken_in_once_and_told_without_personal_data(world: Make) -> None:
    it = await world()
    async with door(it) as client:
        first = await client.post("/v1/parties", json=party())
        assert (first.status_code, first.json()["outcome"]) == (201, "accepted")
        again = await client.post("/v1/parties", json=party())
        assert (again.status_code, again.json()["outcome"]) == (200, "known")
        other = await client.post("/v1/parties", json=party(name="李四"))
        assert (other.status_code, other.json()["code"]) == (409, "conflict")
    [(type_, told)] = await emitted(it.runtime)
    assert type_ == "party.changed.v1"
    assert told["timezone"] == "Asia/Shanghai"
    assert "王小明" not in str(told) and "8000" not in str(told["contact_points"])
    async with it.runtime.transaction() as tx:
        rows = await tx.execute("SELECT ref FROM contact_point")
        assert [point["ref"] for point in told["contact_points"]] == [row.ref for row in rows]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"contact_points": [{"id": "p", "channel": "pigeon", "address": "x"}]}, "channel"),
    ],
)
async def test_a_borrower_that_is_none_is_refused_by_field(
    world: Make, change: dict[str, Any], field: str
) -> None:
    it = await world()
    async with door(it) as client:
        refused = await client.post("/v1/parties", json=party(**change))
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_schema")
    assert field in refused.json()["detail"]


async def test_a_changed_number_keeps_its_reference_and_one_left_out_is_used_no_more(world: Make) -> None:
    it = await world()
    both = [
        {"id": "p1", "channel": "sms", "address": "13800138000"},
        {"id": "p2", "channel": "sms", "address": "no number"},
    ]
    async with door(it) as client:
        await client.post("/v1/parties", json=party("E1", contact_points=both))
        await client.post(
            "/v1/parties", json=party("E2", contact_points=[{**both[0], "address": "+86 139-0013-9000"}])
        )
    [(_, first), (_, second)] = await emitted(it.runtime)
    assert first["contact_points"] == second["contact_points"]
    await it.overdue("L1", "B1")
    await it.tick()
    await it.request("R1", "L1", "B1")
    await it.send()
    [message] = it.gateway.taken.values()
    assert message["to"] == "+8613900139000"


async def test_every_route_but_the_signed_one_needs_the_token(world: Make) -> None:
    it = await world()
    async with door(it) as client:
        for method, path in (("GET", "/v1/messages"), ("POST", "/v1/parties"), ("GET", "/v1/kill-switch")):
            refused = await client.request(method, path, headers={"authorization": "Bearer no"})
            assert refused.status_code == 401


async def test_messages_are_listed_page_by_page_and_shown_with_masked_addresses(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"), ("L2", "B2"))
    for n in range(3):
        await it.request(f"R{n}", "L1", "B1")
    await it.request("R9", "L2", "B2")
    await it.send()
    async with door(it) as client:
        seen: list[str] = []
        cursor = None
        while True:
            asked: dict[str, str | int] = {
                "borrower_id": "B1",
                "limit": 2,
                **({"cursor": cursor} if cursor else {}),
            }
            page = (await client.get("/v1/messages", params=asked)).json()
            seen += [message["request_id"] for message in page["messages"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == ["R0", "R1", "R2"]
        accepted = (await client.get("/v1/messages", params={"status": "accepted"})).json()["messages"]
        assert len(accepted) == 3
        detail = (await client.get(f"/v1/messages/{accepted[0]['message_id']}")).json()
        assert [attempt["status"] for attempt in detail["attempts"]] == ["accepted"]
        assert detail["attempts"][0]["to"].startswith("138****")
        assert (await client.get("/v1/messages/none")).status_code == 404
        assert (await client.get("/v1/messages", params={"status": "lost"})).status_code == 422


async def test_why_makes_each_decision_again_and_agrees(world: Make) -> None:
    it, message_id = await one_sent(world)
    for n in range(2):
        await it.request(f"S{n}", "L1", "B1")
    await it.send()
    deferred = next(fact["message_id"] for word, fact in await it.facts() if word == "deferred")
    async with door(it) as client:
        [sent] = (await client.get(f"/v1/messages/{message_id}/why")).json()["decisions"]
        assert (sent["verdict"], sent["agrees"]) == ("allow", True)
        [kept] = (await client.get(f"/v1/messages/{deferred}/why")).json()["decisions"]
        assert (kept["verdict"], kept["agrees"]) == ("defer", True)
        assert [rule["id"] for rule in kept["rules"]] == ["HOUSE-SMS-DAY"]
        async with it.runtime.transaction() as tx:
            await tx.execute("UPDATE decision SET verdict = 'deny' WHERE message_id = :id", id=deferred)
        [altered] = (await client.get(f"/v1/messages/{deferred}/why")).json()["decisions"]
        assert altered["agrees"] is False
        async with it.runtime.transaction() as tx:
            await tx.execute("UPDATE decision SET policy = jsonb_set(policy, '{0,digest}', '\"old\"')")
        [changed] = (await client.get(f"/v1/messages/{message_id}/why")).json()["decisions"]
        assert changed["agrees"] is None
        assert "policy has changed" in changed["note"]


async def test_a_receipt_counts_once_and_only_when_it_is_signed(world: Make) -> None:
    it, message_id = await one_sent(world)
    body = receipts(receipt(f"{message_id}-1"), receipt("nobody-1"))
    async with door(it) as client:
        forged = await post_receipts(client, body, secret=new_secret())
        assert (forged.status_code, forged.json()["code"]) == (401, "bad_signature")
        assert (await client.post(RECEIPTS, content=body)).status_code == 401
        elsewhere = await client.post(
            "/v1/gateways/other/receipts", content=body, headers=sign(SECRET, "msg_1", wall_now(), body)
        )
        assert elsewhere.status_code == 401
        assert await it.words() == ["accepted"]
        taken = await post_receipts(client, body)
        assert (taken.status_code, taken.json()) == (200, {"received": 2, "new": 2, "unknown": 1})
        for webhook in ("msg_1", "msg_2"):
            assert (await post_receipts(client, body, id=webhook)).json()["new"] == 0
        reused = await post_receipts(client, receipts(receipt("other-1")), id="msg_1")
        assert (reused.status_code, reused.json()["code"]) == (409, "conflict")
        late = await post_receipts(client, receipts(receipt(f"{message_id}-1", "failed")), id="msg_3")
        assert late.status_code == 200
        bad = await post_receipts(client, receipts({"client_ref": "x"}), id="msg_4")
        assert (bad.status_code, bad.json()["code"]) == (422, "bad_schema")
    assert await it.words() == ["accepted", "delivered"]


async def test_a_receipt_before_the_reply_proves_acceptance(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    it.gateway.reply = "silent"
    await it.send()
    [(_, unknown)] = await it.facts()
    async with door(it) as client:
        await post_receipts(client, receipts(receipt(unknown["client_ref"])))
    assert await it.words() == ["unknown", "accepted", "delivered"]
    await it.reconcile()
    assert await it.words() == ["unknown", "accepted", "delivered"]


async def test_the_kill_switch_stops_by_one_and_starts_by_two(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    async with door(it) as client:

        async def turn(**asked: str) -> httpx.Response:
            return await client.post("/v1/kill-switch", json=asked)

        stopped = await turn(action="stop", channel="sms", by="Wang")
        assert stopped.json()["stopped"] is True
        assert await it.send() == 0
        assert any("channel sms is stopped" in r for r in (await client.get("/readyz")).json()["reasons"])
        async with it.runtime.transaction() as tx:
            assert (await it.service.due(tx)).open == 0
        assert (await turn(action="start", channel="sms", by="Wang")).status_code == 409
        assert (await turn(action="start", channel="sms", by="Li", approved_by="Li")).status_code == 409
        assert (await turn(action="start", channel="sms", by="Li", approved_by="Wang")).status_code == 409
        assert (await turn(action="start", channel="pigeon", by="Li", approved_by="Zhou")).status_code == 404
        assert (
            await turn(action="start", channel="sms", by="Li", approved_by="Zhou", x="y")
        ).status_code == 422
        assert await it.send() == 0
        assert (await turn(action="stop", by="Wang")).json()["scope"] == "all"
        assert (await turn(action="start", channel="sms", by="Wang", approved_by="Li")).status_code == 200
        assert await it.send() == 0
        assert (await turn(action="start", by="Wang", approved_by="Li")).json()["stopped"] is False
        shown = (await client.get("/v1/kill-switch")).json()["switches"]
        assert not any(switch["stopped"] for switch in shown)
    assert await it.send() == 1


async def test_an_absent_switch_means_stopped(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    async with it.runtime.transaction() as tx:
        await tx.execute("DELETE FROM kill_switch")
    assert await it.send() == 0


async def test_a_stop_is_not_overtaken_by_later_sends(world: Make) -> None:
    it = await world()
    async with asyncio.TaskGroup() as tasks, it.runtime.transaction() as sending:
        await kill_switch.stopped_scopes(sending, hold=True)
        stopping = tasks.create_task(it.runtime.run(lambda tx: stop(tx, "sms", by="Wang")))
        await until_someone_waits(it)
        later = tasks.create_task(it.runtime.run(lambda tx: kill_switch.stopped_scopes(tx, hold=True)))
        await until_someone_waits(it, how_many=2)
    assert stopping.result().stopped
    assert later.result() == ("sms",)


async def until_someone_waits(it: World, how_many: int = 1) -> None:
    waiting = 0
    while waiting < how_many:
        async with it.runtime.transaction() as tx:
            rows = await tx.execute(
                "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"
            )
            waiting = rows.scalar_one()
        await asyncio.sleep(0.01)
