"""Cut-over: a running loan is taken over with what was paid and said, and its arrears are not new ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from ledger.books import Outcome
from spine.events.corebanking import PaidPart, PastContact
from tests.ledger.desk import open_desk
from tests.ledger.events import arriving, due, on, opened, posted, rescheduled, taken_over

Make = Callable[[], Awaitable[str]]

#: September paid, of October 400.00 and the interest, of November nothing.
PAID = (
    PaidPart(seq=1, principal="1000.00", interest="100.00"),
    PaidPart(seq=2, principal="400.00", interest="100.00"),
)
CALL = PastContact(
    at=datetime(2026, 11, 2, 3, tzinfo=UTC), channel="call", direction="outbound", outcome="conversation"
)


async def test_arrears_that_came_with_the_loan_are_told_as_such(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        loan = taken_over(as_of="11-20", paid=PAID, episode_began_on=on("10-11"), contact_history=(CALL,))
        await desk.take(loan)
        assert await desk.said() == ["loan.registered", "loan.overdue"]
        [overdue] = await desk.told("loan.overdue")
        assert (overdue["dpd"], overdue["dpd_zero_on"]) == (44, "2026-10-10")
        assert (overdue["taken_over_on"], overdue["episode_began_on"]) == ("2026-11-20", "2026-10-11")
        assert (overdue["overdue"]["principal"], overdue["overdue"]["interest"]) == ("1600.00", "100.00")
        # 600.00 for 44 days and 1,000.00 for 13 at 0.0005.
        assert overdue["overdue"]["penalty"] == "19.70"


async def test_what_was_paid_and_said_before_is_handed_on_with_the_registration(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(
            taken_over(as_of="11-20", paid=PAID, episode_began_on=on("10-11"), contact_history=(CALL,))
        )
        [told] = await desk.told("loan.registered")
        assert told["taken_over"] == {
            "as_of": "2026-11-20",
            "paid": [
                {"seq": 1, "principal": "1000.00", "interest": "100.00"},
                {"seq": 2, "principal": "400.00", "interest": "100.00"},
            ],
            "episode_began_on": "2026-10-11",
            "contact_history": [
                {
                    "at": "2026-11-02T03:00:00Z",
                    "channel": "call",
                    "direction": "outbound",
                    "outcome": "conversation",
                }
            ],
        }


async def test_past_contacts_are_handed_on_but_not_kept(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(taken_over(as_of="11-20", paid=PAID, contact_history=(CALL,)))
        [kept] = await desk.rows("SELECT type, body FROM loan_fact")
        body = msgspec.json.decode(kept.body)
        assert (kept.type, "contact_history" in body) == ("loan.imported.v1", False)
        assert body["paid"][1] == {"seq": 2, "principal": "400.00", "interest": "100.00"}


async def test_what_was_paid_before_counts_ever_after(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(taken_over(as_of="11-20", paid=PAID))
        await desk.take(posted("619.70", "11-23"))
        changed = (await desk.told("arrears.changed"))[-1]
        assert (changed["dpd"], changed["overdue"]["principal"]) == (13, "1000.00")
        await desk.close_through(on("11-30"))
        facts, standing, _ = await desk.loan()
        assert [(part.seq, part.principal) for part in facts.paid_before] == [(1, 100000), (2, 40000)]
        assert standing.dpd_on(on("12-01")) == 21
        # A reschedule allocates it anew, together with the money since: 1,600.00 and 619.70, less the penalty
        # of 23.70 that stayed owed, less the interest.
        await desk.take(rescheduled("12-01", due(9, "12-20", "3000.00", "300.00")))
        assert (await desk.told("loan.cured"))[-1]["as_of"] == "2026-12-01"
        await desk.close_through(on("12-20"))
        assert (await desk.told("loan.overdue"))[-1]["overdue"]["principal"] == "1104.00"


async def test_a_loan_without_arrears_begins_its_first_episode_here(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        rows = (due(1, "10-23", "1000.00"), due(2, "11-23", "1000.00"))
        await desk.take(taken_over(*rows, as_of="11-20", paid=(PaidPart(seq=1, principal="1000.00"),)))
        assert await desk.said() == ["loan.registered"]
        await desk.close_through(on("11-23"))
        [overdue] = await desk.told("loan.overdue")
        assert overdue["dpd"] == 1
        assert "taken_over_on" not in overdue


async def test_money_that_waited_for_its_loan_comes_after_the_arrears_taken_over(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(posted("619.70", "11-23"))
        await desk.take(taken_over(as_of="11-20", paid=PAID))
        assert await desk.said() == [
            "loan.registered",
            "loan.overdue",
            "repayment.received",
            "arrears.changed",
        ]
        [overdue] = await desk.told("loan.overdue")
        assert (overdue["taken_over_on"], "episode_began_on" in overdue) == ("2026-11-20", False)
        assert "taken_over_on" not in (await desk.told("arrears.changed"))[0]


async def test_a_loan_is_opened_or_taken_over_once(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        first = arriving(taken_over(as_of="11-20", paid=PAID), "i")
        await desk.take(first)
        answers = await desk.take(first, opened(), taken_over(as_of="11-21", paid=PAID))
        assert [answer.outcome for answer in answers] == [Outcome.KNOWN, Outcome.REFUSED, Outcome.REFUSED]
        assert {answer.code for answer in answers[1:]} == {"conflict"}


async def test_what_others_books_knew_is_known_from_the_moment_of_the_cut_over(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(taken_over(as_of="11-20", paid=PAID))
        known = await desk.facts_known_at(await desk.runtime.clock.now())
        assert [part.seq for part in known.paid_before] == [1, 2]
