"""What people put into force is what every process writes by from then on, and values stay data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

from notifier.app import assemble
from notifier.settings import NotifierSettings
from notifier.store import kill_switch
from tests.notifier.templates.drafting import DRAFTS, act, activate, door, in_force, written
from tests.notifier.world import World, a_vault

Make = Callable[..., Awaitable[World]]


async def test_a_new_template_can_be_sent_by(world: Make) -> None:
    it = await world()
    async with door(it) as client:
        assert (await client.get("/v1/templates/mine-sms")).status_code == 404
        await activate(client, written(version=1, template_id="mine-sms"))
        assert await in_force(client, "mine-sms") == (1, [1], "activated")
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1", template="mine-sms")
    await it.send()
    assert await it.words() == ["accepted"]
    assert it.gateway.arrived[0]["body"].startswith("【示例消费金融】请看")


async def test_every_process_takes_up_what_one_of_them_was_told(world: Make) -> None:
    it = await world()
    other = assemble(it.runtime, NotifierSettings(), a_vault())
    await it.ready(("L1", "B1"), ("L2", "B2"), ("L3", "B3"))
    async with door(it) as client, door(it, other) as elsewhere:
        await it.request("R1", "L1", "B1")
        await it.send()
        active = await activate(elsewhere, written())
        await it.request("R2", "L2", "B2")
        await it.send()
        assert await in_force(client) == (2, [1, 2], "activated")
        await act(elsewhere, active, "withdraw", "eve", reason="a complaint")
        await it.request("R3", "L3", "B3")
        await it.send()
        # The version each text was made by is kept with its attempt.
        used = []
        for _, fact in await it.facts():
            message = (await client.get(f"/v1/messages/{fact['message_id']}")).json()
            used.append([attempt["template_version"] for attempt in message["attempts"]])
        assert used == [[1], [2], [1]]
        assert it.gateway.arrived[1]["body"] == "【示例消费金融】请看，请致电400-800-0000。"


async def test_what_was_changed_behind_the_back_is_not_executed(world: Make) -> None:
    it = await world()
    async with door(it) as client:
        active = await activate(client, written())
        async with it.runtime.engine.begin() as connection:
            await connection.execute(sql("UPDATE template_draft SET body = replace(body, '请看', '速还')"))
        other = assemble(it.runtime, NotifierSettings(), a_vault())
        async with door(it, other) as fresh:
            assert await in_force(fresh) == (1, [1], "shipped")
            reasons = (await fresh.get("/readyz")).json()["reasons"]
            assert any("is not the text that was approved" in reason for reason in reasons)
        # And the database itself keeps apart who wrote and who approved.
        with pytest.raises(IntegrityError, match="template_draft_two_people"):
            async with it.runtime.engine.begin() as connection:
                await connection.execute(
                    sql("UPDATE template_draft SET approved_by = 'ann' WHERE draft_id = :id"),
                    {"id": active["draft_id"]},
                )


async def test_a_withdrawal_waits_for_what_is_being_written(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    async with door(it) as client:
        active = await activate(client, written())
        async with it.runtime.transaction() as tx:
            await kill_switch.stopped_scopes(tx, hold=True)
            url = f"{DRAFTS}/{active['draft_id']}/withdraw"
            stopping = asyncio.create_task(client.post(url, json={"by": "eve", "reason": "a complaint"}))
            _, waiting = await asyncio.wait({stopping}, timeout=0.3)
            assert waiting
        assert (await stopping).status_code == 200
        await it.request("R1", "L1", "B1")
        [requests] = (await it.reserve()).requests.values()
        assert "请看" not in requests[0].body


@pytest.mark.parametrize(
    "name",
    ["{{ 7*7 }}", "{0.__class__}", "王\n点击 http://x.example", "x.example.com", "王\u202e"],
)
async def test_a_name_is_data_whatever_it_says(world: Make, name: str) -> None:
    it = await world()
    await it.borrower("B1", name=name)
    await it.overdue("L1", "B1")
    await it.tick()
    await it.request("R1", "L1", "B1")
    await it.send()
    [message] = it.gateway.arrived
    assert message["body"].startswith("【示例消费金融】您好！11月20日的账单3,259.52元")
