"""Holds: placed once by what was said or by a person, they stop contact and promotion until they end."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from spine.events.contact_log import DisputeRaised, PaymentClaimed
from tests.stager.figures import DUE_ON, loan_cured, loan_overdue
from tests.stager.stand import Stand

DAY = timedelta(days=1)
FRIDAY = date(2026, 11, 20)


def claim(stager: Stand, day: date = FRIDAY) -> PaymentClaimed:
    return PaymentClaimed(borrower_id="B1", loan_id="L1", contact_id="K1", at=stager.local(day, 11))


async def in_second_stage(stager: Stand) -> date:
    """A loan that entered S2 today; its morning message is asked for."""
    as_of = DUE_ON + 31 * DAY
    await stager.tell(loan_overdue(as_of=as_of))
    await stager.close(as_of - DAY)
    await stager.at(stager.local(as_of, 9))
    return as_of


async def test_a_dispute_takes_back_what_was_asked_for_and_stops_what_follows(stager: Stand) -> None:
    today = await in_second_stage(stager)
    dispute = DisputeRaised(borrower_id="B1", loan_id="L1", contact_id="K1", at=stager.local(today, 11))
    await stager.tell(dispute)
    [placed] = await stager.said("hold.placed.v1")
    assert (placed["kind"], placed["origin"], placed["freezes_interest"]) == ("dispute", "K1", False)
    assert "until" not in placed
    [withdrawn] = await stager.said("contact.withdrawn.v1")
    assert withdrawn["reason"] == "hold_dispute"
    await stager.at(stager.local(today, 19))
    await stager.at(stager.local(today + 2 * DAY, 9))
    assert len(await stager.said("contact.requested.v1")) == 1
    skipped = await stager.rows(
        "SELECT reason, count(*) FROM contact_request WHERE status = 'skipped' GROUP BY 1"
    )
    assert [tuple(row) for row in skipped] == [("hold_dispute", 2)]


async def test_the_same_contact_holds_once_also_ahead_of_its_turn(stager: Stand) -> None:
    await in_second_stage(stager)
    fact = stager.fact(claim(stager))
    await stager.take([fact], early=True)
    await stager.take([fact])
    await stager.take([fact, fact])
    assert len(await stager.said("hold.placed.v1")) == 1


async def test_a_claim_of_friday_holds_through_wednesday_and_ends_by_itself(stager: Stand) -> None:
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    stager.set_time(stager.local(FRIDAY, 11))
    await stager.tell(claim(stager))
    ends = stager.local(date(2026, 11, 26), 0)
    async with stager.runtime.transaction() as tx:
        assert (await stager.service.due(tx)).next_at is not None
    await stager.at(ends - timedelta(seconds=1))
    assert await stager.said("hold.lifted.v1") == []
    await stager.at(ends)
    [lifted] = await stager.said("hold.lifted.v1")
    assert (lifted["ended_by"], lifted["origin"]) == ("expiry", "K1")
    before = len(await stager.said("contact.requested.v1"))
    await stager.at(stager.local(date(2026, 11, 26), 10))
    await stager.at(stager.local(date(2026, 11, 29), 10))
    assert len(await stager.said("contact.requested.v1")) > before


async def test_a_claim_before_national_day_holds_over_its_week(stager: Stand) -> None:
    before = date(2026, 9, 30)
    stager.set_time(stager.local(before, 11))
    await stager.tell(claim(stager, before))
    # Thursday and Friday, 8 and 9 October, and the Saturday that is made up for.
    ends = stager.local(date(2026, 10, 11), 0)
    [placed] = await stager.said("hold.placed.v1")
    assert datetime.fromisoformat(placed["until"]) == ends
    await stager.at(ends - timedelta(seconds=1))
    assert await stager.said("hold.lifted.v1") == []
    await stager.at(ends)
    assert [fact["ended_by"] for fact in await stager.said("hold.lifted.v1")] == ["expiry"]


async def test_a_hold_keeps_the_stage_until_the_close_after_it_ended(stager: Stand) -> None:
    await stager.tell(loan_overdue())
    last_day_of_first_stage = DUE_ON + 30 * DAY
    for days in range(30):
        await stager.close(DUE_ON + days * DAY)
    stager.set_time(stager.local(last_day_of_first_stage, 11))
    await stager.tell(claim(stager, last_day_of_first_stage))
    # Thursday's claim waits for Friday, Monday and Tuesday.
    for days in range(30, 35):
        await stager.close(DUE_ON + days * DAY)
        await stager.run_timers()
    assert [entry["to"] for entry in await stager.said("stage.entered.v1")] == ["S1"]
    await stager.close(DUE_ON + 35 * DAY)
    await stager.run_timers()
    await stager.close(DUE_ON + 36 * DAY)
    entered = await stager.said("stage.entered.v1")
    assert [(entry["to"], entry["dpd"]) for entry in entered] == [("S1", 1), ("S2", 36)]


async def test_the_cure_answers_a_claim_but_not_a_dispute(stager: Stand) -> None:
    today = await in_second_stage(stager)
    dispute = DisputeRaised(borrower_id="B1", loan_id="L1", contact_id="K2", at=stager.local(today, 11))
    await stager.tell(claim(stager, today), dispute)
    await stager.tell(loan_cured(as_of=today))
    [lifted] = await stager.said("hold.lifted.v1")
    assert (lifted["kind"], lifted["ended_by"]) == ("payment_claim", "arrears_ended")
    rows = await stager.rows("SELECT kind FROM hold WHERE lifted_at IS NULL")
    assert [row.kind for row in rows] == ["dispute"]


async def test_a_hold_concerns_only_its_loan(stager: Stand) -> None:
    as_of = DUE_ON + 31 * DAY
    await stager.tell(loan_overdue("L1", as_of=as_of), loan_overdue("L2", as_of=as_of))
    await stager.close(as_of - DAY)
    await stager.tell(claim(stager, as_of))
    await stager.at(stager.local(as_of, 9))
    assert [fact["loan_id"] for fact in await stager.said("contact.requested.v1")] == ["L2"]
