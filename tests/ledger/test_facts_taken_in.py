"""Each kind of fact at the door: too early, of another borrower, twice, with amounts its currency does not have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from ledger.books import Outcome
from spine.events.corebanking import LoanTerms
from spine.events.registry import Event
from tests.ledger.desk import open_desk
from tests.ledger.events import (
    arriving,
    at,
    charge,
    charged_back,
    closed,
    debit,
    debit_failed,
    due,
    held,
    opened,
    paused,
    pending,
    posted,
    rate,
    rescheduled,
    resumed,
    stated,
)

Make = Callable[[], Awaitable[str]]

#: Of each kind one fact that is good for the loan of `opened()`, with money R-1 on it.
EACH: tuple[Event, ...] = (
    rescheduled("11-20", due(9, "12-20", "3000.00", "300.00")),
    closed("11-20"),
    closed("11-20", "written_off"),
    closed("11-20", "sold"),
    rate("11-01", "0.24"),
    charge("15.00", "11-01"),
    charge("15.00", "11-01", "penalty"),
    charged_back("50.00", "11-20"),
    paused("11-01", "11-05"),
    paused("11-20"),
    resumed("11-21"),
    stated("11-22", 73, "3000.00", "300.00"),
    pending("100.00", "11-24", id="R-7"),
    debit("100.00", at("11-23", "11:00")),
    debit_failed(),
)
every_fact = pytest.mark.parametrize("fact", EACH, ids=lambda fact: fact.TYPE)


@every_fact
async def test_a_fact_before_its_loan_waits_and_counts_as_if_in_order(
    make_database: Make, fact: Event
) -> None:
    money = posted("100.00", "11-20", id="R-1")
    async with open_desk(make_database) as early, open_desk(make_database) as orderly:
        [answer] = await early.take(fact)
        assert answer.outcome is Outcome.PARKED
        assert await early.said() == []
        await early.take(opened(), money)
        assert await early.rows("SELECT id FROM parked") == []
        assert await early.rows("SELECT id FROM dead_letter") == []
        await orderly.take(opened(), fact, money)
        assert await early.loan() == await orderly.loan()
        assert await early.events() == await orderly.events()


@every_fact
async def test_a_fact_of_another_borrower_is_put_aside_and_holds_the_loan(
    make_database: Make, fact: Event
) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(borrower="B-2"))
        before = await desk.loan()
        [answer] = await desk.take(arriving(fact, "strange", offset=9))
        assert (answer.outcome, answer.code, answer.field) == (Outcome.REFUSED, "conflict", "borrower_id")
        [letter] = await desk.rows('SELECT code, key, subject, "offset" FROM dead_letter')
        assert tuple(letter) == ("conflict", "B-2", "L-1", 9)
        assert [body["loan_id"] for body in await desk.told("dead_letter.opened")] == ["L-1"]
        assert await desk.loan() == before
        assert await desk.rows("SELECT id FROM loan_fact") == []


@every_fact
async def test_a_fact_again_is_known_and_under_its_id_nothing_else_is(
    make_database: Make, fact: Event
) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), posted("100.00", "11-20", id="R-1"))
        once = arriving(fact, "once")
        assert [each.outcome for each in await desk.take(once, once)] == [Outcome.ACCEPTED, Outcome.KNOWN]
        before = await desk.events(), await desk.loan()
        assert [each.outcome for each in await desk.take(once)] == [Outcome.KNOWN]
        assert (await desk.events(), await desk.loan()) == before
        [other] = await desk.take(arriving(posted("1.00", "11-20", id="R-other"), "once"))
        assert (other.outcome, other.code) == (Outcome.REFUSED, "conflict")


async def test_a_charge_id_stands_for_one_charge(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), charge("15.00", "11-01", id="CH-1"))
        [again, other] = await desk.take(
            charge("15.00", "11-01", id="CH-1"), charge("15.00", "11-01", id="CH-2")
        )
        assert (again.code, again.field, other.outcome) == ("conflict", "charge_id", Outcome.ACCEPTED)
        assert (await desk.loan())[1].overdue.fee == 3000


@pytest.mark.parametrize(
    ("currency", "good", "bad"), [("JPY", "100", "100.5"), ("KWD", "1.005", None), ("CNY", "1.05", "1.005")]
)
async def test_amounts_have_the_decimals_of_the_loans_currency(
    make_database: Make, currency: str, good: str, bad: str | None
) -> None:
    rows = due(1, "12-20", "1000", "0", "0")
    async with open_desk(make_database) as desk:
        await desk.take(opened(rows, currency=currency, principal="1000"))
        await desk.take(posted("500", "11-20", id="R-1", currency=currency))
        assert await desk.said() == ["loan.registered", "repayment.received"]
        for amount, code in ((good, None), (bad, "bad_amount")):
            if amount is None:
                continue
            events = (
                charge(amount, "11-01", id=f"CH-{code}"),
                charged_back(amount, "11-01"),
                rescheduled("12-01", due(7, "12-25", amount, "0", "0")),
                rescheduled("12-01", due(8, "12-25", "1", amount, "0")),
                stated("11-22", 0, amount, "0"),
                stated("11-22", 0, "0", amount),
                stated("11-22", 0, "0", "0", amount),
                pending(amount, "11-24", id=f"R-{code}"),
                debit(amount, at("11-24"), id=f"D-{code}"),
                debit_failed(amount=amount, id=f"F-{code}"),
            )
            answers = await desk.take(*events)
            assert [answer.code for answer in answers] == [code] * len(events)


async def test_a_rate_no_loan_can_bear_is_refused(make_database: Make) -> None:
    """With its penalty of half as much again a loan may cost 10,000 % a year and no more."""
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        answers = await desk.take(rate("11-20", "66.6666666666"), rate("11-20", "66.6666666667"))
        assert [answer.code for answer in answers] == [None, "bad_amount"]


async def test_a_reschedule_names_each_instalment_once(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        twice = rescheduled("11-23", due(5, "12-01", "1.00"), due(5, "12-02", "1.00"))
        [answer] = await desk.take(twice)
        assert (answer.code, answer.field) == ("bad_schema", "schedule[1].seq")


async def test_what_was_known_at_an_instant_leaves_out_later_amendments(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-13", "1000.00"), terms=LoanTerms(tolerance="0.00")))
        opened_at = await desk.runtime.clock.now()
        desk.wait(minutes=1)
        await desk.take(charge("15.00", "11-14"), paused("11-20", "11-22"))
        amended_at = await desk.runtime.clock.now()
        desk.wait(minutes=1)
        await desk.hear(held(at("11-14"), id="H-1"))
        await desk.take(rate("11-14", "0.24"))
        now, *_ = await desk.loan()
        assert (len(now.charges), len(now.pauses), len(now.freezes), len(now.rate_changes)) == (1, 1, 1, 1)
        first = await desk.facts_known_at(opened_at)
        assert (first.charges, first.pauses, first.freezes, first.rate_changes) == ((), (), (), ())
        second = await desk.facts_known_at(amended_at)
        assert (len(second.charges), len(second.pauses), second.freezes, second.rate_changes) == (
            1,
            1,
            (),
            (),
        )
