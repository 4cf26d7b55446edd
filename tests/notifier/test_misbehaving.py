"""A gateway that accepts and says nothing, resets, fails, dawdles or answers for another: no duplicate, no loss."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.notifier.gateways.adapters import SECRET as GATEWAY_SECRET
from tests.notifier.gateways.adapters import simulated
from tests.notifier.world import World, request

Make = Callable[..., Awaitable[World]]
PEOPLE = [(f"L{n}", f"B{n}") for n in range(6)]
FAULTS = [
    "accept_then_timeout",
    "accept_then_500",
    "accept_then_reset",
    "answer_other",
    "malformed",
    "huge",
    "throttle",
    "refuse_500",
]


@pytest.mark.parametrize("idempotent", [True, False], ids=["keys", "no keys"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_the_gateway_does_everyone_is_written_to_once_and_it_is_counted(
    world: Make, tmp_path: Path, fault: str, idempotent: bool
) -> None:
    secret_file = tmp_path / "gateway-secret"
    secret_file.write_text(GATEWAY_SECRET)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(simulated(tmp_path))
        # Now and then a request meets the fault, and what was taken in is not found at once when asked for.
        await gateway.behave(fault=fault, fault_requests=2, honours_idempotency=idempotent, query_lag_s=0.3)
        it = await world(
            gateway_url=gateway.url,
            gateway_secret_file=secret_file,
            gateway_idempotent=idempotent,
            fresh_within_s=600.0,
            http_timeout_s=0.8,
            # Longer than the gateway takes to know what it was given.
            settle_s=0.6,
            batch=2,
        )
        await it.ready(*PEOPLE)
        now = await it.runtime.clock.now()
        await it.take(*(request(f"R{loan}", loan, borrower, now) for loan, borrower in PEOPLE))
        async with asyncio.timeout(60):
            while not await everyone_was_written_to(it):
                await it.send_after_its_pause()
                await it.reconcile()
                await asyncio.sleep(0.05)
        outcomes = Counter((line.to, line.outcome) for line in gateway.lines())
    assert sorted(outcomes[number, "accepted"] for number, _ in outcomes if _ == "accepted") == [1] * len(
        PEOPLE
    )
    # Each is on record as accepted once, under the reference that the gateway knows it by.
    accepted = [fact["client_ref"] for word, fact in await it.facts() if word == "accepted"]
    assert sorted(accepted) == sorted(
        line.client_ref for line in gateway.lines() if line.outcome == "accepted"
    )


async def everyone_was_written_to(it: World) -> bool:
    async with it.runtime.transaction() as tx:
        rows = await tx.execute(
            "SELECT count(*) FROM message WHERE state IN ('planned', 'sending', 'unknown')"
        )
        return bool(rows.scalar_one() == 0)
