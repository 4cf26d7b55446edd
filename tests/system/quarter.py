"""A quarter of a year: stories told side by side from its first day to its last, and what must hold then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tests.system.invariants import check_all
from tests.system.stories import FIRST_DAY, Conductor, Narrator, Tale, hire
from tests.system.world import world

#: Three months after the first day.
END = date(2026, 11, 30)
ALL_TOGETHER = "all together"
Told = dict[str, BaseException | None]


async def all_told(stories: Mapping[str, Narrator]) -> Told:
    """Stories told side by side in one system: how each ended, and whether what holds for all of them does."""
    async with world(start=FIRST_DAY) as w:
        conductor = Conductor(w)
        await hire(conductor)
        ends: Told = dict(await conductor.tell(stories))
        try:
            await check_all(w)
        except AssertionError as error:
            ends[ALL_TOGETHER] = error
        return ends


async def is_quiet(t: Tale, since: date, *, thanked: str | None = None) -> None:
    """From a day on nothing is said any more, but thanks at that minute, and only a report is left to correct."""
    await t.until(END)
    assert await t.heard(since) == ([(thanked, "thanks-sms")] if thanked else [])
    assert {task["kind"] for task in await t.tasks()} <= {"credit_report"}
    await t.check()


def overtaken(times: int) -> list[tuple[str, str, str]]:
    """Call tasks nobody took in hand before the next one was due."""
    return [("call", "expired", "overtaken")] * times
