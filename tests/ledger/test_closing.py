"""The day close: once per date, in order, resumed after a crash, and only for loans that change."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest

from ledger import closing
from ledger.closing import Closed, NotNext
from ledger.domain.position import position
from ledger.schedule import behind, schedules
from ledger.schedule import due as work_due
from ledger.standing import Standing
from spine.events.registry import Event
from tests.ledger.desk import Desk, open_desk
from tests.ledger.events import due, on, opened, posted, reversed_

Make = Callable[[], Awaitable[str]]


async def run_timer(desk: Desk) -> int:
    """Runs the close timer until nothing is due; returns the number of its batches."""
    schedule, *_ = schedules(desk.runtime, desk.intake)
    runs = 0
    while await schedule.run():
        runs += 1
    return runs


async def test_a_date_closes_after_its_end_and_tells_arrears_before_the_close(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-23", "1000.00"), due(2, "12-23", "1000.00")))
        desk.go_to(on("11-24"), time(0, 29, 59))
        assert await run_timer(desk) == 0
        desk.go_to(on("11-24"), time(0, 30))
        assert await run_timer(desk) > 0
        said = await desk.events()
        assert [type_ for type_, _ in said[1:]] == ["loan.overdue.v1"] + 2 * ["business_date.closed.v1"]
        overdue = said[1][1]
        assert (overdue["as_of"], overdue["dpd"], overdue["dpd_zero_on"]) == ("2026-11-24", 1, "2026-11-23")
        assert [body["date"] for _, body in said[2:]] == ["2026-11-23"] * 2
        closed = await desk.rows("SELECT partition FROM outbox WHERE type = 'business_date.closed.v1'")
        assert sorted(row.partition for row in closed) == [0, 1]
        assert await run_timer(desk) == 0


async def test_money_on_the_due_date_is_on_time(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-23", "1000.00"), due(2, "12-23", "1000.00")))
        await desk.take(posted("1000.00", "11-23"))
        await desk.close_through(on("11-30"))
        assert await desk.said(of="L-1") == ["loan.registered", "repayment.received"]


async def test_missed_dates_are_caught_up_in_order(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        rows = (due(1, "11-23", "1000.00"), due(2, "11-25", "1000.00"), due(3, "12-25", "1000.00"))
        await desk.take(opened(*rows))
        desk.go_to(on("11-28"))
        await run_timer(desk)
        told = [
            (type_.split(".v")[0], body.get("as_of") or body["date"])
            for type_, body in (await desk.events())[1:]
        ]
        assert told == [
            ("loan.overdue", "2026-11-24"),
            *2 * [("business_date.closed", "2026-11-23")],
            *2 * [("business_date.closed", "2026-11-24")],
            ("arrears.changed", "2026-11-26"),
            *2 * [("business_date.closed", "2026-11-25")],
            *2 * [("business_date.closed", "2026-11-26")],
            *2 * [("business_date.closed", "2026-11-27")],
        ]


async def test_only_loans_that_may_change_are_visited(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            *(opened(due(1, "12-20", "1000.00"), loan=f"L-{n}") for n in range(50)),
            *(opened(due(1, "11-23", "1000.00"), loan=f"M-{n}") for n in range(3)),
        )
        await desk.close_through(on("11-25"))
        runs = await desk.rows("SELECT loans_visited, loans_changed FROM close_run ORDER BY business_date")
        assert [tuple(run) for run in runs] == [(3, 3), (0, 0), (0, 0)]


async def test_a_close_goes_on_where_a_crash_left_it(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            *(opened(due(1, "11-23", "1000.00"), loan=f"L-{n}", borrower=f"B-{n}") for n in range(10))
        )
        desk.go_to(on("11-24"))
        assert await closing.stride(desk.runtime, desk.intake, on("11-23"), limit=4, lanes=1, rounds=1) == 4

        # The next batch dies before its commit: nothing of it stays.
        with pytest.raises(ConnectionError):
            async with desk.runtime.transaction() as tx:
                assert await closing.roll(tx, on("11-23"), desk.intake, 4) == 4
                raise ConnectionError
        assert (await desk.said()).count("loan.overdue") == 4
        assert "business_date.closed" not in await desk.said()

        # Money comes for a loan that is on the new date already, and for one that is not.
        rows = await desk.rows("SELECT loan_id, borrower_id, as_of FROM loan ORDER BY as_of DESC, loan_id")
        rolled, waiting = rows[0], rows[-1]
        assert (rolled.as_of, waiting.as_of) == (on("11-24"), on("11-23"))
        for row in (rolled, waiting):
            await desk.take(posted("1000.00", "11-23", loan=row.loan_id, borrower=row.borrower_id))
        assert await desk.said(of=rolled.loan_id) == [
            "loan.registered",
            "loan.overdue",
            "repayment.received",
            "loan.cured",
            "loan.settled",
        ]
        assert await desk.said(of=waiting.loan_id) == [
            "loan.registered",
            "repayment.received",
            "loan.settled",
        ]

        await run_timer(desk)
        assert (await desk.said()).count("loan.overdue") == 9
        assert (await desk.said()).count("business_date.closed") == 2


async def test_a_killed_process_loses_nothing_of_the_close(make_database: Make) -> None:
    """kill -9 after the second batch; the next process ends the close, every loan told once."""
    async with open_desk(make_database) as desk:
        await desk.take(*(opened(due(1, "11-23", "1000.00"), loan=f"L-{n:02}") for n in range(10)))
        desk.go_to(on("11-24"))
        url = desk.runtime.engine.url.render_as_string(hide_password=False)
        killed = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _CLOSE, url],
            env={**os.environ, "FAILPOINTS": "ledger.after_roll=kill@2"},
            timeout=60,
            check=False,
        )
        assert killed.returncode == -9
        assert (await desk.said()).count("loan.overdue") == 6
        await run_timer(desk)
        assert sorted(
            body["loan_id"] for type_, body in await desk.events() if type_ == "loan.overdue.v1"
        ) == [f"L-{n:02}" for n in range(10)]


_CLOSE = """
import asyncio, sys
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo
from ledger import closing
from ledger.handlers.core_facts import Intake
from ledger.policy import House
from spine.clock import FixedClock
from spine.database import Runtime, create_engine

async def main():
    zone = ZoneInfo("Asia/Shanghai")
    engine = create_engine(sys.argv[1], name="killed")
    clock = FixedClock(datetime(2026, 11, 24, 4, tzinfo=UTC))
    runtime = Runtime("ledger", engine, clock, zone, 2)
    while await closing.stride(runtime, Intake(House.load(zone)), date(2026, 11, 23), limit=3, lanes=1, rounds=1):
        pass

asyncio.run(main())
"""


async def test_several_workers_close_a_date_once(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(*(opened(due(1, "11-23", "1000.00"), loan=f"L-{n}") for n in range(40)))
        desk.go_to(on("11-24"))

        async def work() -> None:
            while await closing.stride(desk.runtime, desk.intake, on("11-23"), limit=5, lanes=1, rounds=1):
                pass

        await asyncio.gather(*(work() for _ in range(4)))
        said = await desk.said()
        assert (said.count("loan.overdue"), said.count("business_date.closed")) == (40, 2)
        assert said[-2:] == ["business_date.closed"] * 2


async def test_lanes_share_the_loans_of_a_date(make_database: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches side by side, in one worker and in several: each loan is told once, and the date after all."""
    monkeypatch.setattr(closing, "ROLL_LOANS", 3)
    async with open_desk(make_database) as desk:
        await desk.take(
            *(opened(due(1, "11-23", "1000.00"), loan=f"L-{n}", borrower=f"B-{n % 5}") for n in range(40))
        )
        desk.go_to(on("11-24"))

        async def work() -> None:
            while await closing.stride(desk.runtime, desk.intake, on("11-23")):
                pass

        await asyncio.gather(work(), work())
        overdue = [body["loan_id"] for type_, body in await desk.events() if type_ == "loan.overdue.v1"]
        assert sorted(overdue) == sorted(f"L-{n}" for n in range(40))
        assert (await desk.said())[-2:] == ["business_date.closed"] * 2
        runs = await desk.rows("SELECT loans_visited, loans_changed FROM close_run")
        assert [tuple(run) for run in runs] == [(40, 40)]


async def test_closing_on_request(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        close = desk.runtime, desk.intake
        desk.go_to(on("11-23"), time(23, 59, 59))
        with pytest.raises(NotNext, match="2026-11-23 is not over yet"):
            await closing.close(*close, on("11-23"))
        desk.go_to(on("11-24"), time(0))
        with pytest.raises(NotNext, match="2026-11-24 is not next: 2026-11-23 is open"):
            await closing.close(*close, on("11-24"))
        for _ in range(2):
            assert await closing.close(*close, on("11-23")) == Closed(on("11-23"), on("11-24"))
        assert (await desk.said()).count("business_date.closed") == 2


async def test_what_is_due_and_when_the_next_timer_is(make_database: Make) -> None:
    async with open_desk(make_database, now=datetime(2026, 11, 23, 4, tzinfo=UTC)) as desk:

        async def look() -> tuple[int, datetime | None, list[str]]:
            async with desk.runtime.transaction() as tx:
                found = await work_due(tx, desk.intake.house)
                return found.open, found.next_at, await behind(tx, desk.intake.house)

        close_of_23rd = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
        assert await look() == (0, close_of_23rd, [])
        desk.go_to(on("11-24"), time(0, 10))
        assert await look() == (0, close_of_23rd, [])
        desk.go_to(on("11-24"), time(0, 30))
        assert await look() == (1, close_of_23rd + timedelta(days=1), [])
        desk.go_to(on("11-26"), time(12))
        open_, next_at, reasons = await look()
        assert (open_, next_at) == (3, datetime(2026, 11, 26, 16, 30, tzinfo=UTC))
        assert "3 business dates" in reasons[0]
        await run_timer(desk)
        assert await look() == (0, next_at, [])


async def test_the_first_date_is_todays_in_the_lenders_zone_or_the_stated_one(make_database: Make) -> None:
    late = datetime(2026, 11, 23, 16, tzinfo=UTC)
    async with open_desk(make_database, now=late - timedelta(seconds=1)) as desk:
        await desk.take(opened())
        assert (await desk.events())[-1][1]["as_of"] == "2026-11-23"
    async with open_desk(make_database, now=late) as desk:
        await desk.take(opened())
        assert (await desk.events())[-1][1]["as_of"] == "2026-11-24"
    async with open_desk(make_database, now=late, first=on("03-01")) as desk:
        await desk.take(opened())
        assert await desk.said() == ["loan.registered"]


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_the_order_of_arrival_the_books_say_what_the_pure_core_says(
    make_database: Make, seed: int
) -> None:
    """Random facts, shuffled over all loans, days closed in between: kept standing = position of the facts."""
    chosen = random.Random(seed)
    start = on("10-01")
    facts = [each for n in range(40) for each in _random_facts(chosen, n)]
    chosen.shuffle(facts)
    async with open_desk(make_database, first=start) as desk:
        open_on = start
        while facts:
            size = chosen.randrange(1, 25)
            await desk.take(*facts[:size])
            facts = facts[size:]
            if chosen.random() < 0.5:
                await desk.close_through(open_on)
                open_on += timedelta(days=1)
        await desk.close_through(open_on + timedelta(days=40))
        assert await desk.rows("SELECT id FROM parked") == []
        for n in range(40):
            kept, standing, row = await desk.loan(f"L-{n}")
            assert standing == Standing.of(position(kept, standing.as_of))
            today = position(kept, open_on + timedelta(days=41))
            assert standing.without_accrual() == Standing.of(today).without_accrual()
            assert row.next_transition_on is None or row.next_transition_on > today.as_of
            _check_story(await desk.events(of=f"L-{n}"), standing)


def _random_facts(chosen: random.Random, n: int) -> list[Event]:
    loan, borrower = f"L-{n}", f"B-{n % 9}"
    rows = [due(k + 1, str(date(2026, 8 + k, chosen.randrange(1, 29))), "1000.00", "50.00") for k in range(4)]
    facts: list[Event] = [opened(*rows, loan=loan, borrower=borrower)]
    for k in range(chosen.randrange(6)):
        day = str(date(2026, 8, 1) + timedelta(days=chosen.randrange(130)))
        amount = f"{chosen.choice([50, 500, 1040, 1050, 1100, 4300])}.{chosen.randrange(100):02}"
        facts.append(posted(amount, day, id=f"R-{k}", loan=loan, borrower=borrower))
        if chosen.random() < 0.3:
            gone = str(date.fromisoformat(day) + timedelta(days=chosen.randrange(10)))
            facts.append(reversed_(f"R-{k}", gone, loan=loan, borrower=borrower))
    return facts


def _check_story(events: list[tuple[str, dict[str, object]]], standing: Standing) -> None:
    """Episodes begin and end in turn, and the last word agrees with the books."""
    in_arrears = False
    for type_, _ in events:
        if type_ == "loan.overdue.v1":
            assert not in_arrears
            in_arrears = True
        elif type_ == "arrears.changed.v1":
            assert in_arrears
        elif type_ == "loan.cured.v1":
            assert in_arrears
            in_arrears = False
    assert in_arrears == standing.in_arrears
    arrears = [body for type_, body in events if type_ in ("loan.overdue.v1", "arrears.changed.v1")]
    if in_arrears:
        assert arrears[-1]["dpd_zero_on"] == str(standing.dpd_zero_on)
