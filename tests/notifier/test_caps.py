"""Caps under concurrency: sixteen senders and desks at one person's loans never exceed them, whatever comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from notifier.app import assemble
from notifier.handlers.permit_facts import Counter, Wanted
from notifier.handlers.permits import ask
from notifier.settings import NotifierSettings
from spine.clock import FixedClock
from spine.database import Runtime, create_engine
from spine.service import Service
from tests.notifier.world import NOON, World, a_vault, request
from tests.runtimes import SHANGHAI

Make = Callable[..., Awaitable[World]]
WORKERS = 16


async def workers(
    it: World, stack: AsyncExitStack, secret_file: Path, **changes: Any
) -> list[tuple[Runtime, Service]]:
    """Sixteen notifiers, each with an engine and gateway connections of its own, on one database."""
    url = it.runtime.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = replace(
        NotifierSettings(gateway_url=it.gateway.url, gateway_secret_file=secret_file), lanes=1, **changes
    )
    made = []
    for n in range(WORKERS):
        engine = create_engine(url, name=f"worker{n}", pool_size=1)
        stack.push_async_callback(engine.dispose)
        runtime = Runtime("notifier", engine, FixedClock(NOON), SHANGHAI, it.runtime.partitions)
        service = assemble(runtime, settings, a_vault())
        for close in service.closing:
            stack.push_async_callback(close)
        made.append((runtime, service))
    return made


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("reply", ["accept", "silent"])
async def test_sixteen_workers_never_exceed_the_caps_of_one_person(
    world: Make, tmp_path: Path, reply: str, batch: int
) -> None:
    it = await world(fresh_within_s=600.0)
    loans = [f"L{n}" for n in range(4)]
    await it.ready(*((loan, "B1") for loan in loans))
    now = await it.runtime.clock.now()
    await it.take(*(request(f"R{loan}{n}", loan, "B1", now) for loan in loans for n in range(8)))
    it.gateway.reply = reply
    async with AsyncExitStack() as stack:
        made = await workers(
            it, stack, tmp_path / "secret", batch=batch, fresh_within_s=600.0, http_timeout_s=20.0
        )
        sends = [s.run for _, service in made for s in service.schedules if s.name == "send"]
        for _ in range(4):
            await asyncio.gather(*(send() for send in sends))
    assert len(it.gateway.arrived) == len(it.gateway.taken) == 2
    words = await it.words()
    assert words.count("accepted" if reply == "accept" else "unknown") == 2
    # What is not known to have failed uses up the cap as what was accepted does.
    assert words.count("deferred") == 30
    assert {rule for rules in await it.rules() for rule in rules} == {"HOUSE-SMS-DAY"}


async def test_what_is_rejected_gives_its_place_back_to_sixteen_workers(world: Make, tmp_path: Path) -> None:
    it = await world(fresh_within_s=600.0)
    await it.ready(("L1", "B1"), ("L2", "B1"))
    now = await it.runtime.clock.now()
    await it.take(*(request(f"R{n}", f"L{1 + n % 2}", "B1", now) for n in range(6)))
    it.gateway.reply = "reject"
    async with AsyncExitStack() as stack:
        made = await workers(
            it, stack, tmp_path / "secret", batch=1, fresh_within_s=600.0, http_timeout_s=20.0
        )
        sends = [s.run for _, service in made for s in service.schedules if s.name == "send"]
        for _ in range(8):
            await asyncio.gather(*(send() for send in sends))
    # Never more than two were under way at once, and none of them counts any more.
    async with it.runtime.transaction() as tx:
        rows = await tx.execute("SELECT count(*) FROM attempt WHERE state <> 'rejected'")
        assert rows.scalar_one() == 0
    words = await it.words()
    assert words.count("rejected") >= 2
    assert words.count("rejected") + words.count("deferred") >= 6


async def test_sixteen_people_who_ask_at_once_get_three_conversations_a_day(
    world: Make, tmp_path: Path
) -> None:
    it = await world(fresh_within_s=600.0)
    loans = [f"L{n}" for n in range(4)]
    await it.ready(*((loan, "B1") for loan in loans))
    async with AsyncExitStack() as stack:
        made = await workers(it, stack, tmp_path / "secret", fresh_within_s=600.0)

        async def wants(n: int, runtime: Runtime, counter: Counter) -> bool:
            wanted = Wanted(
                borrower_id="B1",
                loan_id=loans[n % 4],
                channel="call",
                purpose="collection",
                stage="S3",
                by=f"agent-{n}",
            )
            permit, _ = await runtime.run(lambda tx: ask(tx, counter, wanted, key=None, digest=str(n)))
            return permit.granted

        granted = await asyncio.gather(
            *(wants(n, runtime, service.state["counter"]) for n, (runtime, service) in enumerate(made))
        )
    assert granted.count(True) == 3
