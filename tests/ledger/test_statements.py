"""Core banking's own arrears against the books: to the cent and the day, until they agree or a person says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from ledger.domain.statement_check import CheckState
from ledger.store import facts
from spine.events.corebanking import ArrearsStated
from tests.ledger.desk import Desk, open_desk
from tests.ledger.events import (
    at,
    charge,
    closed,
    due,
    held,
    on,
    opened,
    paused,
    posted,
    reversed_,
    stated,
)

Make = Callable[[], Awaitable[str]]

#: 1,000.00 and 20.00 due on 11-10: on the 23rd 13 days past due with 6.50 of penalty.
LOAN = opened(due(1, "11-10", "1000.00", "20.00"), due(2, "12-10", "1000.00", "20.00"))


async def checks(desk: Desk) -> list[str]:
    """The outcomes that were told, in order."""
    return [name for name in await desk.said() if name.startswith("statement.")]


@pytest.mark.parametrize(
    ("statement", "differences"),
    [
        (stated("11-23", 13, "1000.00", "20.00", "6.50"), []),
        (stated("11-23", 13, "1000.00", "20.00"), []),
        (stated("11-23", 12, "1000.00", "20.00", "6.50"), ["days_past_due"]),
        (stated("11-23", 14, "1000.00", "20.00", "6.50"), ["days_past_due"]),
        (stated("11-23", 13, "1000.01", "20.00", "6.50"), ["overdue_principal"]),
        (stated("11-23", 13, "999.99", "20.00", "6.50"), ["overdue_principal"]),
        (stated("11-23", 13, "1000.00", "20.01", "6.50"), ["overdue_interest"]),
        (stated("11-23", 13, "1000.00", "20.00", "6.49"), ["penalty"]),
        (stated("11-23", 13, "1000.00", "20.00", "0.00"), ["penalty"]),
        (stated("11-23", 0, "0.00", "0.00"), ["days_past_due", "overdue_principal", "overdue_interest"]),
        (stated("11-22", 12, "1000.00", "20.00", "6.00"), []),
        (stated("11-24", 14, "1000.00", "20.00", "7.00"), []),
        (stated("11-10", 0, "0.00", "0.00", "0.00"), []),
        (stated("11-11", 1, "1000.00", "20.00", "0.50"), []),
    ],
)
async def test_a_statement_agrees_to_the_day_and_the_cent(
    make_database: Make, statement: ArrearsStated, differences: list[str]
) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN, statement)
        assert await checks(desk) == ["statement.mismatch" if differences else "statement.matched"]
        for told in await desk.told("statement.mismatch"):
            assert told["differences"] == differences
        [row] = await desk.rows("SELECT state, differences FROM statement_check")
        assert tuple(row) == ("mismatch" if differences else "matched", differences)
        # Figures of core banking change nothing that is owed.
        assert (await desk.said())[:2] == ["loan.registered", "loan.overdue"]


async def test_both_sides_are_told(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN, stated("11-23", 12, "1000.00", "20.00"))
        [told] = await desk.told("statement.mismatch")
        assert (told["as_of"], told["currency"]) == ("2026-11-23", "CNY")
        assert told["stated"] == {
            "days_past_due": 12,
            "overdue_principal": "1000.00",
            "overdue_interest": "20.00",
        }
        assert told["ledger"] == {
            "days_past_due": 13,
            "overdue_principal": "1000.00",
            "overdue_interest": "20.00",
            "penalty": "6.50",
        }


async def test_late_money_makes_it_agree(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN, stated("11-23", 13, "700.00", "0.00"))
        # Other money first: it still differs, by other figures, and that is told as well.
        await desk.take(posted("26.50", "11-23", id="R-1"))
        assert [body["differences"] for body in await desk.told("statement.mismatch")] == [
            ["overdue_principal", "overdue_interest"],
            ["overdue_principal"],
        ]
        await desk.take(posted("1.00", "11-24", id="R-2"))
        assert len(await checks(desk)) == 2
        await desk.take(posted("300.00", "11-23", id="R-3"))
        assert await checks(desk) == ["statement.mismatch"] * 2 + ["statement.matched"]
        assert (await desk.told("statement.matched"))[0]["ledger"]["overdue_principal"] == "700.00"
        # What agreed once is not undone by what comes later; the next statement will say.
        await desk.take(reversed_("R-3", "11-23"))
        assert len(await checks(desk)) == 3


@pytest.mark.parametrize("fact", ["pause", "charge", "closure", "freeze"])
async def test_any_fact_that_comes_late_may_make_it_agree(make_database: Make, fact: str) -> None:
    async with open_desk(make_database) as desk:
        figures = {
            "pause": stated("11-23", 10, "1000.00", "20.00", "5.00"),
            "charge": stated("11-23", 13, "1000.00", "20.00", "9.50"),
            "closure": stated("11-23", 0, "0.00", "0.00"),
            "freeze": stated("11-23", 13, "1000.00", "20.00", "4.50"),
        }
        await desk.take(LOAN, figures[fact])
        assert await checks(desk) == ["statement.mismatch"]
        if fact == "freeze":
            await desk.hear(held(at("11-19")))
        else:
            late = {
                "pause": paused("11-12", "11-15"),
                "charge": charge("3.00", "11-15", "penalty"),
                "closure": closed("11-23"),
            }
            await desk.take(late[fact])
        assert await checks(desk) == ["statement.mismatch", "statement.matched"]
        assert (await desk.rows("SELECT state FROM statement_check"))[0].state == "matched"


async def test_an_older_statement_says_nothing_new(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN, stated("11-22", 12, "1000.00", "20.00"))
        await desk.take(stated("11-21", 99, "1.00", "1.00"))
        assert await checks(desk) == ["statement.matched"]
        # Another one of the same date replaces it.
        await desk.take(stated("11-22", 99, "1.00", "1.00"))
        await desk.take(stated("11-23", 13, "1000.00", "20.00"))
        assert await checks(desk) == ["statement.matched", "statement.mismatch", "statement.matched"]
        assert len(await desk.rows("SELECT loan_id FROM statement_check")) == 1


async def test_statements_are_kept_as_they_were_checked(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(LOAN, stated("11-23", 12, "1000.00", "20.00"))
        async with desk.runtime.transaction() as tx:
            kept = (await facts.statements(tx, ["L-1"]))["L-1"]
        assert (kept.as_of, kept.state) == (on("11-23"), CheckState.MISMATCH)
        assert (kept.stated.days_past_due, kept.stated.penalty) == (12, None)
        assert (kept.ledger.days_past_due, kept.ledger.penalty) == (13, 650)
        assert kept.differences == ("days_past_due",)


async def test_a_statement_before_its_loan_is_checked_when_the_loan_comes(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(stated("11-23", 13, "1000.00", "20.00", "6.50"))
        assert await checks(desk) == []
        await desk.take(LOAN)
        assert await checks(desk) == ["statement.matched"]
