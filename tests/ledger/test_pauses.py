"""Days that are not counted: pauses of core banking, and holds that freeze interest alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.ledger.desk import open_desk
from tests.ledger.events import (
    at,
    due,
    held,
    lifted,
    on,
    opened,
    paused,
    posted,
    resumed,
)

Make = Callable[[], Awaitable[str]]


async def test_a_pause_stops_the_days_until_it_is_resumed(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-13", "1000.00")), paused("11-23"))
        paused_at = (await desk.told("arrears.changed"))[-1]
        assert (paused_at["dpd"], paused_at["dpd_zero_on"]) == (10, None)
        assert "resumes_on" not in paused_at
        await desk.close_through(on("11-27"))
        assert (await desk.loan())[1].dpd_on(on("11-28")) == 10
        assert len(await desk.told("arrears.changed")) == 1
        await desk.take(resumed("11-28"))
        counting = (await desk.told("arrears.changed"))[-1]
        assert (counting["as_of"], counting["dpd"], counting["dpd_zero_on"]) == (
            "2026-11-28",
            10,
            "2026-11-18",
        )
        # Five days of 0.50 are not there either.
        assert counting["overdue"]["penalty"] == "5.00"
        await desk.close_through(on("11-28"))
        assert (await desk.loan())[1].dpd_on(on("11-29")) == 11


async def test_a_pause_with_an_end_tells_it_and_ends_by_itself(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-13", "1000.00")), paused("11-23", "11-26"))
        assert (await desk.told("arrears.changed"))[-1]["resumes_on"] == "2026-11-26"
        await desk.close_through(on("11-24"))
        assert len(await desk.told("arrears.changed")) == 1
        await desk.close_through(on("11-25"))
        again = (await desk.told("arrears.changed"))[-1]
        assert (again["as_of"], again["dpd"], again["dpd_zero_on"]) == ("2026-11-26", 10, "2026-11-16")


async def test_a_pause_before_the_due_day_keeps_a_loan_out_of_arrears(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-23", "1000.00")), paused("11-23", "11-25"))
        await desk.close_through(on("11-24"))
        assert await desk.told("loan.overdue") == []
        await desk.close_through(on("11-25"))
        [overdue] = await desk.told("loan.overdue")
        assert (overdue["as_of"], overdue["dpd"], overdue["dpd_zero_on"]) == ("2026-11-26", 1, "2026-11-25")


async def test_a_hold_that_freezes_interest_stops_accrual_between_its_days(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-13", "1000.00")))
        assert (await desk.told("loan.overdue"))[0]["overdue"]["penalty"] == "5.00"
        await desk.hear(held(at("11-21", "23:59")))
        [frozen] = await desk.told("arrears.changed")
        assert (frozen["dpd"], frozen["overdue"]["penalty"]) == (10, "4.00")
        await desk.close_through(on("11-27"))
        await desk.hear(lifted(at("11-28", "00:00")))
        await desk.close_through(on("11-29"))
        await desk.take(posted("0.50", "11-30"))
        after = (await desk.told("arrears.changed"))[-1]
        # Eight days before and two after; the days past due went on: seventeen.
        assert (after["dpd"], after["overdue"]["penalty"]) == (17, "4.50")


async def test_a_hold_with_an_end_freezes_until_it_and_others_not_at_all(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-13", "1000.00")))
        await desk.hear(held(at("11-15"), freezes=False), held(at("11-15"), loan="L-unknown"))
        assert len(await desk.said()) == 2
        await desk.hear(held(at("11-15"), at("11-18", "00:00"), id="H-2"))
        assert (await desk.told("arrears.changed"))[-1]["overdue"]["penalty"] == "3.50"
        # Lifted after it had ended, it had ended; lifted before it began, it never was.
        await desk.hear(lifted(at("11-20"), id="H-2"))
        assert (await desk.told("arrears.changed"))[-1]["overdue"]["penalty"] == "3.50"
        await desk.hear(lifted(at("11-14"), id="H-2"))
        assert (await desk.told("arrears.changed"))[-1]["overdue"]["penalty"] == "5.00"
        assert len(await desk.told("arrears.changed")) == 2
