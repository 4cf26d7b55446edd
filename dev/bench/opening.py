"""The opening of a morning: what waited for 08:00 is decided anew and leaves, with its curve at the gateway."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from dev.bench.machine import Place
from dev.bench.mailing import ShiftedClock, mailing, shanghai
from dev.bench.result import Result
from dev.bench.sends import send_all
from tact.simulator.record import read_record

MESSAGES: Final = 100_000
#: Over so long the opening is spread, as the service does by default.
SPREAD_S: Final = 120.0
_BAR: Final = 50
_ROWS: Final = 24


async def measure(place: Place, messages: int = MESSAGES) -> tuple[Result, str]:
    """Asks for all texts at night, lets each be deferred, and opens the morning; the figure and its curve."""
    opens_at = shanghai(8)
    night = opens_at - timedelta(hours=1) - datetime.now(UTC)
    async with mailing(place, night, pool=16, opening_spread_s=SPREAD_S) as it:
        clock = it.runtime.clock
        assert isinstance(clock, ShiftedClock)
        await it.people(messages)
        await it.ask("night", messages)
        await it.analyze()
        await send_all(it)
        assert await it.states() == {"planned": messages}
        await it.analyze()
        clock.ahead = opens_at - datetime.now(UTC)
        started = time.perf_counter()
        while (await it.states()).get("planned", 0):
            await send_all(it)
            await asyncio.sleep(0.1)
        elapsed_s = time.perf_counter() - started
        arrived = [line.received_wall for line in read_record(it.record) if line.outcome == "accepted"]
    assert len(arrived) == messages, len(arrived)
    path = f"opening of a morning, {messages:,} messages"
    figure = Result(
        path, "messages/s", messages / elapsed_s, "the backlog over its spread", messages / SPREAD_S
    )
    return figure, curve(arrived)


def curve(arrived: Sequence[datetime]) -> str:
    """Messages a second over time, by the gateway's own clock: a row for each stretch of it."""
    first = min(arrived)
    seconds = [(at - first).total_seconds() for at in arrived]
    width_s = max(1, math.ceil((max(seconds) + 1) / _ROWS))
    counts = Counter(int(second // width_s) for second in seconds)
    most = max(counts.values())
    rows = []
    for stretch in range(max(counts) + 1):
        rate = counts[stretch] / width_s
        bar = "#" * round(_BAR * counts[stretch] / most)
        rows.append(f"{stretch * width_s:5d} s {rate:8,.0f}/s {bar}")
    return "\n".join(rows)
