"""Waivers from the stager: kept as they were stated, told as arrears that changed, in any order the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import time
from itertools import permutations

from ledger.domain.position import position
from spine.events.registry import Event
from spine.money import format_minor
from tests.ledger.desk import Desk, open_desk
from tests.ledger.events import at, due, lapsed, on, opened, posted, reversed_, waived

Make = Callable[[], Awaitable[str]]
LOAN = opened(due(1, "11-13", "1000.00", "50.00"))


async def test_a_waiver_of_penalty_is_told_as_arrears_that_changed(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN)
        await desk.hear(waived("11-23", at("11-23"), penalty="3.00"))
        changed = (await desk.told("arrears.changed"))[-1]
        assert (changed["overdue"]["penalty"], changed["dpd"]) == ("2.00", 10)
        await desk.hear(lapsed(at("11-23", "13:00")))
        assert (await desk.told("arrears.changed"))[-1]["overdue"]["penalty"] == "5.00"


async def test_a_settlement_offer_that_is_met_settles_and_its_reversal_brings_all_back(
    make_database: Make,
) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN, posted("800.00", "11-23", id="R-1"))
        offer = waived(
            "11-23",
            at("11-23"),
            kind="settlement",
            principal="9999.00",
            interest="9999.00",
            penalty="9999.00",
        )
        await desk.hear(offer)
        assert [each["as_of"] for each in await desk.told("loan.settled")] == ["2026-11-23"]
        await desk.take(reversed_("R-1", "11-23"))
        await desk.hear(lapsed(at("11-23", "14:00")))
        overdue = (await desk.told("loan.overdue"))[-1]
        assert overdue["overdue"] == {
            "principal": "1000.00",
            "interest": "50.00",
            "fee": "0.00",
            "penalty": "5.00",
            "compound": "0.00",
            "total": "1055.00",
        }


async def test_a_waiver_of_a_later_day_counts_at_the_close_that_reaches_it(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN)
        await desk.hear(waived("11-25", at("11-23"), principal="1000.00", interest="50.00", penalty="99.00"))
        assert await desk.told("loan.settled") == []
        await desk.close_through(on("11-23"))
        assert await desk.told("loan.settled") == []
        await desk.close_through(on("11-24"))
        assert [each["as_of"] for each in await desk.told("loan.settled")] == ["2026-11-25"]


async def test_one_that_lapsed_before_it_was_effective_is_not_kept(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN)
        await desk.hear(lapsed(at("11-23"), was_effective=False))
        assert await desk.rows("SELECT type FROM loan_fact") == []


async def test_in_any_order_of_arrival_the_same_is_owed(make_database: Make) -> None:
    words: list[Event] = [
        waived("11-20", at("11-20"), penalty="2.00"),
        lapsed(at("11-21")),
        waived("11-22", at("11-22"), penalty="1.00", interest="10.00"),
        posted("20.00", "11-19", id="R-1"),
    ]
    async with open_desk(make_database) as desk:
        found = {await live(desk, order) for order in permutations(words)}
    assert len(found) == 1


async def live(desk: Desk, order: tuple[Event, ...]) -> tuple[str, ...]:
    await desk.rows_changed("TRUNCATE loan, instalment, repayment, loan_fact, parked, inbox, outbox")
    await desk.take(LOAN)
    for event in order:
        if event.TOPIC == "stager.v1":
            await desk.hear(event)  # type: ignore[arg-type]
        else:
            await desk.take(event)
    facts, standing, _ = await desk.loan()
    due_now = position(facts, standing.as_of).overdue
    assert standing.overdue == due_now
    return tuple(format_minor(each, "CNY") for each in due_now)


async def test_what_was_known_before_a_waiver_came_is_still_known(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN)
        before = await desk.runtime.clock.now()
        desk.go_to(on("11-23"), time(15))
        await desk.hear(waived("11-20", at("11-23"), penalty="2.00"))
        assert (await desk.facts_known_at(before)).waivers == ()
        assert len((await desk.loan())[0].waivers) == 1
