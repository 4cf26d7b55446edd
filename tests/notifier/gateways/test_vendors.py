"""What is particular to each vendor: signatures, batches, tokens, approved templates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.gateways.acs3 import acs3_headers, authorization
from notifier.gateways.aliyun import AliyunGateway
from notifier.gateways.aliyun_codes import judged as aliyun_judged
from notifier.gateways.places import aliyun_places, split_signature, wechat_places
from notifier.gateways.port import Inquiry, Outcome, State
from notifier.gateways.tokens import Token, TokenHolder, TokenRefused
from notifier.gateways.wechat import WechatGateway
from notifier.gateways.wechat_codes import judged as wechat_judged
from notifier.gateways.wecom import WecomGateway
from tests.notifier.gateways.adapters import ACCOUNTS, ADAPTERS, SMS_PLACES, WECHAT_PLACES, ready, simulated
from tests.tact.simulator.running import NOON, Running, noon

BY_NAME = {adapter.name: adapter for adapter in ADAPTERS}


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Running]:
    async with simulated(tmp_path) as running:
        yield running


def test_the_signature_is_that_of_aliyun_s_own_example() -> None:
    at = datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC)
    headers = acs3_headers("RunInstances", "2014-05-26", b"", at, "3156853299f313e23d1673dc12e1703d")
    headers["host"] = "ecs.cn-shanghai.aliyuncs.com"
    query = {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    made = authorization("YourAccessKeyId", "YourAccessKeySecret", "POST", "/", query, headers)
    assert made == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;"
        "x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


async def test_a_wrong_key_is_the_account_s_fault_not_the_message_s(simulator: Running) -> None:
    gateway = AliyunGateway(simulator.url, ACCOUNTS.access_key_id, "another", noon, SMS_PLACES)
    (result,) = await gateway.send([BY_NAME["aliyun"].message()], "k1")
    await gateway.aclose()
    assert (result.outcome, result.code) == (Outcome.NOT_SENT, "SignatureDoesNotMatch")


async def test_one_bad_number_does_not_take_a_batch_with_it(simulator: Running) -> None:
    adapter = BY_NAME["aliyun"]
    messages = [adapter.message(n) for n in range(6)]
    await simulator.behave(reject_share=0.3)
    async with ready(adapter, simulator.url) as gateway:
        first = await gateway.send(messages, "k1")
        again = [replace(m, client_ref=m.client_ref[:-1] + "2") for m in messages]
        second = await gateway.send(again, "k2")
    assert {(r.outcome, r.code) for r in first} == {(Outcome.NOT_SENT, "batch_refused")}
    assert {r.outcome for r in second} == {Outcome.ACCEPTED, Outcome.REJECTED}
    taken = sorted(line.to for line in simulator.lines())
    assert taken == sorted(m.to for m, r in zip(again, second, strict=True) if r.outcome is Outcome.ACCEPTED)


async def test_a_number_twice_in_a_request_waits_for_the_next(simulator: Running) -> None:
    adapter = BY_NAME["aliyun"]
    twin = replace(adapter.message(1), client_ref="m9-1")
    async with ready(adapter, simulator.url) as gateway:
        results = await gateway.send([adapter.message(1), twin], "k1")
    assert [(r.outcome, r.code) for r in results] == [
        (Outcome.ACCEPTED, None),
        (Outcome.NOT_SENT, "same_number"),
    ]
    assert len(simulator.lines()) == 1


@pytest.mark.parametrize("name", ["aliyun", "wechat"])
async def test_what_the_vendor_never_approved_is_not_sent(simulator: Running, name: str) -> None:
    adapter = BY_NAME[name]
    other_words = replace(adapter.message(1), body=adapter.body.replace("联系", "联络"))
    other_template = replace(adapter.message(2), template="s2-soft-sms")
    async with ready(adapter, simulator.url) as gateway:
        results = await gateway.send([other_words, other_template], "k1")
    assert {(r.outcome, r.code) for r in results} == {(Outcome.REJECTED, "template_mismatch")}
    assert simulator.lines() == []


async def test_a_query_tells_messages_to_one_number_apart_by_the_key(simulator: Running) -> None:
    adapter = BY_NAME["aliyun"]
    async with ready(adapter, simulator.url) as gateway:
        await gateway.send([adapter.message(1)], "k1")
        assert (await gateway.query(adapter.inquiry(1, "k1"))).state is State.DELIVERED
        assert (await gateway.query(adapter.inquiry(1, "k2"))).state is State.NOT_FOUND
        assert (await gateway.query(Inquiry("m1-1", "k1", None, NOON, ""))).state is State.UNKNOWN
        await simulator.behave(query_lag_s=60)
        assert (await gateway.query(adapter.inquiry(1, "k1"))).state is State.NOT_FOUND


async def test_a_query_turns_every_page(simulator: Running) -> None:
    adapter = BY_NAME["aliyun-single"]
    async with ready(adapter, simulator.url) as gateway:
        for n in range(53):
            await gateway.send([replace(adapter.message(1), client_ref=f"m{n}-1")], f"k{n}")
        assert (await gateway.query(adapter.inquiry(1, "k52"))).state is State.DELIVERED


@pytest.mark.parametrize(
    ("code", "outcome", "ours"),
    [
        ("isv.OUT_OF_SERVICE", Outcome.NOT_SENT, "isv.OUT_OF_SERVICE"),
        ("isv.AMOUNT_NOT_ENOUGH", Outcome.NOT_SENT, "isv.AMOUNT_NOT_ENOUGH"),
        ("isv.DAY_LIMIT_CONTROL", Outcome.NOT_SENT, "quota"),
        ("isv.BUSINESS_LIMIT_CONTROL", Outcome.REJECTED, "frequency_limit"),
        ("isv.MOBILE_NUMBER_ILLEGAL", Outcome.REJECTED, "bad_number"),
        ("isv.SMS_SIGNATURE_ILLEGAL", Outcome.REJECTED, "isv.SMS_SIGNATURE_ILLEGAL"),
        ("Throttling.User", Outcome.NOT_SENT, "throttled"),
        ("isp.SYSTEM_ERROR", Outcome.UNKNOWN, "isp.SYSTEM_ERROR"),
        ("ServiceUnavailable", Outcome.UNKNOWN, "ServiceUnavailable"),
    ],
)
def test_aliyun_s_codes(code: str, outcome: Outcome, ours: str) -> None:
    assert aliyun_judged(code)[:2] == (outcome, ours)


@pytest.mark.parametrize(
    ("code", "outcome", "ours"),
    [
        (40001, Outcome.NOT_SENT, "token_expired"),
        (42001, Outcome.NOT_SENT, "token_expired"),
        (43004, Outcome.REJECTED, "not_subscribed"),
        (40003, Outcome.REJECTED, "bad_openid"),
        (45009, Outcome.NOT_SENT, "quota"),
        (45011, Outcome.NOT_SENT, "throttled"),
        (48001, Outcome.NOT_SENT, "errcode_48001"),
        (81013, Outcome.REJECTED, "not_subscribed"),
        (-1, Outcome.UNKNOWN, "errcode_-1"),
    ],
)
def test_the_platforms_codes(code: int, outcome: Outcome, ours: str) -> None:
    assert wechat_judged(code)[:2] == (outcome, ours)


async def test_a_token_that_is_good_no_longer_is_replaced_before_anything_is_sent_again(
    simulator: Running,
) -> None:
    adapter = BY_NAME["wechat"]
    first, other = (
        WechatGateway(simulator.url, ACCOUNTS.app_id, ACCOUNTS.app_secret, noon, WECHAT_PLACES)
        for _ in range(2)
    )
    (without,) = await first.send([adapter.message()], "k1")
    assert (without.outcome, without.code) == (Outcome.NOT_SENT, "no_token")
    assert await first.warm() is None
    # Another process had itself given a new one by force, so ours is not valid any more.
    other._platform.tokens._forced = True
    assert await other.warm() is None
    (expired,) = await first.send([adapter.message()], "k1")
    assert (expired.outcome, expired.code) == (Outcome.NOT_SENT, "token_expired")
    assert simulator.lines() == []
    (fine,) = await other.send([adapter.message()], "k1")
    assert fine.outcome is Outcome.ACCEPTED
    await first.aclose()
    await other.aclose()


async def test_a_wrong_secret_gets_no_token(simulator: Running) -> None:
    gateway = WechatGateway(simulator.url, ACCOUNTS.app_id, "wrong", noon, WECHAT_PLACES)
    assert await gateway.warm() == "errcode_40001"
    await gateway.aclose()


async def test_a_token_is_fetched_by_one_for_all_and_renewed_before_its_end() -> None:
    at, fetched = 1000.0, 0

    async def fetch(forced: bool) -> Token:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0.01)
        return Token(f"t{fetched}", 7200.0)

    holder = TokenHolder(fetch, clock=lambda: at)
    assert await asyncio.gather(*(holder.renew() for _ in range(20))) == [None] * 20
    assert (fetched, holder.word) == (1, "t1")
    at += 6899
    await holder.renew()
    assert fetched == 1
    at += 2
    await holder.renew()
    assert (fetched, holder.word) == (2, "t2")
    # A word that was refused long ago is not the one in use.
    holder.refused("t1")
    assert holder.word == "t2"
    holder.refused("t2")
    assert holder.word is None


async def test_a_platform_that_gives_no_token_is_not_asked_without_end() -> None:
    at, asked = 1000.0, 0

    async def fetch(forced: bool) -> Token:
        nonlocal asked
        asked += 1
        raise TokenRefused("errcode_40164")

    holder = TokenHolder(fetch, clock=lambda: at)
    assert [await holder.renew() for _ in range(5)] == ["errcode_40164"] * 5
    assert asked == 1
    at += 5
    await holder.renew()
    assert asked == 2


@pytest.mark.parametrize("name", ["wechat", "wecom"])
async def test_where_a_key_was_agreed_the_same_message_again_is_one(simulator: Running, name: str) -> None:
    adapter = BY_NAME[name]
    gateway: WechatGateway | WecomGateway
    if name == "wechat":
        gateway = WechatGateway(
            simulator.url, ACCOUNTS.app_id, ACCOUNTS.app_secret, noon, WECHAT_PLACES, honours_idempotency=True
        )
        assert gateway.key_life_s == 600.0
    else:
        gateway = WecomGateway(
            simulator.url, ACCOUNTS.corp_id, ACCOUNTS.corp_secret, 1, noon, honours_idempotency=True
        )
        assert gateway.key_life_s == 1800.0
    await gateway.warm()
    first, second = [await gateway.send([adapter.message()], "k1") for _ in range(2)]
    await gateway.aclose()
    assert first == second
    assert [line.outcome for line in simulator.lines()] == ["accepted", "duplicate"]


@pytest.mark.parametrize("to", ["one|two", "@all"])
async def test_a_wecom_message_goes_to_one_person(simulator: Running, to: str) -> None:
    adapter = BY_NAME["wecom"]
    async with ready(adapter, simulator.url) as gateway:
        (result,) = await gateway.send([replace(adapter.message(), to=to)], "k1")
    assert result.outcome is Outcome.REJECTED
    assert simulator.lines() == []


def test_places_are_found_only_where_the_words_around_them_are_the_approved_ones() -> None:
    sms = aliyun_places("SMS_1", "${name}您好,欠款${amount}元,${name}请留意。")
    assert sms.filled("王您好,欠款12.00元,王请留意。") == {"name": "王", "amount": "12.00"}
    assert sms.filled("王您好,欠款12.00元,李请留意。") is None
    assert sms.filled("王您好,欠款12.00元。") is None
    assert wechat_places("t", "{{a.DATA}}\n{{b.DATA}}").filled("x\ny") == {"a": "x", "b": "y"}
    assert split_signature("【行】你好") == ("行", "你好")
    assert split_signature("你好【行】") is None
