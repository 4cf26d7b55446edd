"""A sender killed or stopped at every step of a send, at gateways of both kinds, with money arriving meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.notifier.world import NOON, SECRET, World, cured

Make = Callable[..., Awaitable[World]]

#: Nothing of the message has left this machine, or the gateway has it.
BEFORE = ("before_sending_commit", "after_sending_commit", "before_request")
AFTER = ("after_request", "after_reply", "before_settle_commit")


@dataclass(slots=True)
class Senders:
    """Starts senders one after the other, each a process that ends as its failpoint says."""

    zygote: asyncio.subprocess.Process
    secret_file: Path
    pid: int = 0

    async def start(self, it: World, failpoint: str, *, idempotent: bool) -> None:
        given = {
            "database": it.runtime.engine.url.set(drivername="postgresql").render_as_string(
                hide_password=False
            ),
            "gateway": it.gateway.url,
            "secret_file": str(self.secret_file),
            "now": NOON.isoformat(),
            "idempotent": idempotent,
            "failpoints": failpoint,
        }
        assert self.zygote.stdin is not None
        self.zygote.stdin.write(json.dumps(given).encode() + b"\n")
        await self.zygote.stdin.drain()
        self.pid = int(await self.heard())

    async def heard(self) -> str:
        """What the process did next."""
        assert self.zygote.stdout is not None
        async with asyncio.timeout(60):
            said = (await self.zygote.stdout.readline()).decode().strip()
        if said.startswith(("killed", "ended")):
            self.pid = 0
        return said

    async def go_on(self) -> str:
        os.kill(self.pid, signal.SIGCONT)
        return await self.heard()


@pytest.fixture(scope="module")
async def zygote() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.notifier.sender_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    yield process
    process.stdin.close()
    await process.wait()


@pytest.fixture
async def senders(zygote: asyncio.subprocess.Process, tmp_path: Path) -> AsyncIterator[Senders]:
    secret_file = tmp_path / "secret-of-senders"
    secret_file.write_text(SECRET)
    started = Senders(zygote, secret_file)
    yield started
    if started.pid:
        with suppress(ProcessLookupError):
            os.kill(started.pid, signal.SIGKILL)
            await started.heard()


async def one_due(world: Make, *, idempotent: bool) -> World:
    it = await world(gateway_idempotent=idempotent, fresh_within_s=600.0, lease_s=30.0)
    it.gateway.honours_keys = idempotent
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    return it


async def taken_over(it: World) -> None:
    """The lease of whoever died is over; the rest of the machine does what it does by itself."""
    async with it.runtime.transaction() as tx:
        await tx.execute(
            "UPDATE attempt SET sending_at = sending_at - interval '31 s' WHERE state = 'sending'"
        )
    for _ in range(3):
        await it.reconcile()
        await it.send_after_its_pause()


async def told(it: World) -> list[tuple[str, str]]:
    return [(fact["template"], word) for word, fact in await it.facts()]


async def counted(it: World) -> list[str]:
    """The states of the attempts that count in caps."""
    async with it.runtime.transaction() as tx:
        rows = await tx.execute("SELECT state FROM attempt WHERE state NOT IN ('rejected', 'not_sent')")
        return [row.state for row in rows]


#: reliability.md 2.2, by where the sender died: what the gateway ends up with and what is told, without and with
#: the money arriving before anybody takes over.
FIRST, AGAIN, LOST = ("s1-warm-sms", "accepted"), ("s1-warm-sms", "deferred"), ("s1-warm-sms", "unknown")
STOPPED, CLOSED = ("s1-warm-sms", "suppressed"), ("closure-sms", "accepted")
NEEDLESS = ("closure-sms", "suppressed")
KEYED: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "before_sending_commit": ([FIRST], [STOPPED]),
    "after_sending_commit": ([LOST, FIRST], [LOST, STOPPED, NEEDLESS]),
    "before_request": ([LOST, FIRST], [LOST, STOPPED, NEEDLESS]),
    "after_request": ([LOST, FIRST], [LOST, FIRST, CLOSED]),
    "after_reply": ([LOST, FIRST], [LOST, FIRST, CLOSED]),
    "before_settle_commit": ([LOST, FIRST], [LOST, FIRST, CLOSED]),
}


@pytest.mark.parametrize("paid", [False, True], ids=["", "paid"])
@pytest.mark.parametrize("idempotent", [True, False], ids=["keys", "no keys"])
@pytest.mark.parametrize("place", [*BEFORE, *AFTER])
async def test_whoever_dies_in_the_middle_leaves_one_message_or_none(
    world: Make, senders: Senders, place: str, idempotent: bool, paid: bool
) -> None:
    it = await one_due(world, idempotent=idempotent)
    await senders.start(it, f"notifier.{place}=kill", idempotent=idempotent)
    assert await senders.heard() == "killed 9"
    reached = len(it.gateway.taken)
    assert reached == (place in AFTER)
    if paid:
        await it.take(cured("L1", "B1"), seq=2)
        await it.tick()
    await taken_over(it)
    expected = sorted(KEYED[place][paid])
    if not idempotent and LOST in expected and place in BEFORE:
        # Without a key it is another attempt: the gateway said for certain that it has not got the first.
        expected = sorted([*expected, AGAIN])
    assert sorted(await told(it)) == expected
    bodies = [body for body in it.gateway.bodies() if "款项我们已经收到" not in body]
    assert len(bodies) == (0 if paid and place in BEFORE else 1)
    assert len(await counted(it)) == len(it.gateway.taken)
    if idempotent and place in BEFORE and not paid:
        assert {ref.rpartition("-")[2] for ref in it.gateway.taken} == {"1"}


@pytest.mark.parametrize("place", [*BEFORE, *AFTER])
async def test_money_that_arrives_at_any_step_of_a_send(world: Make, senders: Senders, place: str) -> None:
    it = await one_due(world, idempotent=True)
    await senders.start(it, f"notifier.{place}=stop@1", idempotent=True)
    assert await senders.heard() == "stopped"
    # Before the reservation is committed its gates are held: the money waits, at most until the server ends the
    # transaction of whoever stands still, and comes first then.
    paying = asyncio.create_task(it.take(cured("L1", "B1"), seq=2))
    if place == "before_settle_commit":
        await asyncio.sleep(0.2)
    else:
        await paying
        # Within a tenth of a second of its commit a reservation may leave as it is; later it is looked at again.
        await asyncio.sleep(0.15)
    assert await senders.go_on() == "ended 0"
    await paying
    await it.tick()
    await taken_over(it)
    bodies = it.gateway.bodies()
    if place in BEFORE:
        # Known before a byte left: nothing leaves.
        assert bodies == []
        assert STOPPED in await told(it)
    else:
        # It had left: it counts, and is followed by a closure text, once.
        assert ["款项我们已经收到" in body for body in bodies] == [False, True]
        assert await told(it) == [FIRST, CLOSED]


@pytest.mark.parametrize("idempotent", [True, False], ids=["keys", "no keys"])
async def test_a_sender_that_wakes_up_after_its_lease_writes_nothing_and_sends_nothing_twice(
    world: Make, senders: Senders, idempotent: bool
) -> None:
    it = await one_due(world, idempotent=idempotent)
    await senders.start(it, "notifier.before_request=stop@1", idempotent=idempotent)
    assert await senders.heard() == "stopped"
    await taken_over(it)
    assert len(it.gateway.taken) == 1
    # A lease lasts far longer than the tenth of a second in which a reservation may leave as it is.
    await asyncio.sleep(0.15)
    assert await senders.go_on() == "ended 0"
    await taken_over(it)
    assert len(it.gateway.arrived) == 1
    assert (await told(it))[-1] == FIRST
    assert await counted(it) == ["accepted"]
