"""The feed's pulse: who was heard when, and who has gone silent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from ledger.books import Outcome
from ledger.schedule import schedules
from ledger.store import feeds
from tests.ledger.desk import NOON, Desk, open_desk
from tests.ledger.events import arriving, at, heartbeat, opened, posted

Make = Callable[[], Awaitable[str]]

_AFTER = timedelta(minutes=90)


async def silent(desk: Desk) -> list[str]:
    async with desk.runtime.transaction() as tx:
        return [feed.source for feed in await feeds.silent(tx, _AFTER)]


def pass_time(desk: Desk, **time: int) -> None:
    """Lets time pass, to the second."""
    desk.runtime.clock.instant += timedelta(**time)  # type: ignore[attr-defined]


async def test_a_heartbeat_is_noted_and_says_nothing(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        beat = arriving(heartbeat(at("11-23", "11:59")), "h-1")
        assert [each.outcome for each in await desk.take(beat, beat)] == [Outcome.ACCEPTED, Outcome.KNOWN]
        assert await desk.said() == []
        [feed] = await desk.rows("SELECT source, last_seen_at, heartbeat_at FROM feed")
        assert tuple(feed) == ("core", NOON, at("11-23", "11:59"))
        # One that was overtaken does not turn it back.
        await desk.take(heartbeat(at("11-23", "11:00")))
        [feed] = await desk.rows("SELECT heartbeat_at FROM feed")
        assert feed.heartbeat_at == at("11-23", "11:59")


async def test_silence_begins_after_ninety_minutes(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(heartbeat(at("11-23")))
        pass_time(desk, minutes=90)
        assert await silent(desk) == []
        pass_time(desk, seconds=1)
        assert await silent(desk) == ["core"]


async def test_each_publisher_is_watched_by_itself_and_only_if_it_ever_sent_a_heartbeat(
    make_database: Make,
) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            arriving(heartbeat(at("11-23")), "h", source="core"),
            arriving(heartbeat(at("11-23")), "h", source="cards"),
            arriving(opened(), "o", source="branch"),
        )
        pass_time(desk, minutes=60)
        await desk.take(arriving(posted("1.00", "11-23"), "p", source="cards"))
        pass_time(desk, minutes=31)
        assert await silent(desk) == ["core"]
        pass_time(desk, minutes=60)
        assert await silent(desk) == ["cards", "core"]


async def test_known_and_refused_events_are_signs_of_life_too(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        event = arriving(opened(), "o")
        await desk.take(event, heartbeat(at("11-23")))
        for sign in (event, arriving(opened(borrower="B-2"), "contradicts")):
            pass_time(desk, minutes=91)
            assert await silent(desk) == ["core"]
            await desk.take(sign)
            assert await silent(desk) == []


async def test_the_alarm_is_raised_once_and_so_is_its_end(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        *_, watch = schedules(desk.runtime, desk.intake)
        await desk.take(heartbeat(at("11-23")))

        async def look() -> list[tuple[Any, Any]]:
            with capture_logs() as logs:
                assert await watch.run() == 0
            return [(entry["log_level"], entry["source"]) for entry in logs]

        assert await look() == []
        pass_time(desk, minutes=91)
        assert [await look(), await look()] == [[("error", "core")], []]
        await desk.take(heartbeat(at("11-23", "13:31")))
        assert [await look(), await look()] == [[("warning", "core")], []]
        pass_time(desk, minutes=91)
        assert await look() == [("error", "core")]
