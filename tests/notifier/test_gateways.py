"""Several gateways: who stands in for whom, who never does, and how each fares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from spine.health import readiness
from spine.settings import BadSettings
from tests.notifier.gateways_file import NOBODY, gateways_file, reference
from tests.notifier.socket_gateway import socket_gateway
from tests.notifier.test_api import door
from tests.notifier.world import World

Make = Callable[..., Awaitable[World]]


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


async def test_what_waits_for_a_shut_gateway_keeps_nothing_else_waiting(world: Make, tmp_path: Path) -> None:
    async with socket_gateway() as first, socket_gateway() as second:
        long = {"open_after": 1, "first_open_s": 600, "longest_open_s": 600}
        file = gateways_file(
            tmp_path,
            {"first": reference(first.url, idempotent=False, breaker=long), "second": reference(second.url)},
            {"sms": ["first", "second"]},
        )
        it = await world(gateway_url="", gateways_file=file, batch=1)
        await it.ready(("L1", "B1"), ("L2", "B2"))
        first.reply = "lost"
        await it.request("R1", "L1", "B1")
        await it.send()
        await it.reconcile()
        await it.request("R2", "L2", "B2")
        await it.send()
        assert [message["client_ref"].rpartition("-")[2] for message in second.taken.values()] == ["1"]
        assert (len(second.taken), first.taken) == (1, {})


async def test_no_more_is_reserved_than_a_gateway_is_to_be_given(world: Make, tmp_path: Path) -> None:
    async with socket_gateway() as only:
        slow = reference(only.url, per_second=0.001, burst=2)
        it = await world(
            gateway_url="", gateways_file=gateways_file(tmp_path, {"only": slow}, {"sms": ["only"]})
        )
        loans = [(f"L{n}", f"B{n}") for n in range(5)]
        await it.ready(*loans)
        for loan, person in loans:
            await it.request(f"R-{loan}", loan, person)
        await it.send()
        assert len(only.taken) == 2
        async with it.runtime.transaction() as tx:
            assert (await tx.execute("SELECT count(*) FROM attempt")).scalar_one() == 2


async def test_without_a_key_one_not_found_is_no_proof(world: Make) -> None:
    it = await world(gateway_idempotent=False, settle_s=5.0, ask_again_s=5.0)
    await it.ready(("L1", "B1"))
    it.gateway.reply, it.gateway.forgets = "silent", True
    await it.request("R1", "L1", "B1")
    await it.send()
    async with it.runtime.transaction() as tx:
        await tx.execute("UPDATE attempt SET query_at = clock_timestamp()")
    await it.reconcile()
    assert await it.words() == ["unknown"]
    # The gateway's index has caught up when it is asked again.
    it.gateway.forgets = False
    async with it.runtime.transaction() as tx:
        await tx.execute(
            "UPDATE attempt SET query_at = clock_timestamp(), unknown_at = unknown_at - interval '11 seconds'"
        )
    await it.reconcile()
    assert await it.words() == ["unknown", "accepted"]
    assert len(it.gateway.taken) == 1
