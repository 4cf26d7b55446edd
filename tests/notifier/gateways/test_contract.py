"""What the sender relies on, kept by every adapter against the simulator's misbehaviour on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.gateways.http import Limits
from notifier.gateways.last_look import watched_by
from notifier.gateways.port import Outcome, State
from tests.notifier.gateways.adapters import ADAPTERS, Adapter, ready, simulated
from tests.tact.simulator.running import NOON, Running

HASTY = Limits(deadline_s=2.0, reply_bytes=65_536)
every_adapter = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Running]:
    async with simulated(tmp_path) as running:
        yield running


@every_adapter
async def test_each_message_is_accepted_once_with_an_id_and_its_very_words(
    simulator: Running, adapter: Adapter
) -> None:
    messages = [adapter.message(n) for n in range(5)]
    async with ready(adapter, simulator.url) as gateway:
        results = await gateway.send(messages, "k1")
    assert [r.client_ref for r in results] == [m.client_ref for m in messages]
    assert all(r.outcome is Outcome.ACCEPTED and r.gateway_id for r in results)
    lines = simulator.lines()
    assert sorted(line.to for line in lines) == sorted(m.to for m in messages)
    assert {line.body for line in lines} == {adapter.body}


@every_adapter
@pytest.mark.parametrize(
    "fault",
    ["accept_then_timeout", "accept_then_500", "accept_then_reset", "answer_other", "malformed", "huge"],
)
async def test_whatever_goes_wrong_after_acceptance_is_unknown(
    simulator: Running, adapter: Adapter, fault: str
) -> None:
    await simulator.behave(fault=fault, fault_requests=1)
    limits = HASTY if fault == "accept_then_timeout" else None
    async with ready(adapter, simulator.url, limits) as gateway:
        (result,) = await gateway.send([adapter.message()], "k1")
        asked = await gateway.query(adapter.inquiry())
    assert (result.outcome, result.gateway_id) == (Outcome.UNKNOWN, None)
    assert [(line.outcome, line.replied) for line in simulator.lines()] == [("accepted", False)]
    # Whoever can be asked knows it; whoever cannot says nothing.
    if gateway.can_query:
        assert asked.state in (State.ACCEPTED, State.DELIVERED)
    else:
        assert asked.state is State.UNKNOWN


@every_adapter
async def test_a_gateway_that_breaks_before_it_takes_anything_is_unknown_too(
    simulator: Running, adapter: Adapter
) -> None:
    await simulator.behave(fault="refuse_500", fault_requests=1)
    async with ready(adapter, simulator.url) as gateway:
        (result,) = await gateway.send([adapter.message()], "k1")
        asked = await gateway.query(adapter.inquiry())
    assert result.outcome is Outcome.UNKNOWN
    assert simulator.lines() == []
    assert asked.state is (State.NOT_FOUND if gateway.can_query else State.UNKNOWN)


@every_adapter
async def test_throttling_is_not_sent_and_says_for_how_long(simulator: Running, adapter: Adapter) -> None:
    await simulator.behave(fault="throttle")
    async with ready(adapter, simulator.url) as gateway:
        (result,) = await gateway.send([adapter.message()], "k1")
    assert (result.outcome, result.code) == (Outcome.NOT_SENT, "throttled")
    assert result.retry_after_s == adapter.throttled_s
    assert simulator.lines() == []


@every_adapter
async def test_a_refused_message_is_told_by_its_reason(simulator: Running, adapter: Adapter) -> None:
    await simulator.behave(reject_share=1.0)
    async with ready(adapter, simulator.url) as gateway:
        (result,) = await gateway.send([adapter.message()], "k1")
    assert (result.outcome, result.code) == (Outcome.REJECTED, adapter.rejected_code)
    assert "accepted" not in {line.outcome for line in simulator.lines()}


@every_adapter
async def test_nobody_listening_is_not_sent(simulator: Running, adapter: Adapter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gateway = adapter.make(f"http://127.0.0.1:{port}", HASTY)
    why = await gateway.warm()
    (result,) = await gateway.send([adapter.message()], "k1")
    await gateway.aclose()
    assert result.outcome is Outcome.NOT_SENT
    assert result.code == ("ConnectError" if why is None else "no_token")


@every_adapter
async def test_what_is_too_late_never_leaves(simulator: Running, adapter: Adapter) -> None:
    async with ready(adapter, simulator.url) as gateway:
        late, fine = adapter.message(1, not_after=NOON), adapter.message(2)
        results = await gateway.send([late, fine], "k1")
    assert [(r.outcome, r.code) for r in results] == [
        (Outcome.NOT_SENT, "too_late"),
        (Outcome.ACCEPTED, None),
    ]
    assert [line.to for line in simulator.lines()] == [fine.to]


@every_adapter
async def test_a_gate_that_closes_while_a_connection_is_waited_for_keeps_the_bytes_back(
    simulator: Running, adapter: Adapter
) -> None:
    async def look(refs: Sequence[str]) -> frozenset[str]:
        return frozenset(refs) & {"m1-1"}

    async with ready(adapter, simulator.url) as gateway:
        with watched_by(look):
            results = await gateway.send([adapter.message(1), adapter.message(2)], "k1")
    assert {r.client_ref: r.code for r in results}["m1-1"] == "gate_closed"
    assert adapter.address(1) not in {line.to for line in simulator.lines()}


@every_adapter
async def test_many_at_once_have_an_answer_each(simulator: Running, adapter: Adapter) -> None:
    async with ready(adapter, simulator.url) as gateway:
        rounds = await asyncio.gather(
            *(gateway.send([adapter.message(10 * n + i) for i in range(3)], f"k{n}") for n in range(8))
        )
    assert {r.outcome for results in rounds for r in results} == {Outcome.ACCEPTED}
    assert len({line.to for line in simulator.lines()}) == len(simulator.lines()) == 24


@every_adapter
async def test_a_message_not_handed_over_is_not_known_to_who_can_be_asked(
    simulator: Running, adapter: Adapter
) -> None:
    async with ready(adapter, simulator.url) as gateway:
        await gateway.send([adapter.message(2)], "k2")
        asked = await gateway.query(adapter.inquiry(1))
        assert asked.state is (State.NOT_FOUND if gateway.can_query else State.UNKNOWN)


@every_adapter
async def test_a_slow_answer_is_an_answer(simulator: Running, adapter: Adapter) -> None:
    await simulator.behave(slow_s=0.2, accept_delay_s=0.1)
    async with ready(adapter, simulator.url) as gateway:
        (result,) = await gateway.send([adapter.message(not_after=NOON + timedelta(minutes=1))], "k1")
    assert result.outcome is Outcome.ACCEPTED
