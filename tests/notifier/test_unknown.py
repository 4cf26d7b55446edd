"""What may or may not have gone out is found out, never blindly repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from spine.health import readiness
from tests.notifier.world import World, cured

Make = Callable[..., Awaitable[World]]


async def one_unknown(world: Make, reply: str, **changes: object) -> World:
    it = await world(**changes)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    it.gateway.reply = reply
    await it.send()
    it.gateway.reply = "accept"
    return it


async def test_accepted_without_a_word_is_found_out_and_not_sent_again(world: Make) -> None:
    it = await one_unknown(world, "silent")
    assert await it.words() == ["unknown"]
    async with it.runtime.transaction() as tx:
        assert (await it.service.due(tx)).open == 1
    await it.reconcile()
    assert await it.words() == ["unknown", "accepted"]
    await it.send()
    assert len(it.gateway.arrived) == 1
    [(_, unknown), (_, accepted)] = await it.facts()
    assert unknown["client_ref"] == accepted["client_ref"]


async def test_no_reply_in_time_is_unknown(world: Make) -> None:
    it = await world(http_timeout_s=0.3)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    it.gateway.go_on = asyncio.Event()
    await it.send()
    assert await it.words() == ["unknown"]
    it.gateway.go_on.set()
    await it.reconcile()
    await it.send_after_its_pause()
    assert await it.words() == ["unknown", "accepted"]
    assert len(it.gateway.taken) == 1


@pytest.mark.parametrize("idempotent", [True, False])
async def test_what_never_arrived_is_sent_once_more_through_the_whole_gate(
    world: Make, idempotent: bool
) -> None:
    it = await one_unknown(world, "lost", gateway_idempotent=idempotent)
    await it.reconcile()
    await it.send_after_its_pause()
    assert len(it.gateway.taken) == 1
    words = await it.words()
    assert words == (["unknown", "accepted"] if idempotent else ["unknown", "deferred", "accepted"])
    [ref] = it.gateway.taken
    assert ref.endswith("-1" if idempotent else "-2")


async def test_a_first_try_that_arrives_late_and_its_repetition_are_one_message(world: Make) -> None:
    it = await one_unknown(world, "silent")
    it.gateway.forgets = True
    await it.reconcile()
    await it.send_after_its_pause()
    assert len(it.gateway.arrived) == 2
    assert it.gateway.arrived[0] == it.gateway.arrived[1]
    assert len(it.gateway.taken) == 1
    assert await it.words() == ["unknown", "accepted"]


async def test_what_never_arrived_stays_away_when_the_money_came_meanwhile(world: Make) -> None:
    it = await one_unknown(world, "lost")
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.reconcile()
    await it.send_after_its_pause()
    assert it.gateway.arrived == []
    # The second is the text that would have answered to it.
    assert await it.words() == ["unknown", "suppressed", "suppressed"]
    async with it.runtime.transaction() as tx:
        rows = await tx.execute("SELECT state FROM attempt")
        assert [row.state for row in rows] == ["not_sent"]


async def test_an_unknown_message_counts_in_the_cap(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    for n in range(2):
        await it.request(f"R{n}", "L1", "B1")
    it.gateway.reply = "silent"
    await it.send()
    it.gateway.reply = "accept"
    await it.request("R3", "L1", "B1")
    await it.send_after_its_pause()
    assert await it.words() == ["unknown", "unknown", "deferred"]


async def test_a_sender_that_died_leaves_an_attempt_that_is_taken_over(world: Make) -> None:
    it = await world(lease_s=20.0)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    it.gateway.go_on = asyncio.Event()
    sending = asyncio.create_task(it.send())
    await it.gateway.on_request.wait()
    sending.cancel()
    await asyncio.wait([sending])
    it.gateway.go_on.set()
    assert await it.reconcile() == 0
    async with it.runtime.transaction() as tx:
        await tx.execute("UPDATE attempt SET sending_at = sending_at - interval '21 s'")
    assert await it.reconcile() > 0
    await it.send()
    assert await it.words() == ["unknown", "accepted"]
    assert len(it.gateway.arrived) == 1


async def test_nothing_that_no_one_can_tell_is_ever_repeated_and_a_person_is_asked(world: Make) -> None:
    it = await one_unknown(world, "silent", gateway_name="old", human_after_s=0.0)
    async with it.runtime.transaction() as tx:
        await tx.execute("UPDATE attempt SET gateway = 'gone'")
    await it.reconcile()
    await it.send_after_its_pause()
    assert len(it.gateway.arrived) == 1
    assert any("1 message(s) wait for a person" in r for r in await readiness(it.service, it.runtime))
    async with it.runtime.transaction() as tx:
        assert (await it.service.due(tx)).open == 0


async def test_a_gateway_that_is_down_uses_up_nothing(world: Make) -> None:
    it = await world(gateway_url="http://127.0.0.1:9")
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.words() == []
    async with it.runtime.transaction() as tx:
        assert (await it.service.due(tx)).open == 1
        states = await tx.execute(
            "SELECT m.state, a.state AS attempt FROM message m JOIN attempt a ON a.message_id = m.id"
        )
        assert [tuple(row) for row in states] == [("planned", "not_sent")]
