"""Several gateways: who stands in for whom, whose word counts, and what the log carries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import text

from notifier.gateways.callbacks import CallbackDoor
from notifier.gateways.signatures import BadSignature
from spine.clock import wall_now
from spine.events.gateways import GatewayReceipt
from spine.events.parties import ContactPoint
from spine.health import readiness
from spine.settings import BadSettings
from tact.simulator.accounts import Accounts
from tact.simulator.weixin import sealed_event
from tests.notifier.gateways.adapters import ACCOUNTS, simulated
from tests.notifier.gateways.test_reference import SECRET as SIMULATOR_SECRET
from tests.notifier.socket_gateway import socket_gateway
from tests.notifier.test_api import door
from tests.notifier.world import NOON, SECRET, World, cured, request
from tests.runtimes import emitted

Make = Callable[..., Awaitable[World]]
NOBODY = "http://127.0.0.1:1"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PATH_SECRET = "p4th-s3cr3t"


def gateways_file(folder: Path, gateways: dict[str, Any], routes: dict[str, list[str]]) -> Path:
    """The file, and beside it every secret that the tests' gateways name."""
    secrets = {
        "whsec": SECRET,
        "sim": SIMULATOR_SECRET,
        "aliyun": ACCOUNTS.access_key_secret,
        "wechat": ACCOUNTS.app_secret,
        "path": PATH_SECRET,
        "token": "event-token",
        "aes": AES_KEY,
    }
    for name, secret in secrets.items():
        (folder / name).write_text(secret)
    path = folder / "gateways.yaml"
    path.write_text(yaml.safe_dump({"gateways": gateways, "routes": routes}))
    return path


def reference(url: str, **more: Any) -> dict[str, Any]:
    return {"reference": {"url": url, "secret_file": "whsec"}, **more}


async def test_the_second_gateway_takes_what_the_first_certainly_did_not(world: Make, tmp_path: Path) -> None:
    async with socket_gateway() as second:
        file = gateways_file(
            tmp_path,
            {"first": reference(NOBODY), "second": reference(second.url)},
            {"sms": ["first", "second"]},
        )
        it = await world(gateway_url="", gateways_file=file)
        await it.ready(("L1", "B1"))
        await it.request("R1", "L1", "B1")
        await it.send()
        assert [(word, fact["gateway"]) for word, fact in await it.facts()] == [("accepted", "second")]
        assert len(second.taken) == 1


@pytest.mark.parametrize("reply", ["silent", "lost", "broken"])
async def test_what_was_unknown_at_the_first_never_goes_to_the_second(
    world: Make, tmp_path: Path, reply: str
) -> None:
    async with socket_gateway() as first, socket_gateway() as second:
        file = gateways_file(
            tmp_path,
            {"first": reference(first.url, idempotent=False), "second": reference(second.url)},
            {"sms": ["first", "second"]},
        )
        it = await world(gateway_url="", gateways_file=file)
        await it.ready(("L1", "B1"), ("L2", "B2"))
        first.reply = reply
        await it.request("R1", "L1", "B1")
        await it.send()
        assert await it.words() == ["unknown"]
        # Others go on by the second meanwhile; this one waits to be found out.
        await it.request("R2", "L2", "B2")
        await it.send()
        assert len(second.taken) == 1
        await it.reconcile()
        await it.send()
        assert len(second.taken) == 1
        # By the first it goes once that one takes messages again, after it said that it never had it.
        first.reply = "accept"
        await it.reconcile()
        await asyncio.sleep(max(line.closed_for_s() for line in it.sender.desk.gateways.lines))
        await it.send()
        assert (len(first.taken), len(second.taken)) == (1, 1)


async def test_a_channel_nobody_serves_is_told_at_once(world: Make, tmp_path: Path) -> None:
    file = gateways_file(tmp_path, {"first": reference(NOBODY)}, {"wechat": ["first"]})
    it = await world(gateway_url="", gateways_file=file)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.words() == ["suppressed"]
    assert await it.rules() == [["NO-GATEWAY"]]


async def test_readiness_and_metrics_say_how_each_gateway_fares(world: Make, tmp_path: Path) -> None:
    async with socket_gateway() as second:
        file = gateways_file(
            tmp_path,
            {"first": reference(NOBODY), "second": reference(second.url)},
            {"sms": ["first", "second"]},
        )
        it = await world(gateway_url="", gateways_file=file)
        await it.ready(("L1", "B1"))
        await it.request("R1", "L1", "B1")
        await it.send()
        await it.schedule("gateways").run()
        async with it.runtime.transaction() as tx:
            await tx.execute(
                "UPDATE gateway_health SET failing_since = clock_timestamp() - interval '1 minute'"
                " WHERE gateway = 'first'"
            )
            assert it.service.warnings is not None
            (warning,) = await it.service.warnings(tx)
        assert warning.startswith("gateway first takes no messages for 60 s")
        assert not any("nothing goes out" in reason for reason in await readiness(it.service, it.runtime))
        async with door(it) as client:
            told = (await client.get("/metrics")).text
        assert 'tact_gateway_messages{gateway="first",outcome="not_sent"} 1.0' in told
        assert 'tact_gateway_messages{gateway="second",outcome="accepted"} 1.0' in told
        async with it.runtime.transaction() as tx:
            await tx.execute(
                "UPDATE gateway_health SET state = 'open',"
                " failing_since = clock_timestamp() - interval '1 minute'"
            )
        assert any("nothing goes out by sms" in reason for reason in await readiness(it.service, it.runtime))


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
    from notifier.gateways.signatures import sign
    from tests.notifier.test_api import receipt, receipts

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


async def one_by_log(world: Make, folder: Path, **changes: Any) -> World:
    file = gateways_file(folder, {"log": {"kafka": {}}}, {"sms": ["log"]})
    it = await world(gateway_url="", gateways_file=file, **changes)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    return it


async def records(it: World) -> list[tuple[str, dict[str, Any]]]:
    return [(t, dict(data)) for t, data in await emitted(it.runtime) if t.startswith("gateway.")]


async def test_what_goes_through_the_log_is_written_with_its_reservation_and_once(
    world: Make, tmp_path: Path
) -> None:
    it = await one_by_log(world, tmp_path)
    # The sender dies right after the commit: the record is there, and it is found out without asking anyone.
    await it.reserve()
    [(kind, record)] = await records(it)
    assert kind == "gateway.message.v1"
    assert record["to"].startswith("+86138") and record["body"].startswith("【") and record["not_after"]
    async with it.runtime.transaction() as tx:
        await tx.execute("UPDATE attempt SET sending_at = sending_at - interval '1 hour'")
    await it.reconcile()
    await it.send()
    assert await it.words() == ["unknown", "accepted"]
    assert len(await records(it)) == 1


async def test_a_settlement_withdraws_what_waits_in_the_log_once(world: Make, tmp_path: Path) -> None:
    it = await one_by_log(world, tmp_path)
    await it.send()
    assert (await it.words())[0] == "accepted"
    await it.schedule("queue").run()
    assert len(await records(it)) == 1
    await it.take(cured("L1", "B1"), seq=2)
    assert await it.schedule("queue").run() == 1
    assert await it.schedule("queue").run() == 0
    [(_, message), (kind, withdrawal)] = [r for r in await records(it) if r[1]["borrower_id"] == "B1"][:2]
    assert kind == "gateway.withdrawal.v1"
    assert withdrawal["client_ref"] == message["client_ref"]


async def test_what_is_too_late_is_not_withdrawn_as_the_gateway_drops_it(world: Make, tmp_path: Path) -> None:
    it = await one_by_log(world, tmp_path)
    await it.send()
    it.at(NOON + timedelta(minutes=5))
    await it.take(cured("L1", "B1"), seq=2)
    await it.schedule("queue").run()
    assert [kind for kind, _ in await records(it)] == ["gateway.message.v1"]


async def test_receipts_from_the_log_count_once_and_only_of_the_log_s_messages(
    world: Make, tmp_path: Path
) -> None:
    it = await one_by_log(world, tmp_path)
    await it.send()
    ref = (await it.facts())[0][1]["client_ref"]

    def told(gateway: str) -> GatewayReceipt:
        return GatewayReceipt(borrower_id="B1", client_ref=ref, gateway=gateway, status="delivered", at=NOON)

    await it.take(told("another"))
    assert await it.words() == ["accepted"]
    twice = it.received(told("log"), id="receipt-1")
    handler = it.of("gateway.receipts.v1").handler
    await it.runtime.run(lambda tx: handler(tx, [twice]))
    await it.runtime.run(lambda tx: handler(tx, [twice]))
    assert await it.words() == ["accepted", "delivered"]


async def test_numbers_and_texts_stay_in_the_outbox_no_longer_than_until_they_are_published(
    world: Make, tmp_path: Path
) -> None:
    it = await one_by_log(world, tmp_path)
    await it.send()
    async with it.runtime.engine.begin() as connection:
        await connection.execute(text("UPDATE outbox SET position = id WHERE topic = 'gateway.outbound.v1'"))
        await connection.execute(
            text(
                "INSERT INTO outbox_mark (topic, partition, last_position, published_position)"
                " SELECT topic, partition, position, position FROM outbox WHERE topic = 'gateway.outbound.v1'"
            )
        )
    await it.schedule("queue").run()
    assert await records(it) == [("gateway.message.v1", {})]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"gateways": {"a": {"reference": {"url": "x", "secret_file": "whsec"}, "kafka": {}}}},
            "exactly one of",
        ),
        ({"gateways": {"a": {}}}, "exactly one of"),
        ({"routes": {"sms": ["b"]}}, "there is no gateway 'b'"),
        ({"routes": {"sms": ["a", "a"]}}, "twice"),
        ({"routes": {"pigeon": ["a"]}}, "pigeon"),
        ({"gateways": {"a": {"kafka": {}, "idempotent": True}}}, "sent once by itself"),
        ({"gateways": {"a": {"kafka": {}, "sekret": "x"}}}, "sekret"),
        ({"gateways": {"a": {"reference": {"url": "x", "secret_file": "missing"}}}}, "missing"),
    ],
)
async def test_a_file_that_is_not_meant_so_is_refused(
    world: Make, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    given: dict[str, Any] = {"gateways": {"a": reference(NOBODY)}, "routes": {"sms": ["a"]}} | change
    file = gateways_file(tmp_path, given["gateways"], given["routes"])
    with pytest.raises(BadSettings, match=reason):
        await world(gateway_url="", gateways_file=file)
