"""Steps come due at local times, are decided by the facts of then, and ask once however long nothing ran."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from spine.business_days import local_instant
from spine.events.notifier import (
    MessageAccepted,
    MessageDelivered,
    MessageFact,
    MessageSuppressed,
    PartyChanged,
)
from tests.stager.figures import DUE_ON, arrears_changed, loan_cured, loan_overdue, loan_settled
from tests.stager.stand import Stand

DAY = timedelta(days=1)
ENTERED = DUE_ON + DAY


async def enter(stager: Stand, *loans: str, days: int = 1) -> None:
    """Loans overdue for so many days, in their stage since the last close."""
    as_of = DUE_ON + days * DAY
    await stager.tell(*[loan_overdue(loan, f"B-{loan}", as_of=as_of) for loan in loans])
    await stager.close(as_of - DAY)


async def asked_about_arrears(stager: Stand) -> list[dict[str, object]]:
    """What was asked for, but thanks to those who have paid."""
    return [dict(fact) for fact in await stager.said("contact.requested.v1") if fact["step"] != "thanks"]


async def asked(stager: Stand) -> list[tuple[object, object]]:
    return [(fact["step"], fact["requested_at"]) for fact in await asked_about_arrears(stager)]


def told(request: dict[str, object], kind: type[MessageFact], stager: Stand) -> MessageFact:
    return kind(
        borrower_id=str(request["borrower_id"]),
        loan_id=str(request["loan_id"]),
        message_id="M1",
        request_id=str(request["request_id"]),
        channel="sms",
        purpose="collection",
        stage="S1",
        step=str(request["step"]),
        template=str(request["template"]),
        at=stager.local(ENTERED, 10, 1),
        policy="cn",
    )


def party(borrower_id: str, zone: str | None) -> PartyChanged:
    return PartyChanged(borrower_id=borrower_id, locale="zh-CN", timezone=zone, region="CN-SH")


async def test_the_first_reminder_is_asked_for_at_ten(stager: Stand) -> None:
    await enter(stager, "L1")
    assert await stager.at(stager.local(ENTERED, 9, 59)) == 0
    assert await stager.at(stager.local(ENTERED, 10)) == 1
    [request] = await stager.said("contact.requested.v1")
    assert request["step"] == "warm-reminder"
    assert (request["channel"], request["template"]) == ("sms", "s1-warm-sms")
    assert request["expires_at"] == "2026-11-11T14:00:00Z"
    assert str(request["policy"]).startswith("strategy-cn@1:")
    assert await stager.run_timers() == 0


async def test_a_month_in_the_first_stage_has_one_warm_and_nine_soft_reminders(stager: Stand) -> None:
    await enter(stager, "L1")
    for days in range(30):
        await stager.at(stager.local(ENTERED + days * DAY, 10))
    steps = [step for step, _ in await asked(stager)]
    assert steps == ["warm-reminder", *["soft-reminder"] * 9]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (31, {("soft-morning", 9), ("soft-evening", 19)}),
        (61, {("formal-notice", 10)}),
        (91, {("final-reminder", 10)}),
    ],
)
async def test_each_stage_has_its_own_steps(stager: Stand, days: int, expected: set[tuple[str, int]]) -> None:
    await enter(stager, "L1", days=days)
    entered = DUE_ON + days * DAY
    for hour in (9, 10, 19):
        await stager.at(stager.local(entered, hour))
    found = await stager.rows("SELECT step, due_at FROM contact_request")
    assert {(row.step, row.due_at.astimezone(stager.runtime.zone).hour) for row in found} == expected


async def test_ten_days_of_outage_ask_once_not_ten_times(stager: Stand) -> None:
    await enter(stager, "L1", days=31)
    entered = DUE_ON + 31 * DAY
    await stager.close(entered + 9 * DAY)
    await stager.at(stager.local(entered + 10 * DAY, 9, 30))
    requests = await stager.said("contact.requested.v1")
    assert [(r["step"], r["expires_at"]) for r in requests] == [("soft-morning", "2026-12-21T04:00:00Z")]
    # The evening's newest occurrence lies two days back and its slot is closed: it is on record as missed.
    skipped = await stager.rows(
        "SELECT step, occurrence, reason FROM contact_request WHERE status = 'skipped'"
    )
    assert [tuple(row) for row in skipped] == [("soft-evening", 4, "missed")]
    await stager.at(stager.local(entered + 10 * DAY, 19))
    assert [step for step, _ in await asked(stager)] == ["soft-morning", "soft-evening"]


async def test_a_first_reminder_that_was_missed_is_asked_for_at_the_next_slot(stager: Stand) -> None:
    await enter(stager, "L1")
    await stager.at(stager.local(ENTERED + 2 * DAY, 23))
    assert await asked(stager) == []
    await stager.close(ENTERED + 2 * DAY)
    await stager.at(stager.local(ENTERED + 3 * DAY, 10))
    assert {step for step, _ in await asked(stager)} == {"warm-reminder", "soft-reminder"}


async def test_a_loan_that_left_its_stage_is_not_asked_about(stager: Stand) -> None:
    await enter(stager, "L1", "L2", days=31)
    today = DUE_ON + 31 * DAY
    stager.set_time(stager.local(today, 8))
    await stager.tell(
        loan_cured("L1", "B-L1", as_of=today),
        arrears_changed("L2", "B-L2", zero_on=today - 5 * DAY, as_of=today),
    )
    await stager.at(stager.local(today, 19))
    assert await asked(stager) == []


@pytest.mark.parametrize("end", ["cured", "settled", "demoted"])
async def test_what_was_asked_for_is_taken_back(stager: Stand, end: str) -> None:
    await enter(stager, "L1", days=31)
    today = DUE_ON + 31 * DAY
    await stager.at(stager.local(today, 9))
    [request] = await stager.said("contact.requested.v1")
    await stager.tell(
        {
            "cured": loan_cured("L1", "B-L1", as_of=today),
            "settled": loan_settled("L1", "B-L1", as_of=today),
            "demoted": arrears_changed("L1", "B-L1", zero_on=today - 5 * DAY, as_of=today),
        }[end]
    )
    [withdrawn] = await stager.said("contact.withdrawn.v1")
    assert withdrawn["request_id"] == request["request_id"]
    assert withdrawn["reason"] == ("stage_changed" if end == "demoted" else end)
    # Whoever is out of arrears is thanked.
    ends = ["contact.requested.v1", "case.closed.v1"]
    after = {"cured": ends, "settled": ends, "demoted": ["stage.entered.v1"]}[end]
    types = [type_ for type_ in await stager.types() if not type_.startswith("task.")]
    assert types[types.index("contact.withdrawn.v1") + 1 :] == after


@pytest.mark.parametrize("kind", [MessageAccepted, MessageSuppressed])
async def test_an_answered_request_is_done_and_not_taken_back(stager: Stand, kind: type[MessageFact]) -> None:
    await enter(stager, "L1")
    await stager.at(stager.local(ENTERED, 10))
    [request] = await stager.said("contact.requested.v1")
    await stager.tell(told(request, kind, stager))
    [row] = await stager.rows("SELECT status, outcome FROM contact_request")
    assert tuple(row) == ("done", kind.TYPE.split(".")[1])
    await stager.tell(loan_cured("L1", "B-L1", as_of=ENTERED))
    assert await stager.said("contact.withdrawn.v1") == []


async def test_a_message_sent_before_its_withdrawal_keeps_what_became_of_it(stager: Stand) -> None:
    await enter(stager, "L1")
    await stager.at(stager.local(ENTERED, 10))
    [request] = await stager.said("contact.requested.v1")
    await stager.tell(loan_cured("L1", "B-L1", as_of=ENTERED))
    await stager.tell(told(request, MessageDelivered, stager))
    [row] = await stager.rows("SELECT status, outcome FROM contact_request WHERE step <> 'thanks'")
    assert tuple(row) == ("withdrawn", "delivered")


async def test_steps_follow_the_borrowers_zone(stager: Stand) -> None:
    await stager.tell(party("B-L1", "Asia/Urumqi"), party("B-L2", None), party("B-L3", "Nowhere/Land"))
    await enter(stager, "L1", "L2", "L3", "L4")
    due = {
        row.loan_id: row.due_at for row in await stager.rows("SELECT * FROM step_timer WHERE step ~ 'warm'")
    }
    shanghai = stager.local(ENTERED, 10)
    assert due == {"L1": shanghai + timedelta(hours=2), "L2": shanghai, "L3": shanghai, "L4": shanghai}


async def test_steps_move_when_the_borrower_turns_out_to_live_elsewhere(stager: Stand) -> None:
    await enter(stager, "L1", "L2")
    await stager.tell(party("B-L1", "America/New_York"))
    due = {
        row.loan_id: row.due_at for row in await stager.rows("SELECT * FROM step_timer WHERE step ~ 'warm'")
    }
    new_york = ZoneInfo("America/New_York")
    at_ten = stager.local(ENTERED, 10).astimezone(stager.runtime.zone).time()
    assert due["L1"] == local_instant(ENTERED, at_ten, new_york)
    assert due["L2"] == stager.local(ENTERED, 10)
    await stager.at(due["L2"])
    assert [fact["loan_id"] for fact in await stager.said("contact.requested.v1")] == ["L2"]


async def test_more_steps_than_a_batch_are_all_taken(stager: Stand) -> None:
    await enter(stager, *[f"L{n:04}" for n in range(1_201)])
    assert await stager.at(stager.local(ENTERED, 10)) == 1_201
    assert len(await stager.said("contact.requested.v1")) == 1_201


async def test_open_work_and_the_next_timer_are_told(stager: Stand) -> None:
    await enter(stager, "L1")
    async with stager.runtime.transaction() as tx:
        due = await stager.service.due(tx)
    assert (due.open, due.next_at) == (0, stager.local(ENTERED, 10))
    stager.set_time(stager.local(ENTERED, 10))
    async with stager.runtime.transaction() as tx:
        due = await stager.service.due(tx)
    assert due.open == 1, "the kind of timers that has something due now"


async def test_a_stop_fact_ahead_of_its_turn_takes_back_and_keeps_quiet(stager: Stand) -> None:
    await enter(stager, "L1", days=31)
    today = DUE_ON + 31 * DAY
    await stager.at(stager.local(today, 9))
    missing = stager.fact(arrears_changed("L1", "B-L1", zero_on=DUE_ON, as_of=today))
    settled = stager.fact(loan_settled("L1", "B-L1", as_of=today))
    await stager.take([settled], early=True)
    await stager.take([settled], early=True)
    assert [fact["reason"] for fact in await stager.said("contact.withdrawn.v1")] == ["arrears_ended"]
    await stager.at(stager.local(today, 19))
    assert len(await stager.said("contact.requested.v1")) == 1
    skipped = await stager.rows("SELECT step, reason FROM contact_request WHERE status = 'skipped'")
    assert [tuple(row) for row in skipped] == [("soft-evening", "arrears_ended")]
    await stager.take([missing, settled])
    [episode] = await stager.rows("SELECT close_reason FROM episode")
    assert episode.close_reason == "settled"


async def test_two_workers_and_a_cure_at_once_ask_nothing_twice_and_leave_nothing_open(stager: Stand) -> None:
    loans = [f"L{n:03}" for n in range(120)]
    await enter(stager, *loans)
    stager.set_time(stager.local(ENTERED, 10))
    cured = [stager.fact(loan_cured(loan, f"B-{loan}", as_of=ENTERED)) for loan in loans[::2]]
    await asyncio.gather(stager.run_timers(), stager.run_timers(), stager.take(cured))
    await stager.run_timers()
    requested = [str(fact["loan_id"]) for fact in await asked_about_arrears(stager)]
    assert len(requested) == len(set(requested))
    assert set(loans[1::2]) <= set(requested)
    withdrawn = {str(fact["loan_id"]) for fact in await stager.said("contact.withdrawn.v1")}
    assert withdrawn == set(requested) & set(loans[::2])
    still_open = await stager.rows(
        "SELECT loan_id FROM contact_request WHERE status = 'open' AND step <> 'thanks'"
    )
    assert {row.loan_id for row in still_open} == set(loans[1::2])
