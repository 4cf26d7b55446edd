"""Facts in, events out: what the ledger says of a loan, in order, too early, twice, contradicting."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import date

import msgspec
import pytest

from ledger.books import Outcome
from ledger.domain.position import LoanStatus
from spine.events.corebanking import LoanTerms
from spine.events.registry import Event
from spine.service import Received
from tests.ledger.desk import Desk, open_desk
from tests.ledger.events import arriving, due, on, opened, posted, reversed_

Make = Callable[[], Awaitable[str]]


async def test_a_loan_taken_in_late_is_overdue_at_once_and_cured_by_money(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        assert await desk.said() == ["loan.registered", "loan.overdue"]
        overdue = (await desk.events())[-1][1]
        assert (overdue["as_of"], overdue["dpd"], overdue["dpd_zero_on"]) == ("2026-11-23", 74, "2026-09-10")
        assert overdue["oldest_unpaid_due_on"] == "2026-09-10"
        assert overdue["overdue"]["principal"] == "3000.00"

        # D1: September settled 44, October too 13. The penalty is paid with it.
        await desk.take(posted("1137.00", "11-23"))
        assert (await desk.events())[-1][1]["dpd"] == 44
        await desk.take(posted("1122.00", "11-23"))
        assert (await desk.events())[-1][1]["dpd"] == 13
        await desk.take(posted("1106.50", "11-23"))
        assert (await desk.said())[2:] == [
            "repayment.received",
            "arrears.changed",
            "repayment.received",
            "arrears.changed",
            "repayment.received",
            "loan.cured",
            "loan.settled",
        ]
        assert (await desk.loan())[1].status is LoanStatus.SETTLED


async def test_late_posting_takes_the_penalty_back(make_database: Make) -> None:
    """D3: due 11-20, value-dated 11-20, posted on the 24th: 6.00 accrued, then reversed, DPD 4 -> 0."""
    async with open_desk(make_database, first=date(2026, 11, 19)) as desk:
        later = due(2, "2027-01-20", "500.00")
        await desk.take(opened(due(1, "11-20", "3000.00"), later))
        await desk.close_through(on("11-23"))
        _, standing, _ = await desk.loan()
        assert await desk.said(of="L-1") == ["loan.registered", "loan.overdue"]
        first = (await desk.events(of="L-1"))[-1][1]
        assert (first["as_of"], first["dpd"], first["dpd_zero_on"]) == ("2026-11-21", 1, "2026-11-20")
        assert standing.dpd_zero_on == on("11-20")

        await desk.take(posted("3000.00", "11-20", posted_on="11-24"))
        assert (await desk.said(of="L-1"))[2:] == ["repayment.received", "loan.cured"]
        assert (await desk.events(of="L-1"))[-1][1]["as_of"] == "2026-11-24"
        _, standing, _ = await desk.loan()
        assert standing.overdue.total == 0
        assert standing.dpd_zero_on is None


async def test_a_reversal_brings_the_arrears_back(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-10", "1000.00")), posted("1000.00", "11-10", id="R-1"))
        assert await desk.said() == [
            "loan.registered",
            "loan.overdue",
            "repayment.received",
            "loan.cured",
            "loan.settled",
        ]
        await desk.take(reversed_("R-1", "11-23"))
        assert (await desk.said())[5:] == ["repayment.reversed", "loan.overdue"]
        assert (await desk.events())[-1][1]["dpd"] == 13


async def test_money_for_penalty_alone_is_a_change(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(due(1, "11-10", "3000.00")), posted("5.00", "11-23"))
        assert (await desk.said())[1:] == ["loan.overdue", "repayment.received", "arrears.changed"]
        before, after = (body["overdue"] for type_, body in await desk.events() if "overdue" in body)
        assert (before["penalty"], after["penalty"]) == ("19.50", "14.50")
        assert before["principal"] == after["principal"]


async def test_a_rest_within_the_house_tolerance_is_no_arrears(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            opened(due(1, "11-10", "10.00"), loan="L-1"), opened(due(1, "11-10", "10.01"), loan="L-2")
        )
        assert await desk.said(of="L-1") == ["loan.registered"]
        assert await desk.said(of="L-2") == ["loan.registered", "loan.overdue"]
        stated = opened(due(1, "11-10", "10.00"), loan="L-3", terms=LoanTerms(tolerance="0.00"))
        await desk.take(stated)
        assert await desk.said(of="L-3") == ["loan.registered", "loan.overdue"]


async def test_batches_do_not_change_what_is_said(make_database: Make) -> None:
    events = [
        opened(),
        posted("1137.00", "11-23", id="R-1"),
        posted("500.00", "11-23", id="R-2"),
        reversed_("R-1", "11-23"),
        posted("9000.00", "11-23", id="R-3"),
    ]
    async with open_desk(make_database) as one, open_desk(make_database) as many:
        await one.take(*events)
        for event in events:
            await many.take(event)
        assert await one.events() == await many.events()
        assert (await one.loan())[:2] == (await many.loan())[:2]


async def test_early_facts_wait_and_count_as_if_in_order(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        gone, money = reversed_("R-1", "11-22"), posted("1100.00", "09-10", id="R-1")
        answers = await desk.take(gone, money, posted("1100.00", "09-10", id="R-2"))
        assert [answer.outcome for answer in answers] == [Outcome.PARKED] * 3
        assert await desk.said() == []
        assert len(await desk.rows("SELECT id FROM parked")) == 3
        await desk.take(opened())
        assert await desk.rows("SELECT id FROM parked") == []
        early = [name for name in await desk.said() if name.startswith("repayment")]
        assert sorted(early) == ["repayment.received", "repayment.received", "repayment.reversed"]
        async with open_desk(make_database) as other:
            await other.take(opened(), money, gone, posted("1100.00", "09-10", id="R-2"))
            facts, standing, _ = await desk.loan()
            same, as_in_order, _ = await other.loan()
            assert standing == as_in_order
            assert set(facts.repayments) == set(same.repayments)


async def test_a_reversal_waits_for_its_repayment(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        [answer] = await desk.take(reversed_("R-9", "11-23"))
        assert answer.outcome is Outcome.PARKED
        await desk.take(posted("1137.00", "11-23", id="R-9"))
        assert (await desk.said())[2:] == [
            "repayment.received",
            "arrears.changed",
            "repayment.reversed",
            "arrears.changed",
        ]
        assert await desk.rows("SELECT id FROM parked") == []


async def test_early_money_in_a_wrong_currency_is_put_aside_when_the_loan_comes(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        early = arriving(posted("10.00", "11-01", currency="USD"), "early", offset=7)
        await desk.take(early)
        await desk.take(opened())
        [letter] = await desk.rows('SELECT code, subject, "offset" FROM dead_letter')
        assert tuple(letter) == ("wrong_currency", "L-1", 7)
        assert await desk.rows("SELECT event_id FROM inbox WHERE event_id = 'early'") == []


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (posted("10.00", "11-01", currency="USD"), "wrong_currency"),
        (posted("10.00", "11-01", borrower="B-2"), "conflict"),
        (reversed_("R-1", "11-23", borrower="B-2"), "conflict"),
        (posted("99.00", "11-01", id="R-1"), "conflict"),
        (opened(), "conflict"),
        (opened(borrower="B-2"), "conflict"),
    ],
)
async def test_what_contradicts_the_books_is_put_aside_and_holds_the_loan(
    make_database: Make, event: Event, code: str
) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), posted("10.00", "11-01", id="R-1"))
        before = await desk.loan()
        bad, good = arriving(event, "bad", offset=41), posted("20.00", "11-01", id="R-2")
        answers = await desk.take(bad, good)
        assert [(answer.outcome, answer.code) for answer in answers] == [
            (Outcome.REFUSED, code),
            (Outcome.ACCEPTED, None),
        ]
        [letter] = await desk.rows('SELECT code, key, subject, "offset", body FROM dead_letter')
        assert (letter.code, letter.key, letter.subject, letter.offset) == (code, "B-1", "L-1", 41)
        assert letter.body == bad.body
        held = [body for type_, body in await desk.events() if type_ == "dead_letter.opened.v1"]
        assert [(body["loan_id"], body["borrower_id"]) for body in held] == [("L-1", "B-1")]
        assert len((await desk.loan())[0].repayments) == len(before[0].repayments) + 1
        # It was not taken in: corrected and sent again under the same id it counts.
        [again] = await desk.take(arriving(posted("30.00", "11-01", id="R-3"), "bad"))
        assert again.outcome is Outcome.ACCEPTED


async def test_the_same_event_again_changes_nothing(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        batch = [arriving(opened(), "o"), arriving(posted("50.00", "11-01", id="R-1"), "p")]
        await desk.take(*batch, batch[1])
        before = await desk.events(), await desk.loan()
        answers = await desk.take(*batch, *batch)
        assert {answer.outcome for answer in answers} == {Outcome.KNOWN}
        assert (await desk.events(), await desk.loan()) == before


async def test_formatting_does_not_make_another_body(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        plain = arriving(opened(), "o")
        spaced = msgspec.json.format(plain.body, indent=2)
        backwards = msgspec.json.encode(dict(reversed(msgspec.json.decode(plain.body).items())))
        await desk.take(plain)
        for body in (spaced, backwards):
            [answer] = await desk.take(written_as(plain, body))
            assert answer.outcome is Outcome.KNOWN


async def test_the_same_id_with_another_body_is_a_conflict(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        first, other = posted("50.00", "11-01", id="R-1"), posted("60.00", "11-01", id="R-1")
        answers = await desk.take(arriving(first, "p", offset=1), arriving(other, "p", offset=2))
        assert [answer.code for answer in answers] == [None, "conflict"]
        [again] = await desk.take(arriving(other, "p", offset=3))
        assert again.code == "conflict"
        assert [row.offset for row in await desk.rows('SELECT "offset" FROM dead_letter ORDER BY 1')] == [
            2,
            3,
        ]
        assert [each.amount for each in (await desk.loan())[0].repayments] == [5000]
        # Of another source it is another event.
        [elsewhere] = await desk.take(arriving(posted("1.00", "11-01", id="R-2"), "p", source="branch"))
        assert elsewhere.outcome is Outcome.ACCEPTED


async def test_an_id_that_cannot_be_kept_is_refused(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        [bad, good] = await desk.take(arriving(opened(), "o\x00"), arriving(opened(), "o"))
        assert (bad.code, good.outcome) == ("bad_schema", Outcome.ACCEPTED)


async def test_two_doors_at_once_take_an_event_in_once(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        event = arriving(posted("50.00", "11-01", id="R-1"), "p")
        answers = await asyncio.gather(*(desk.take(event) for _ in range(6)))
        assert sorted(answer.outcome for [answer] in answers) == ["accepted", *["known"] * 5]
        assert (await desk.said()).count("repayment.received") == 1


async def test_a_loan_and_its_money_at_two_doors_at_once_find_each_other(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        for n in range(20):
            loan = f"L-{n}"
            await asyncio.gather(
                desk.take(arriving(opened(loan=loan), f"o-{n}")),
                desk.take(arriving(posted("50.00", "11-01", loan=loan), f"p-{n}")),
            )
        assert await desk.rows("SELECT id FROM parked") == []
        assert (await desk.said()).count("repayment.received") == 20


@pytest.mark.parametrize("seed", range(3))
async def test_doubled_and_shuffled_across_loans_the_outcome_is_the_same(
    make_database: Make, seed: int
) -> None:
    chosen = random.Random(seed)
    by_loan = []
    for n in range(30):
        loan = f"L-{n:02}"
        events: list[Event] = [opened(loan=loan, borrower=f"B-{n % 7}")]
        for k in range(chosen.randrange(4)):
            amount, day = f"{chosen.randrange(1, 2000)}.00", f"{chosen.randrange(1, 12):02}-05"
            events.append(posted(amount, day, id=f"R-{k}", loan=loan, borrower=f"B-{n % 7}"))
        by_loan.append([arriving(event, f"{loan}-{k}") for k, event in enumerate(events)])
    async with open_desk(make_database) as plain, open_desk(make_database) as other:
        await plain.take(*(event for events in by_loan for event in events))
        doubled = [[event for event in events for _ in range(2)] for events in by_loan]
        await _in_random_batches(other, _interleaved(doubled, chosen), chosen)
        for n in range(30):
            assert await plain.events(of=f"L-{n:02}") == await other.events(of=f"L-{n:02}")


def _interleaved(by_loan: list[list[Received]], chosen: random.Random) -> list[Received]:
    """All events, each loan's in their order."""
    turns = [n for n, events in enumerate(by_loan) for _ in events]
    chosen.shuffle(turns)
    left = [iter(events) for events in by_loan]
    return [next(left[n]) for n in turns]


async def _in_random_batches(desk: Desk, events: list[Received], chosen: random.Random) -> None:
    while events:
        size = chosen.randrange(1, 40)
        await desk.take(*events[:size])
        events = events[size:]


def written_as(received: Received, body: bytes) -> Received:
    """The same event with its body written differently."""
    return Received(
        received.topic, received.partition, received.offset, received.envelope, received.event, body
    )
