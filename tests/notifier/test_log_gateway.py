"""The gateway that reads from the log: written once with the reservation, withdrawn when its gate closes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from spine.events.gateways import GatewayReceipt
from tests.notifier.gateways_file import gateways_file
from tests.notifier.world import NOON, World, cured
from tests.runtimes import emitted

Make = Callable[..., Awaitable[World]]


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
