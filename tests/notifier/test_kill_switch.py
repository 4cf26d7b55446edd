"""The kill switch under load: no reservation after its answer, nothing of a stopped channel, two to start again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from spine.events.parties import ContactPoint
from tests.notifier.test_api import door
from tests.notifier.test_one_person import loans
from tests.notifier.world import World, borrower

Make = Callable[..., Awaitable[World]]
PEOPLE = 60


async def crowd(it: World) -> None:
    """Many people, each with a text due."""
    ids = [f"B{number}" for number in range(PEOPLE)]
    await loans(it, **{id_: borrower(id_) for id_ in ids})
    for id_ in ids:
        await it.request(f"R-{id_}", f"L-{id_}", id_)


async def turn(client: httpx.AsyncClient, action: str, by: str, **also: Any) -> dict[str, Any]:
    answer = await client.post("/v1/kill-switch", json={"action": action, "by": by, **also})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def reserved_late(it: World) -> int:
    """How many reservations were made after the switch was turned."""
    async with it.runtime.transaction() as tx:
        row = await tx.execute(
            "SELECT count(*) FROM attempt WHERE sending_at >"
            " (SELECT changed_at FROM kill_switch WHERE scope = 'all')"
        )
        count: int = row.scalar_one()
        return count


async def test_a_stop_in_the_middle_of_the_rush_is_the_last_word(world: Make) -> None:
    it = await world(batch=1, lanes=8)
    await crowd(it)

    async def lane() -> None:
        while await it.sender.run():
            pass

    async with door(it) as client:
        rush = asyncio.gather(*(lane() for _ in range(4)))
        while len(it.gateway.taken) < 5:
            await asyncio.sleep(0)
        stopped = await turn(client, "stop", "a.1")
        at_the_answer = len(it.gateway.taken) + stopped["under_way"]
        await rush
        shown = (await client.get("/v1/kill-switch")).json()["switches"]
    assert stopped["stopped"] is True
    assert await reserved_late(it) == 0
    # What was under way may have arrived; nothing else has, and now it is silent.
    assert 5 <= len(it.gateway.taken) <= at_the_answer < PEOPLE
    assert {switch["under_way"] for switch in shown} == {0}


async def test_what_is_reserved_is_held_back_and_goes_when_two_start_it(
    world: Make,
) -> None:
    it = await world()
    await loans(it, B1=borrower("B1"))
    await it.request("R1", "L-B1", "B1")
    reservation = await it.reserve()
    async with door(it) as client:
        assert (await turn(client, "stop", "a.1"))["under_way"] == 1
        for key, messages in reservation.requests.items():
            await it.sender.hand_over(key, messages, committed_at=float("-inf"))
        assert await it.send() == 0
        assert it.gateway.taken == {}
        for wanting, approving in (("a.1", None), ("a.1", "a.1"), ("a.2", "a.1"), ("a.2", "a.2")):
            asked = {"action": "start", "by": wanting, "approved_by": approving}
            assert (await client.post("/v1/kill-switch", json=asked)).status_code == 409
        assert (await turn(client, "start", "a.1", approved_by="a.2"))["stopped"] is False
    await it.tick()
    assert await it.send() == 1
    assert len(it.gateway.taken) == 1


@pytest.mark.parametrize(("stopped", "channels"), [("sms", ["wechat"]), ("wechat", ["sms"]), (None, [])])
async def test_one_channel_stops_and_the_others_go_on(
    world: Make, stopped: str | None, channels: list[str]
) -> None:
    it = await world()
    points = (
        ContactPoint(id="s", channel="sms", address="13800138000", consent="given"),
        ContactPoint(id="w", channel="wechat", address="openid-1", consent="given"),
    )
    await loans(it, B1=borrower("B1", contact_points=points))
    await it.request("R1", "L-B1", "B1")
    await it.request("R2", "L-B1", "B1", channel="wechat")
    async with door(it) as client:
        await turn(client, "stop", "a.1", **({"channel": stopped} if stopped else {}))
    await it.send()
    assert sorted(message["channel"] for message in it.gateway.taken.values()) == channels
