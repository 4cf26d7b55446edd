"""What the ledger asks people to look into: each appears when it is true and goes when it is mended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from ledger.schedule import behind, warnings
from spine.events.corebanking import FeedHeartbeat
from tact.doctor import mend_of
from tests.ledger.desk import Desk, open_desk
from tests.ledger.events import opened, posted
from tests.ledger.test_rest_watch import stated

Make = Callable[[], Awaitable[str]]


async def told(desk: Desk) -> list[str]:
    async with desk.runtime.transaction() as tx:
        return await warnings(tx, desk.intake.house)


async def test_a_silent_feed_is_warned_of_until_it_is_heard_again(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        desk.wait(minutes=10_000)
        # Who never sent a heartbeat is not watched.
        assert await told(desk) == []
        await desk.take(FeedHeartbeat(at=datetime(2026, 11, 23, 4, tzinfo=UTC)))
        desk.wait(minutes=91)
        [warning] = await told(desk)
        assert warning.startswith("core banking's feed core is silent since 2026-11-")
        # An ordinary event is a sign of life, too.
        await desk.take(posted("1.00", "11-20"))
        assert await told(desk) == []


async def test_doctor_knows_what_mends_each(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        beat = FeedHeartbeat(at=datetime(2026, 11, 23, 4, tzinfo=UTC))
        await desk.take(opened(), beat, stated(1, "0.00", "0.00"), posted("1.00", "11-20", loan="L-9"))
        desk.wait(minutes=24 * 60 + 1)
        mends = [mend_of("ledger", warning) for warning in await told(desk)]
        assert [mend.split(":")[0].split(";")[0] for mend in mends] == [
            "ask core banking's publisher",
            "`GET /v1/statements`",
            "`GET /v1/parked`",
        ]
        # Dates that wait for their close wait for nobody outside.
        desk.wait(minutes=3 * 24 * 60)
        async with desk.runtime.transaction() as tx:
            [reason] = await behind(tx, desk.intake.house)
        assert "wait for their close" in reason
        assert "parked" not in mend_of("ledger", reason)


async def test_statements_and_parked_events_are_counted(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), stated(1, "0.00", "0.00"), posted("1.00", "11-20", loan="L-9"))
        assert await told(desk) == [
            "1 statement(s) of core banking differ from the books and hold their loans"
        ]
        desk.wait(minutes=24 * 60)
        assert len(await told(desk)) == 1
        desk.wait(minutes=1)
        assert (await told(desk))[1] == "1 event(s) wait for a loan or a repayment for more than a day"
        await desk.take(opened(loan="L-9", borrower="B-1"), stated(74, "3000.00", "300.00", as_of="11-23"))
        assert await told(desk) == []
