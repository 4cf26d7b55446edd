"""Facts that change a loan: what the ledger says of each, on both sides of its edge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ledger.domain.position import LoanStatus
from tests.ledger.desk import open_desk
from tests.ledger.events import (
    arriving,
    at,
    charge,
    charged_back,
    closed,
    due,
    on,
    opened,
    paused,
    posted,
    rate,
    rescheduled,
)

Make = Callable[[], Awaitable[str]]


async def test_a_reschedule_is_told_whole_and_the_arrears_follow(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), posted("1137.00", "11-23"))
        await desk.take(rescheduled("11-23", due(4, "12-23", "2000.00", "250.00"), keep=(1,)))
        assert (await desk.said())[4:] == ["loan.rescheduled", "loan.cured"]
        [told] = await desk.told("loan.rescheduled")
        assert (told["effective_on"], told["reason"], told["product"]) == ("2026-11-23", "agreed", "consumer")
        assert [(row["seq"], row["due_on"], row["principal"]) for row in told["schedule"]] == [
            (1, "2026-09-10", "1000.00"),
            (4, "2026-12-23", "2000.00"),
        ]
        _, standing, row = await desk.loan()
        assert (standing.status, standing.outstanding_principal) == (LoanStatus.CURRENT, 200000)
        # The penalty that had accrued stays owed, but makes no days past due: of both later instalments.
        assert (standing.overdue.penalty, row.next_transition_on) == (0, on("11-24"))
        await desk.close_through(on("11-23"))
        assert (await desk.loan())[1].overdue.penalty == 2200 + 650


async def test_a_reschedule_of_a_later_day_changes_nothing_before_it(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-20", "1000.00")))
        await desk.take(rescheduled("11-25", due(2, "12-20", "1000.00")))
        assert await desk.said() == ["loan.registered", "loan.overdue", "loan.rescheduled"]
        await desk.close_through(on("11-23"))
        assert "loan.cured" not in await desk.said()
        await desk.close_through(on("11-24"))
        [cured] = await desk.told("loan.cured")
        assert cured["as_of"] == "2026-11-25"


async def test_an_extension_moves_the_due_date_and_the_old_one_answers_for_earlier_days(
    make_database: Make,
) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-23", "1000.00"), due(2, "12-23", "1000.00")))
        await desk.take(rescheduled("11-23", due(3, "11-25", "1000.00"), keep=(2,)))
        await desk.close_through(on("11-24"))
        assert await desk.told("loan.overdue") == []
        await desk.close_through(on("11-25"))
        [overdue] = await desk.told("loan.overdue")
        assert (overdue["as_of"], overdue["dpd"], overdue["dpd_zero_on"]) == ("2026-11-26", 1, "2026-11-25")


async def test_of_two_reschedules_of_a_day_the_later_stated_holds_whichever_comes_first(
    make_database: Make,
) -> None:
    first = arriving(rescheduled("11-23", due(4, "12-01", "3000.00")), "first", sent_at=at("11-23", "09:00"))
    second = arriving(
        rescheduled("11-23", due(5, "12-15", "3000.00")), "second", sent_at=at("11-23", "10:00")
    )
    for order in ((first, second), (second, first)):
        async with open_desk(make_database) as desk:
            await desk.take(opened(), *order)
            await desk.close_through(on("12-14"))
            assert [body["as_of"] for body in await desk.told("loan.overdue")] == ["2026-11-23"]
            await desk.close_through(on("12-15"))
            assert [body["dpd_zero_on"] for body in await desk.told("loan.overdue")] == [
                "2026-09-10",
                "2026-12-15",
            ]


async def test_early_settlement_cures_and_settles(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), closed("11-23"))
        assert (await desk.said())[2:] == ["loan.cured", "loan.settled"]
        assert (await desk.told("loan.settled"))[0]["reason"] == "closed"
        assert (await desk.loan())[1].status is LoanStatus.SETTLED


async def test_a_loan_that_is_paid_is_settled_by_its_money(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "12-10", "1000.00")), posted("1000.00", "11-23"), closed("11-23"))
        # The money waits as credit until the due day; the closure sets it against what was still to come.
        assert await desk.said() == ["loan.registered", "repayment.received", "loan.settled"]
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-20", "1000.00")), posted("1001.50", "11-23"), closed("11-23"))
        settled = await desk.told("loan.settled")
        assert [body.get("reason", "paid") for body in settled] == ["paid"]


async def test_a_closure_counts_from_its_day(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), closed("11-25"))
        assert (await desk.said())[2:] == []
        await desk.close_through(on("11-23"))
        assert await desk.told("loan.settled") == []
        await desk.close_through(on("11-24"))
        assert [body["as_of"] for body in await desk.told("loan.settled")] == ["2026-11-25"]


async def test_a_sold_loan_is_no_longer_ours_but_its_money_is_still_recorded(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), closed("11-23", "sold"))
        assert (await desk.said())[2:] == ["loan.cured", "loan.settled"]
        assert (await desk.told("loan.settled"))[0]["reason"] == "sold"
        await desk.take(posted("500.00", "11-23", id="R-late"))
        await desk.close_through(on("12-31"))
        assert (await desk.said(of="L-1"))[4:] == ["repayment.received"]
        facts, standing, row = await desk.loan()
        assert [each.id for each in facts.repayments] == ["R-late"]
        assert (standing.status, standing.overdue.total) == (LoanStatus.SOLD, 0)
        assert row.next_transition_on is None


async def test_a_loan_written_off_is_still_owed_and_its_days_go_on(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-20", "1000.00")), closed("11-23", "written_off"))
        assert await desk.said() == ["loan.registered", "loan.overdue", "arrears.changed"]
        [before] = await desk.told("loan.overdue")
        [after] = await desk.told("arrears.changed")
        assert "status" not in before
        assert (after["status"], after["dpd"], after["dpd_zero_on"]) == ("written_off", 3, "2026-11-20")
        assert after["overdue"]["total"] == before["overdue"]["total"]
        await desk.close_through(on("11-29"))
        assert await desk.told("loan.cured") == []
        assert (await desk.loan())[1].dpd_on(on("11-30")) == 10
        # It can still be paid, or sold.
        await desk.take(posted("400.00", "11-30"))
        assert (await desk.told("arrears.changed"))[-1]["status"] == "written_off"
        await desk.take(closed("11-30", "sold"))
        assert (await desk.said(of="L-1"))[-2:] == ["loan.cured", "loan.settled"]


async def test_a_loan_written_off_before_its_due_day_comes_into_arrears_as_such(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-23", "1000.00")), closed("11-23", "written_off"))
        await desk.close_through(on("11-23"))
        [overdue] = await desk.told("loan.overdue")
        assert (overdue["status"], overdue["dpd"]) == ("written_off", 1)


async def test_another_rate_counts_from_its_day(make_database: Make) -> None:
    """12 % until the 19th and 24 % from the 20th: 10 days at 0.50 and 3 at 1.00 on 1,000.00."""
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-10", "1000.00")))
        assert (await desk.told("loan.overdue"))[0]["overdue"]["penalty"] == "6.50"
        await desk.take(rate("11-20", "0.24"))
        assert (await desk.told("arrears.changed"))[0]["overdue"]["penalty"] == "8.00"
        await desk.take(rate("11-24", "0.48"))
        assert len(await desk.told("arrears.changed")) == 1


async def test_a_charge_is_owed_from_its_day_and_makes_no_days_past_due(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            opened(due(1, "12-20", "1000.00")),
            charge("15.00", "11-22", id="CH-1"),
            charge("7.00", "11-22", "penalty", id="CH-2"),
            charge("30.00", "11-23", id="CH-3"),
        )
        assert await desk.said() == ["loan.registered"]
        overdue = (await desk.loan())[1].overdue
        assert (overdue.fee, overdue.penalty, overdue.total) == (1500, 700, 2200)
        await desk.close_through(on("11-23"))
        assert (await desk.loan())[1].overdue.fee == 4500
        assert await desk.said(of="L-1") == ["loan.registered"]
        # Money settles the charges of a day first, then what falls due.
        await desk.take(posted("52.00", "11-24"))
        assert (await desk.loan())[1].overdue.total == 0


async def test_a_chargeback_is_owed_as_principal_from_its_day(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-20", "1000.00"), due(2, "12-20", "1000.00")))
        await desk.take(posted("1001.50", "11-23", id="R-1"), charged_back("1001.50", "11-23", id="R-1"))
        assert (await desk.said())[2:] == ["repayment.received", "loan.cured", "repayment.charged_back"]
        [back] = await desk.told("repayment.charged_back")
        assert (back["repayment_id"], back["amount"], back["charged_back_on"]) == (
            "R-1",
            "1001.50",
            "2026-11-23",
        )
        await desk.close_through(on("11-23"))
        [_, again] = await desk.told("loan.overdue")
        assert (again["dpd"], again["dpd_zero_on"]) == (1, "2026-11-23")
        assert (again["overdue"]["principal"], again["overdue"]["penalty"]) == ("1001.50", "0.50")


async def test_facts_of_a_day_close_with_amended_loans(make_database: Make) -> None:
    """What was amended in another transaction counts in the close as if it had just come."""
    async with open_desk(make_database) as desk:
        await desk.take(*(opened(due(1, "11-23", "1000.00"), loan=f"L-{n}") for n in range(1, 5)))
        await desk.take(
            paused("11-20", "11-30", loan="L-1"),
            closed("11-23", loan="L-2"),
            rescheduled("11-24", due(2, "12-24", "1000.00"), loan="L-3"),
        )
        await desk.close_through(on("11-23"))
        assert [body["loan_id"] for type_, body in await desk.events() if type_ == "loan.overdue.v1"] == [
            "L-4"
        ]


async def test_a_reschedule_that_leaves_nothing_is_refused(make_database: Make) -> None:
    """Kept is what nobody ever heard of: the debt would be gone without anybody having paid."""
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        [nothing] = await desk.take(rescheduled("11-23", keep=(7, 8)))
        assert (nothing.code, nothing.field) == ("conflict", "keep")
        await desk.take(rescheduled("11-23", due(8, "12-20", "3000.00")), rescheduled("11-24", keep=(7, 8)))
        assert len(await desk.told("loan.rescheduled")) == 2
        assert "loan.settled" not in await desk.said()
