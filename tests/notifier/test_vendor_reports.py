"""What gateways report: each believed in its own way, and forged, foreign or doubled reports change nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from notifier.gateways.callbacks import CallbackDoor
from notifier.gateways.signatures import BadSignature, sign
from spine.clock import wall_now
from spine.events.parties import ContactPoint
from tact.simulator.accounts import Accounts
from tact.simulator.weixin import sealed_event
from tests.notifier.gateways.adapters import ACCOUNTS, simulated
from tests.notifier.gateways_file import AES_KEY, PATH_SECRET, gateways_file, reference
from tests.notifier.socket_gateway import socket_gateway
from tests.notifier.test_api import door, receipt, receipts
from tests.notifier.world import NOON, SECRET, World, request

Make = Callable[..., Awaitable[World]]


async def test_a_receipt_of_another_gateway_s_message_counts_for_nothing(world: Make, tmp_path: Path) -> None:
    async with socket_gateway() as first, socket_gateway() as second:
        file = gateways_file(
            tmp_path, {"first": reference(first.url), "second": reference(second.url)}, {"sms": ["first"]}
        )
        it = await world(gateway_url="", gateways_file=file)
        await it.ready(("L1", "B1"))
        await it.request("R1", "L1", "B1")
        await it.send()
        [(_, fact)] = await it.facts()
        async with door(it) as client:
            foreign = await signed(client, "second", fact["client_ref"])
            assert foreign.json() == {"received": 1, "new": 0, "unknown": 1}
            assert await it.words() == ["accepted"]
            own = await signed(client, "first", fact["client_ref"])
            assert own.json() == {"received": 1, "new": 1, "unknown": 0}
        assert await it.words() == ["accepted", "delivered"]


async def signed(client: httpx.AsyncClient, gateway: str, ref: str) -> httpx.Response:
    body = receipts(receipt(ref))
    return await client.post(
        f"/v1/gateways/{gateway}/receipts",
        content=body,
        headers=sign(SECRET, f"id-{gateway}", wall_now(), body),
    )


def aliyun(url: str, **more: Any) -> dict[str, Any]:
    account = {
        "url": url,
        "access_key_id": ACCOUNTS.access_key_id,
        "access_key_secret_file": "aliyun",
        "templates": {"s1-warm-sms": {"code": "SMS_1", "text": "${all}"}},
    }
    receipts = {"path_secret_file": "path", "sources": ["127.0.0.0/8"]}
    return {"aliyun": account, "path_receipts": receipts, **more}


async def one_by_aliyun(
    world: Make, stack: AsyncExitStack, folder: Path
) -> tuple[World, Any, dict[str, Any]]:
    accounts = Accounts(templates={"SMS_1": "${all}"})
    running = await stack.enter_async_context(simulated(folder, accounts))
    file = gateways_file(folder, {"sms": aliyun(running.url)}, {"sms": ["sms"]})
    it = await world(gateway_url="", gateways_file=file)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    (line,) = running.lines()
    out_id, _, number = line.client_ref.rpartition("/")
    return it, running, {"phone_number": number, "success": True, "err_code": "DELIVERED", "out_id": out_id}


async def test_an_unsigned_report_counts_only_once_the_vendor_says_the_same(
    world: Make, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        it, running, report = await one_by_aliyun(world, stack, tmp_path)
        (known,) = running.simulator.intake._by_ref.values()
        known.status = "accepted"
        async with door(it) as client:
            url = f"/v1/gateways/sms/reports/{PATH_SECRET}"
            forged = {**report, "success": False, "err_code": "MI:0013"}
            assert (await client.post(url, json=[forged])).json()["code"] == 0
            # The vendor still waits for the network: nothing changes.
            await it.schedule("claims").run()
            assert await it.words() == ["accepted"]
            known.status = "delivered"
            assert (await client.post(url, json=[report, report])).status_code == 200
            await it.schedule("claims").run()
            assert await it.words() == ["accepted", "delivered"]
            # Late, twice, and the other way round: nothing more.
            await client.post(url, json=[report, forged])
            async with it.runtime.transaction() as tx:
                await tx.execute("UPDATE receipt_claim SET check_at = clock_timestamp()")
            await it.schedule("claims").run()
        assert await it.words() == ["accepted", "delivered"]


async def test_a_report_by_a_wrong_path_from_elsewhere_or_about_strangers_changes_nothing(
    world: Make, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        it, _, report = await one_by_aliyun(world, stack, tmp_path)
        async with door(it) as client:
            for path in ("sms/reports/wrong", f"other/reports/{PATH_SECRET}"):
                assert (await client.post(f"/v1/gateways/{path}", json=[report])).status_code == 401
            url = f"/v1/gateways/sms/reports/{PATH_SECRET}"
            stranger = {**report, "phone_number": "13900000000"}
            unknown = {**report, "out_id": "nobody"}
            assert (await client.post(url, json=[stranger, unknown])).status_code == 200
            assert (await client.post(url, json={"not": "a list"})).status_code == 422
            app = client._transport.app  # type: ignore[attr-defined]
            elsewhere = httpx.ASGITransport(app=app, client=("203.0.113.9", 1))
            async with httpx.AsyncClient(transport=elsewhere, base_url="http://notifier") as other:
                refused = await other.post(url, json=[report], headers={"x-forwarded-for": "127.0.0.1"})
                assert refused.status_code == 401
        async with it.runtime.transaction() as tx:
            assert (await tx.execute("SELECT count(*) FROM receipt_claim")).scalar_one() == 0


async def test_a_message_lost_on_the_way_back_is_found_at_the_vendor(world: Make, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        accounts = Accounts(templates={"SMS_1": "${all}"})
        running = await stack.enter_async_context(simulated(tmp_path, accounts))
        await running.behave(fault="accept_then_reset", fault_requests=1)
        file = gateways_file(tmp_path, {"sms": aliyun(running.url)}, {"sms": ["sms"]})
        it = await world(gateway_url="", gateways_file=file)
        await it.ready(("L1", "B1"))
        await it.request("R1", "L1", "B1")
        await it.send()
        assert await it.words() == ["unknown"]
        await it.reconcile()
        assert await it.words() == ["unknown", "accepted", "delivered"]
        assert [line.outcome for line in running.lines()] == ["accepted"]


async def test_a_wechat_event_may_come_before_the_answer_that_names_it(world: Make, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        events = Accounts(
            templates={"tpl": "{{all.DATA}}"}, wechat_token="event-token", wechat_aes_key=AES_KEY
        )
        running = await stack.enter_async_context(simulated(tmp_path, events))
        account = {
            "url": running.url,
            "app_id": events.app_id,
            "app_secret_file": "wechat",
            "templates": {"s2-soft-wechat-morning": {"code": "tpl", "text": "{{all.DATA}}"}},
        }
        signed_by = {"token_file": "token", "aes_key_file": "aes"}
        file = gateways_file(
            tmp_path, {"wx": {"wechat": account, "signed_receipts": signed_by}}, {"wechat": ["wx"]}
        )
        it = await world(gateway_url="", gateways_file=file)
        await it.borrower(
            "B1", contact_points=(ContactPoint(id="w", channel="wechat", address="oABC", consent="given"),)
        )
        await it.overdue("L1", "B1")
        await it.tick()
        it.at(NOON - timedelta(hours=2))
        asked = request("R1", "L1", "B1", NOON - timedelta(hours=2), channel="wechat")
        asked = type(asked)(
            **{name: getattr(asked, name) for name in asked.__struct_fields__}
            | {"template": "s2-soft-wechat-morning", "stage": "S2"}
        )
        await it.take(asked)
        await it.schedule("gateways").run()
        number = 12345678
        async with door(it) as client:
            url = "/v1/gateways/wx/events"
            # Early: nobody knows this number yet.
            query, body = sealed_event(events, event(number, "failed:user block"), wall_now())
            assert (await client.post(url, params=query, content=body)).text == "success"
            await it.schedule("claims").run()
            await it.send()
            assert await it.words() == ["accepted"]
            async with it.runtime.transaction() as tx:
                await tx.execute("UPDATE attempt SET gateway_id = :id", id=str(number))
                await tx.execute("UPDATE receipt_claim SET check_at = clock_timestamp()")
            await it.schedule("claims").run()
            assert await it.words() == ["accepted", "failed"]
            assert (await it.facts())[-1][1]["code"] == "not_subscribed"
            # The same event again, one signed with another token, one from last week.
            assert (await client.post(url, params=query, content=body)).status_code == 200
            other = Accounts(wechat_token="another", wechat_aes_key=AES_KEY)
            query, body = sealed_event(other, event(number, "success"), wall_now())
            assert (await client.post(url, params=query, content=body)).status_code == 401
            query, body = sealed_event(events, event(number, "success"), wall_now() - timedelta(minutes=6))
            assert (await client.post(url, params=query, content=body)).status_code == 401
            plain = event(number, "success").encode()
            assert (await client.post(url, params=query, content=plain)).status_code == 401
        assert await it.words() == ["accepted", "failed"]


def event(number: int, status: str) -> str:
    return (
        "<xml><ToUserName>gh</ToUserName><FromUserName>oABC</FromUserName><CreateTime>1764000000</CreateTime>"
        f"<MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><MsgID>{number}</MsgID>"
        f"<Status>{status}</Status></xml>"
    )


def test_an_event_sealed_for_another_account_is_not_ours() -> None:
    door_ = CallbackDoor.of("event-token", AES_KEY, "wx-another")
    accounts = Accounts(wechat_token="event-token", wechat_aes_key=AES_KEY)
    query, body = sealed_event(accounts, event(1, "success"), wall_now())
    with pytest.raises(BadSignature):
        door_.open(query, body, wall_now())
    assert (
        CallbackDoor.of("event-token", AES_KEY, accounts.app_id).open(query, body, wall_now())[1]["MsgID"]
        == "1"
    )
