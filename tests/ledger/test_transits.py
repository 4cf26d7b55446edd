"""Money that may be on its way: begun, matched to the money that came, failed, given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from ledger.books import Outcome
from ledger.schedule import due as work_due
from tests.ledger.desk import NOON, Desk, open_desk
from tests.ledger.events import (
    at,
    claimed,
    debit,
    debit_failed,
    due,
    on,
    opened,
    pending,
    posted,
    reversed_,
)

Make = Callable[[], Awaitable[str]]

#: One instalment that is not due yet: nothing but transits is told of it.
LOAN = due(1, "12-20", "1000.00")


async def running(desk: Desk) -> dict[str, str]:
    """How each payment in transit stands."""
    found = await desk.rows("SELECT transit_id, state FROM transit ORDER BY transit_id")
    return {row.transit_id: row.state for row in found}


async def ends(desk: Desk) -> list[tuple[Any, ...]]:
    """What was told of ends: which, how, by what money, and why."""
    return [
        (body["transit_id"], body["outcome"], body.get("repayment_id"), body.get("reason"))
        for body in await desk.told("payment.transit_ended")
    ]


async def test_money_that_core_banking_announces_ends_as_posted_by_its_id(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), pending("100.00", "11-24", id="R-1", since=NOON))
        [told] = await desk.told("payment.in_transit")
        assert told == {
            "borrower_id": "B-1",
            "loan_id": "L-1",
            "transit_id": "pending:R-1",
            "kind": "pending",
            "currency": "CNY",
            "since": "2026-11-23T04:00:00Z",
            "until": "2026-11-25T16:00:00Z",
            "amount": "100.00",
            "origin": "R-1",
        }
        # The id says which money it is; the same amount under another is not.
        await desk.take(posted("100.00", "11-23", id="R-2"))
        assert await ends(desk) == []
        await desk.take(posted("99.00", "11-23", id="R-1"))
        assert await ends(desk) == [("pending:R-1", "posted", "R-1", None)]
        assert (await desk.said())[-2:] == ["repayment.received", "payment.transit_ended"]


async def test_money_that_was_there_before_its_announcement_is_not_on_its_way(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            opened(LOAN), posted("100.00", "11-23", id="R-1"), pending("100.00", "11-24", id="R-1")
        )
        assert await desk.told("payment.in_transit") == []
        assert await running(desk) == {"pending:R-1": "posted"}


async def test_money_that_was_taken_back_does_not_stand_for_what_is_announced(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), posted("100.00", "11-23", id="R-1"), reversed_("R-1", "11-23"))
        await desk.take(debit("100.00", at("11-23", "11:00")))
        assert await running(desk) == {"debit:D-1": "open"}


async def test_announced_money_is_given_up_a_business_day_after_its_day(make_database: Make) -> None:
    """Expected on Friday: through Monday, whose end is the edge."""
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), pending("100.00", "11-27", id="R-1"))
        desk.go_to(on("11-30"), at("11-30", "23:59").time())
        assert await desk.move_transits() == 0
        desk.wait(minutes=1)
        assert await desk.move_transits() == 1
        assert await ends(desk) == [("pending:R-1", "expired", None, None)]
        # Late, it is ordinary money: the end has been told.
        await desk.take(posted("100.00", "12-01", id="R-1"))
        assert len(await ends(desk)) == 1


async def test_a_debit_begins_at_its_instant_and_is_given_up_after_a_day(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        begins = at("11-23", "15:00")
        await desk.take(opened(LOAN), debit("100.00", begins))
        assert (await running(desk), await desk.told("payment.in_transit")) == (
            {"debit:D-1": "announced"},
            [],
        )
        async with desk.runtime.transaction() as tx:
            next_at = (await work_due(tx, desk.intake.house)).next_at
        assert next_at == begins
        desk.wait(minutes=179)
        assert await desk.move_transits() == 0
        desk.wait(minutes=1)
        assert await desk.move_transits() == 1
        [told] = await desk.told("payment.in_transit")
        assert (told["since"], told["until"]) == ("2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z")
        desk.wait(minutes=24 * 60 - 1)
        assert await desk.move_transits() == 0
        desk.wait(minutes=1)
        async with desk.runtime.transaction() as tx:
            work = await work_due(tx, desk.intake.house)
        assert work.open == 2  # The close of the 23rd, and the end of this.
        assert await desk.move_transits() == 1
        assert await ends(desk) == [("debit:D-1", "expired", None, None)]


async def test_a_debit_is_known_by_its_amount_from_its_day_on(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), debit("100.00", at("11-23", "11:00")))
        await desk.take(
            posted("100.01", "11-23", id="R-1"),
            posted("100.00", "11-22", id="R-2"),
            posted("100.00", "11-25", id="R-3"),
        )
        assert await ends(desk) == []
        await desk.take(posted("100.00", "11-24", id="R-4"))
        assert await ends(desk) == [("debit:D-1", "posted", "R-4", None)]


async def test_a_debit_whose_money_has_its_id_is_known_by_that(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), debit("100.00", at("11-23", "11:00")))
        await desk.take(posted("60.00", "11-23", id="D-1"))
        assert await ends(desk) == [("debit:D-1", "posted", "D-1", None)]


async def test_a_failed_debit_says_why(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), debit("100.00", at("11-23", "11:00")), debit_failed("card_invalid"))
        assert await ends(desk) == [("debit:D-1", "failed", None, "card_invalid")]
        # Once it failed it is over: neither time nor money ends it again.
        await desk.take(posted("100.00", "11-23"), debit_failed("limit"))
        desk.go_to(on("11-25"))
        assert await desk.move_transits() == 0
        assert len(await ends(desk)) == 1


async def test_a_failure_before_its_debit_is_told_and_the_debit_never_begins(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), debit_failed("limit", amount="100.00"))
        assert await ends(desk) == [("debit:D-1", "failed", None, "limit")]
        begins = at("11-23", "11:00")
        await desk.take(debit("100.00", begins))
        assert await desk.told("payment.in_transit") == []
        [row] = await desk.rows("SELECT state, since, reason FROM transit")
        assert tuple(row) == ("failed", begins, "limit")


@pytest.mark.parametrize("by_money", [False, True])
async def test_the_reason_of_a_debit_that_was_over_already_is_still_told(
    make_database: Make, by_money: bool
) -> None:
    """The result may come after a day, or after other money of the same amount."""
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), debit("100.00", at("11-23", "11:00")))
        if by_money:
            await desk.take(posted("100.00", "11-23", id="R-1"))
        else:
            desk.go_to(on("11-24"))
            await desk.move_transits()
        await desk.take(debit_failed("card_invalid"))
        first = ("debit:D-1", "posted", "R-1", None) if by_money else ("debit:D-1", "expired", None, None)
        assert await ends(desk) == [first, ("debit:D-1", "failed", None, "card_invalid")]
        await desk.take(debit_failed("card_invalid"))
        assert len(await ends(desk)) == 2


@pytest.mark.parametrize("money_first", [False, True])
async def test_of_two_alike_debits_one_money_ends_one(make_database: Make, money_first: bool) -> None:
    first, second = debit("100.00", at("11-23", "10:00")), debit("100.00", at("11-23", "11:00"), id="D-2")
    money = posted("100.00", "11-23", id="R-1")
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), *((money, first, second) if money_first else (second, first, money)))
        assert await running(desk) == {"debit:D-1": "posted", "debit:D-2": "open"}
        await desk.take(posted("100.00", "11-23", id="R-2"))
        assert await running(desk) == {"debit:D-1": "posted", "debit:D-2": "posted"}
        assert (await ends(desk))[-1] == ("debit:D-2", "posted", "R-2", None)


async def test_a_debit_that_is_stated_anew_while_it_runs_runs_on(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), debit("100.00", at("11-23", "11:00")))
        await desk.take(debit("100.00", at("11-23", "15:00")))
        assert await running(desk) == {"debit:D-1": "open"}
        assert [body["until"] for body in await desk.told("payment.in_transit")] == [
            "2026-11-24T11:00:00+08:00",
            "2026-11-24T15:00:00+08:00",
        ]
        await desk.take(posted("100.00", "11-23", id="R-1"))
        assert await ends(desk) == [("debit:D-1", "posted", "R-1", None)]


@pytest.mark.parametrize(
    ("day", "is_it"), [("11-20", True), ("11-19", False), ("11-26", True), ("11-27", False)]
)
@pytest.mark.parametrize("money_first", [False, True])
async def test_a_claim_is_known_by_amount_and_a_value_date_within_three_days(
    make_database: Make, day: str, is_it: bool, money_first: bool
) -> None:
    async with open_desk(make_database) as desk:
        money = posted("500.00", day, id="R-1")
        await desk.take(opened(LOAN), *([money] if money_first else []))
        await desk.hear(claimed(at("11-23", "11:00"), "500.00"))
        if not money_first:
            assert await running(desk) == {"claim:C-1": "open"}
            await desk.take(money)
        assert await running(desk) == {"claim:C-1": "posted" if is_it else "open"}
        # Others hold contact because of the claim: its end is told, however soon it came.
        assert await ends(desk) == ([("claim:C-1", "posted", "R-1", None)] if is_it else [])


async def test_a_claim_of_another_amount_is_not_met_but_one_without_is(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN))
        await desk.hear(claimed(at("11-23", "11:00"), "500.00"))
        await desk.take(posted("499.99", "11-23", id="R-1"))
        assert await running(desk) == {"claim:C-1": "open"}
        await desk.hear(claimed(at("11-23", "11:30"), id="C-2"))
        assert await running(desk) == {"claim:C-1": "open", "claim:C-2": "posted"}


async def test_of_two_alike_claims_one_money_meets_one(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN), posted("500.00", "11-23", id="R-1"))
        await desk.hear(
            claimed(at("11-23", "10:00"), "500.00"), claimed(at("11-23", "11:00"), "500.00", id="C-2")
        )
        assert await running(desk) == {"claim:C-1": "posted", "claim:C-2": "open"}


async def test_a_claim_of_a_friday_is_looked_into_through_wednesday(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN))
        await desk.hear(claimed(at("11-20", "17:00"), "500.00"))
        [told] = await desk.told("payment.in_transit")
        assert (told["origin"], told["until"]) == ("C-1", "2026-11-25T16:00:00Z")
        desk.go_to(on("11-26"), at("11-26", "00:00").time())
        assert await desk.move_transits() == 1
        assert await ends(desk) == [("claim:C-1", "expired", None, None)]


async def test_one_money_may_be_what_was_claimed_announced_and_debited(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            opened(LOAN), pending("500.00", "11-24", id="R-1"), debit("500.00", at("11-23", "11:00"))
        )
        await desk.hear(claimed(at("11-23", "11:00"), "500.00"))
        await desk.take(posted("500.00", "11-23", id="R-1"))
        assert {(transit, how) for transit, how, *_ in await ends(desk)} == {
            ("pending:R-1", "posted"),
            ("debit:D-1", "posted"),
            ("claim:C-1", "posted"),
        }


async def test_a_claim_about_a_loan_of_somebody_else_is_refused(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(LOAN))
        with pytest.raises(Exception, match="another borrower"):
            await desk.hear(claimed(at("11-23", "11:00"), borrower="B-2"))
        assert await running(desk) == {}


async def test_two_workers_end_a_transit_once(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            *(opened(LOAN, loan=f"L-{n}", borrower=f"B-{n}") for n in range(20)),
            *(pending("1.00", "11-23", loan=f"L-{n}", borrower=f"B-{n}") for n in range(20)),
        )
        desk.go_to(on("11-25") + timedelta(days=1))
        await asyncio.gather(*(desk.move_transits() for _ in range(4)))
        assert (await desk.said()).count("payment.transit_ended") == 20


async def test_transits_of_unknown_loans_wait_and_begin_when_the_loan_comes(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        answers = await desk.take(debit_failed("limit", id="D-2"), debit("100.00", at("11-23", "11:00")))
        assert {answer.outcome for answer in answers} == {Outcome.PARKED}
        await desk.take(opened(LOAN))
        assert await running(desk) == {"debit:D-1": "open", "debit:D-2": "failed"}
