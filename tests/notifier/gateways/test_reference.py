"""The reference gateway client is sure only of what it may be sure of; all else is unknown."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.gateways.http import Limits
from notifier.gateways.port import Gateway, Inquiry, Outcome, OutMessage, QueryResult, SendResult, State
from notifier.gateways.reference import ReferenceGateway
from tests.notifier.gateways.peers import answering, http
from tests.tact.simulator.running import NOON, Running, noon, running_simulator

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw=="
LIMITS = Limits(reply_bytes=65_536)
#: For peers that never answer: long enough for a busy machine to get the request there.
HASTY = Limits(deadline_s=2.0)


def message(ref: str = "m1-1", *, not_after: datetime = NOON + timedelta(hours=1)) -> OutMessage:
    return OutMessage(ref, "sms", "13812345678", "【示例银行】您好", "s1-warm-sms", not_after)


async def sent(url: str, *messages: OutMessage, limits: Limits = LIMITS) -> list[SendResult]:
    gateway: Gateway = ReferenceGateway(url, SECRET, noon, limits=limits)
    try:
        return await gateway.send(messages or (message(),), "k1")
    finally:
        await gateway.aclose()


async def asked(url: str, client_ref: str = "m1-1") -> QueryResult:
    gateway = ReferenceGateway(url, SECRET, noon, limits=LIMITS)
    try:
        return await gateway.query(Inquiry(client_ref))
    finally:
        await gateway.aclose()


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_simulator(tmp_path / "gateway.ndjson", SECRET) as running:
        yield running


async def test_a_batch_is_accepted_rejected_and_recorded_message_by_message(simulator: Running) -> None:
    await simulator.behave(reject_share=0.5)
    messages = [message(f"m{n}-1") for n in range(40)]
    results = await sent(simulator.url, *messages)
    assert [result.client_ref for result in results] == [m.client_ref for m in messages]
    assert [str(result.outcome) for result in results] == [str(line.outcome) for line in simulator.lines()]
    assert {result.outcome for result in results} == {Outcome.ACCEPTED, Outcome.REJECTED}
    assert all(result.gateway_id for result in results)
    assert {line.idempotency_key for line in simulator.lines()} == {"k1"}


async def test_the_same_key_again_is_the_same_message(simulator: Running) -> None:
    assert await sent(simulator.url) == await sent(simulator.url)
    assert [line.outcome for line in simulator.lines()] == ["accepted", "duplicate"]


async def test_a_gateway_that_honours_no_key_is_given_none(simulator: Running) -> None:
    gateway = ReferenceGateway(simulator.url, SECRET, noon, honours_idempotency=False)
    await gateway.send([message()], "k1")
    await gateway.aclose()
    assert (gateway.key_life_s, simulator.lines()[0].idempotency_key) == (0.0, None)


@pytest.mark.parametrize(
    "fault",
    ["accept_then_timeout", "accept_then_500", "accept_then_reset", "answer_other", "malformed", "huge"],
)
async def test_whatever_happens_after_the_gateway_accepted_is_unknown_and_a_query_settles_it(
    simulator: Running, fault: str
) -> None:
    await simulator.behave(fault=fault, fault_requests=1)
    (result,) = await sent(simulator.url, limits=HASTY if fault == "accept_then_timeout" else LIMITS)
    assert (result.outcome, result.gateway_id) == (Outcome.UNKNOWN, None)
    assert [(line.outcome, line.replied) for line in simulator.lines()] == [("accepted", False)]
    assert (await asked(simulator.url)).state is State.ACCEPTED


async def test_throttling_is_not_sent_and_says_when_to_come_back(simulator: Running) -> None:
    await simulator.behave(fault="throttle")
    (result,) = await sent(simulator.url)
    assert (result.outcome, result.retry_after_s) == (Outcome.NOT_SENT, 1.0)
    assert simulator.lines() == []


async def test_nobody_listening_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (result,) = await sent(f"http://127.0.0.1:{port}")
    assert (result.outcome, result.code) == (Outcome.NOT_SENT, "ConnectError")


async def test_no_free_connection_is_not_sent(simulator: Running) -> None:
    await simulator.behave(fault="accept_then_timeout")
    gateway = ReferenceGateway(simulator.url, SECRET, noon, limits=Limits(connect_s=1.0, connections=1))
    first = asyncio.create_task(gateway.send([message("m1-1")], "k1"))
    while not simulator.lines():
        await asyncio.sleep(0.01)
    (second,) = await gateway.send([message("m2-1")], "k2")
    first.cancel()
    await gateway.aclose()
    assert (second.outcome, second.code) == (Outcome.NOT_SENT, "PoolTimeout")
    assert [line.client_ref for line in simulator.lines()] == ["m1-1"]


ACCEPTED = b'{"results":[{"client_ref":"m1-1","gateway_id":"g1","status":"accepted"}]}'


@pytest.mark.parametrize(
    "reply",
    [
        None,
        b"",
        b"SSH-2.0-nonsense\r\n",
        http(202, b"")[:-1],
        http(202, ACCEPTED)[:-5],
        http(202, b"<html>"),
        http(202, b"[" * 30_000),
        http(202, b"\xff\xfe"),
        http(202, b'{"results":[]}'),
        http(202, b'{"results":[{"client_ref":"m1-1","gateway_id":null,"status":"accepted"}]}'),
        http(202, b'{"results":[{"client_ref":"m1-1","gateway_id":"g1","status":"queued"}]}'),
        http(202, ACCEPTED[:-2] + b',{"client_ref":"m1-1","gateway_id":"g1","status":"rejected"}]}'),
        http(202, b" " * 65_537),
        http(200, ACCEPTED),
        http(200, b'{"error":"balance too low"}'),
        http(204, b""),
        http(302, b"", "Location: http://127.0.0.1:1/"),
        http(408, b""),
        http(409, b""),
        http(500, ACCEPTED),
        http(503, b""),
    ],
    ids=lambda reply: repr(reply[:40]) if reply else repr(reply),
)
async def test_an_answer_that_is_not_a_clear_202_about_this_message_is_unknown(reply: bytes | None) -> None:
    async with answering(reply) as peer:
        (result,) = await sent(peer.url)
    assert result.outcome is Outcome.UNKNOWN
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        (400, Outcome.REJECTED, "bad_number"),
        (422, Outcome.REJECTED, "bad_number"),
        (401, Outcome.NOT_SENT, "bad_number"),
        (403, Outcome.NOT_SENT, "bad_number"),
        (429, Outcome.NOT_SENT, "throttled"),
    ],
)
async def test_a_definite_refusal_is_told_apart_from_a_shut_door(
    status: int, outcome: Outcome, code: str
) -> None:
    async with answering(http(status, b'{"code":"bad_number"}')) as peer:
        (result,) = await sent(peer.url)
    assert (result.outcome, result.code) == (outcome, code)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("999999", 3600.0), ("soon", 1.0), ("-3", 1.0)])
async def test_retry_after_is_read_in_seconds_and_bounded(header: str, seconds: float) -> None:
    async with answering(http(429, b"", f"Retry-After: {header}")) as peer:
        (result,) = await sent(peer.url)
    assert result.retry_after_s == seconds


async def test_of_two_answers_only_the_one_about_our_message_counts() -> None:
    body = json.dumps(
        {
            "results": [
                {"client_ref": "m2-1", "gateway_id": "g2", "status": "accepted"},
                {"client_ref": "stranger", "gateway_id": "g3", "status": "accepted"},
            ]
        }
    ).encode()
    async with answering(http(202, body)) as peer:
        first, second = await sent(peer.url, message("m1-1"), message("m2-1"))
    assert (first.outcome, first.code) == (Outcome.UNKNOWN, "no_result")
    assert (second.outcome, second.gateway_id) == (Outcome.ACCEPTED, "g2")


async def test_a_message_past_its_deadline_never_leaves(simulator: Running) -> None:
    late = message("late-1", not_after=NOON)
    results = await sent(simulator.url, late, message("m1-1"))
    assert [(r.outcome, r.code) for r in results] == [
        (Outcome.NOT_SENT, "too_late"),
        (Outcome.ACCEPTED, None),
    ]
    assert [line.client_ref for line in simulator.lines()] == ["m1-1"]


async def test_a_message_that_becomes_late_while_it_waits_for_a_connection_never_leaves(
    simulator: Running,
) -> None:
    instants = iter([NOON, NOON + timedelta(hours=2)])
    last = NOON + timedelta(hours=2)

    async def passing() -> datetime:
        return next(instants, last)

    gateway = ReferenceGateway(simulator.url, SECRET, passing)
    results = await gateway.send(
        [message("m1-1"), message("m2-1", not_after=NOON + timedelta(hours=3))], "k1"
    )
    await gateway.aclose()
    assert [(r.outcome, r.code) for r in results] == [
        (Outcome.NOT_SENT, "too_late"),
        (Outcome.ACCEPTED, None),
    ]
    assert [line.client_ref for line in simulator.lines()] == ["m2-1"]


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (http(404, b""), State.NOT_FOUND),
        (http(200, b'{"client_ref":"m1-1","gateway_id":"g1","status":"delivered"}'), State.DELIVERED),
        (http(200, b'{"client_ref":"other","gateway_id":"g1","status":"delivered"}'), State.UNKNOWN),
        (http(200, b'{"client_ref":"m1-1","status":"perhaps"}'), State.UNKNOWN),
        (http(500, b""), State.UNKNOWN),
        (None, State.UNKNOWN),
    ],
)
async def test_a_query_tells_only_what_the_gateway_clearly_says(reply: bytes | None, state: State) -> None:
    async with answering(reply) as peer:
        assert (await asked(peer.url)).state is state


async def test_a_query_of_nobody_is_unknown_and_its_reference_is_escaped() -> None:
    async with answering(http(404, b"")) as peer:
        await asked(peer.url, "a b&client_ref=c")
    assert peer.requests[0].startswith(b"GET /v1/messages?client_ref=a+b%26client_ref%3Dc HTTP/1.1")
    assert (await asked("http://127.0.0.1:1")).state is State.UNKNOWN


async def test_proxies_of_the_environment_are_not_used(
    simulator: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert (await sent(simulator.url))[0].outcome is Outcome.ACCEPTED


async def test_killed_after_the_request_the_gateway_has_it_and_no_one_knows(simulator: Running) -> None:
    program = (
        "import asyncio, sys; from tests.notifier.gateways.test_reference import sent; "
        "asyncio.run(sent(sys.argv[1]))"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, simulator.url),
        env=os.environ
        | {"FAILPOINTS": "notifier.after_request=kill", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert await process.wait() == -signal.SIGKILL
    while not simulator.lines():
        await asyncio.sleep(0.01)
    assert [(line.client_ref, line.outcome) for line in simulator.lines()] == [("m1-1", "accepted")]


def test_neither_number_nor_text_shows_in_a_message_that_is_printed() -> None:
    shown = repr(message())
    assert "13812345678" not in shown
    assert "您好" not in shown


async def test_a_request_is_signed_over_what_is_sent_and_times_are_utc() -> None:
    shanghai = (NOON + timedelta(hours=1)).astimezone()
    async with answering(http(202, ACCEPTED)) as peer:
        await sent(peer.url, message(not_after=shanghai))
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert b"webhook-signature: v1," in head.lower()
    assert json.loads(body)["messages"] == [
        {
            "client_ref": "m1-1",
            "channel": "sms",
            "to": "13812345678",
            "body": "【示例银行】您好",
            "not_after": (NOON + timedelta(hours=1)).astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "template": "s1-warm-sms",
        }
    ]
