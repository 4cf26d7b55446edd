"""From the reservation through relay, log and gateway back to the receipt, on a real log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from spine.broker.embedded import EmbeddedLog
from spine.consumer import Consumer
from spine.migrations import migrate
from spine.relay import Relay
from spine.topics import all_topic_names
from spine.wakeups import Wakeups
from tact.simulator.intake import Intake
from tact.simulator.log import LogGateway
from tact.simulator.record import Line, read_record
from tests.notifier.gateways_file import gateways_file
from tests.notifier.world import World, cured
from tests.spine.flow.probe import until

Make = Callable[..., Awaitable[World]]
MakeDatabase = Callable[[], Awaitable[str]]


@dataclass(slots=True)
class Flow:
    """A notifier whose relay and consumer run, and the gateway at the other end."""

    it: World
    gateway: LogGateway
    record: Path
    broker: EmbeddedLog

    def lines(self) -> list[Line]:
        return list(read_record(self.record))

    async def told(self, *words: str) -> bool:
        return await self.it.words() == list(words)


@asynccontextmanager
async def flowing(world: Make, make_database: MakeDatabase, folder: Path) -> AsyncIterator[Flow]:
    it = await world(
        gateway_url="", gateways_file=gateways_file(folder, {"log": {"kafka": {}}}, {"sms": ["log"]})
    )
    log_url = await make_database()
    await migrate("spine.broker", log_url)
    broker, stopping = EmbeddedLog(log_url), asyncio.Event()
    await broker.start()
    await broker.ensure_topics(all_topic_names(), it.runtime.partitions)
    intake = Intake(folder / "gateway.ndjson")
    gateway = LogGateway(broker, intake, it.runtime.clock.now, it.runtime.partitions)
    topics = [consume.topic for consume in it.service.consumes]
    consumer = Consumer(
        it.service,
        it.runtime,
        broker.consumer("notifier", topics, "m0"),
        member="m0",
        wakeups=Wakeups(),
    )
    relay = Relay(it.service, it.runtime, broker, member="m0", outbox_woken=asyncio.Event())
    tasks = [asyncio.create_task(part.run(stopping)) for part in (gateway, consumer, relay)]
    try:
        yield Flow(it, gateway, folder / "gateway.ndjson", broker)
    finally:
        stopping.set()
        for task in tasks:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(task, 15)
        intake.close()
        await broker.close()


async def test_a_message_is_handed_on_once_however_often_the_log_carries_it(
    world: Make, make_database: MakeDatabase, tmp_path: Path
) -> None:
    async with flowing(world, make_database, tmp_path) as flow:
        flow.gateway.behaviour = flow.gateway.behaviour.changed({"receipt_copies": 2})
        await flow.it.ready(("L1", "B1"))
        await flow.it.request("R1", "L1", "B1")
        await flow.it.send()
        await until(lambda: flow.told("accepted", "delivered"))
        # The relay dies after publishing and before marking: the record comes again under its position.
        async with flow.it.runtime.engine.begin() as connection:
            await connection.execute(text("UPDATE outbox_mark SET published_position = 0"))
        await flow.it.ready(("L2", "B2"))
        await flow.it.request("R2", "L2", "B2")
        await flow.it.send()
        await until(lambda: flow.told("accepted", "delivered", "accepted", "delivered"))
        assert sorted(line.outcome for line in flow.lines()) == ["accepted", "accepted"]
        assert len({line.client_ref for line in flow.lines()}) == 2


async def test_a_settlement_while_the_gateway_holds_the_message_takes_it_back(
    world: Make, make_database: MakeDatabase, tmp_path: Path
) -> None:
    async with flowing(world, make_database, tmp_path) as flow:
        flow.gateway.behaviour = flow.gateway.behaviour.changed({"accept_delay_s": 30.0})
        await flow.it.ready(("L1", "B1"))
        await flow.it.request("R1", "L1", "B1")
        await flow.it.send()
        await until(lambda: flow.told("accepted"))
        await flow.it.take(cured("L1", "B1"), seq=2)
        assert await flow.it.schedule("queue").run() == 1

        async def withdrawn() -> bool:
            facts = await flow.it.facts()
            return any(word == "failed" and fact.get("code") == "withdrawn" for word, fact in facts)

        await until(withdrawn)
        assert flow.lines() == []
