"""Steps that follow others, steps that people do, and what an outage, a cure and a demotion make of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from spine.events.notifier import (
    MessageAccepted,
    MessageDelivered,
    MessageSuppressed,
    PartyChanged,
)
from stager.domain.preparation import PreparationWaiver
from stager.store.preparations import save_waivers
from tests.stager.figures import DUE_ON, arrears_changed, loan_cured, loan_overdue
from tests.stager.stand import Stand, stand
from tests.stager.treatment import STRATEGY, answer, write_strategy

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
async def stager(
    make_database: Callable[[], Awaitable[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stand]:
    monkeypatch.setenv("TACT_POLICY_DIR", str(write_strategy(tmp_path / "policies")))
    async with stand(make_database) as made:
        yield made


async def enter(stager: Stand, days: int, loan: str = "L1", borrower: str = "B1") -> date:
    """A loan in its stage since the last close; returns the day it entered."""
    as_of = DUE_ON + days * DAY
    await stager.tell(loan_overdue(loan, borrower, as_of=as_of))
    await stager.close(as_of - DAY)
    return as_of


async def steps(stager: Stand) -> list[tuple[str, str, str | None]]:
    rows = await stager.rows(
        "SELECT step, status, reason FROM contact_request ORDER BY decided_at, due_at, step"
    )
    return [tuple(row) for row in rows]


async def timers(stager: Stand) -> dict[str, object]:
    return {row.step: row.due_at for row in await stager.rows("SELECT step, due_at FROM step_timer")}


async def test_a_call_follows_two_hours_after_the_message_was_accepted(stager: Stand) -> None:
    day = await enter(stager, 1)
    await stager.at(stager.local(day, 10))
    [request] = await stager.said("contact.requested.v1")
    assert "first-call" not in await timers(stager)
    await stager.at(stager.local(day, 10, 7))
    await answer(stager, MessageAccepted, request)
    due = stager.local(day, 12, 7)
    assert (await timers(stager))["first-call"] == due
    # Delivered is no second acceptance.
    await stager.at(stager.local(day, 11))
    await answer(stager, MessageDelivered, request)
    assert (await timers(stager))["first-call"] == due
    assert await stager.at(due - timedelta(microseconds=1)) == 0
    await stager.at(due)
    [task] = await stager.said("task.opened.v1")
    assert (task["kind"], task["step"], task["stage"]) == ("call", "first-call", "S1")
    assert (task["due_at"], task["sla_at"]) == ("2026-11-11T04:07:00Z", "2026-11-11T14:00:00Z")
    [row] = await stager.rows("SELECT status, task_id FROM contact_request WHERE step = 'first-call'")
    assert tuple(row) == ("tasked", task["task_id"])
    assert len(await stager.said("contact.requested.v1")) == 1


async def test_hours_that_end_outside_the_slot_wait_for_the_next_day(stager: Stand) -> None:
    day = await enter(stager, 1)
    await stager.at(stager.local(day, 10))
    [request] = await stager.said("contact.requested.v1")
    await stager.at(stager.local(day, 20))
    await answer(stager, MessageAccepted, request)
    assert (await timers(stager))["first-call"] == stager.local(day + DAY, 10)


async def test_what_follows_comes_from_the_plan_that_the_loan_was_left_with(
    make_database: Callable[[], Awaitable[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_strategy(tmp_path / "policies")
    begins = DUE_ON + 2 * DAY
    later = STRATEGY.replace("version: 1", "version: 2").replace("2020-01-01", begins.isoformat())
    later = later.replace("hours: 2", "hours: 3") + "moves: next_stage\n"
    (directory / "stager" / "strategy-cn-2.yaml").write_text(later, encoding="utf-8")
    monkeypatch.setenv("TACT_POLICY_DIR", str(directory))
    async with stand(make_database) as stager:
        day = await enter(stager, 1)
        await stager.at(stager.local(day, 10))
        [left] = await stager.said("contact.requested.v1")
        await stager.close(begins - DAY)
        # The word comes when the new version is in force.
        await stager.at(stager.local(begins, 10))
        await answer(stager, MessageAccepted, left)
        assert (await timers(stager))["first-call"] == stager.local(begins, 12)
        # Who enters the stage under the new version has what follows by it.
        as_of = await enter(stager, 3, "L2", "B2")
        await stager.at(stager.local(as_of, 10))
        [fresh] = [r for r in await stager.said("contact.requested.v1") if r["loan_id"] == "L2"]
        await answer(stager, MessageAccepted, fresh)
        rows = await stager.rows("SELECT loan_id, due_at FROM step_timer WHERE step = 'first-call'")
        assert {row.loan_id: row.due_at for row in rows}["L2"] == stager.local(as_of, 13)


async def test_what_follows_a_message_that_could_not_go_out_is_planned_all_the_same(stager: Stand) -> None:
    day = await enter(stager, 1)
    await stager.at(stager.local(day, 10))
    [request] = await stager.said("contact.requested.v1")
    await answer(stager, MessageSuppressed, request)
    assert (await timers(stager))["first-call"] == stager.local(day, 12)


async def test_what_follows_a_step_that_is_skipped_for_good_is_planned_from_then(stager: Stand) -> None:
    party = PartyChanged(borrower_id="B1", locale="zh-CN", timezone=None, segment={"occupation": "student"})
    await stager.tell(party)
    day = await enter(stager, 31)
    await stager.at(stager.local(day, 10))
    assert await steps(stager) == [("chat", "skipped", "stop_if_0")]
    await stager.at(stager.local(day, 11))
    assert await steps(stager) == [("chat", "skipped", "stop_if_0"), ("talk", "tasked", None)]


@pytest.mark.parametrize(
    ("region", "found"), [("CN-SH", ("tasked", None)), ("CN-XJ", ("skipped", "only_if_0"))]
)
async def test_a_visit_needs_two_people_and_a_branch_nearby(
    stager: Stand, region: str, found: tuple[str, str | None]
) -> None:
    await stager.tell(PartyChanged(borrower_id="B1", locale="zh-CN", timezone=None, region=region))
    day = await enter(stager, 31)
    await stager.at(stager.local(day + DAY, 9))
    assert ("visit", *found) in await steps(stager)
    opened = [task for task in await stager.said("task.opened.v1") if task["kind"] == "visit"]
    assert [task["people"] for task in opened] == ([2] if found[0] == "tasked" else [])


@pytest.mark.parametrize("end", ["cured", "demoted"])
async def test_work_that_is_no_longer_wanted_is_cancelled(stager: Stand, end: str) -> None:
    await stager.tell(PartyChanged(borrower_id="B1", locale="zh-CN", timezone=None, region="CN-SH"))
    day = await enter(stager, 31)
    await stager.at(stager.local(day + DAY, 9))
    [task] = [task for task in await stager.said("task.opened.v1") if task["kind"] == "visit"]
    today = day + DAY
    await stager.tell(
        loan_cured(as_of=today) if end == "cured" else arrears_changed(zero_on=today - 5 * DAY, as_of=today)
    )
    closed = [task for task in await stager.said("task.closed.v1") if task["kind"] == "visit"]
    assert [(c["task_id"], c["end"], c["reason"]) for c in closed] == [
        (task["task_id"], "cancelled", "cured" if end == "cured" else "stage_changed")
    ]
    [row] = await stager.rows("SELECT status FROM contact_request WHERE step = 'visit'")
    assert row.status == "withdrawn"


async def test_a_letter_is_work_with_a_document(stager: Stand) -> None:
    day = await enter(stager, 61)
    await stager.at(stager.local(day, 10))
    [task] = await stager.said("task.opened.v1")
    assert (task["kind"], task["step"]) == ("document", "notice")
    [row] = await stager.rows("SELECT channel, template, purpose FROM contact_request WHERE step = 'notice'")
    assert tuple(row) == ("letter", "overdue_notice", "statutory_notice")


async def test_two_demotions_and_three_stages_are_entered_once_each(stager: Stand) -> None:
    """Example D1: unpaid on 09-10, 10-10 and 11-10; September is settled, then October."""
    today = date(2026, 11, 23)
    await stager.tell(loan_overdue(zero_on=date(2026, 9, 10), as_of=today))
    await stager.close(today - DAY)
    await stager.at(stager.local(today, 10))
    await stager.tell(arrears_changed(zero_on=date(2026, 10, 10), as_of=today))
    await stager.tell(arrears_changed(zero_on=date(2026, 11, 10), as_of=today))
    entered = await stager.said("stage.entered.v1")
    assert [(e["to"], e.get("from"), e["entry_no"], e["first_time"], e["dpd"]) for e in entered] == [
        ("S3", None, 1, True, 74),
        ("S2", "S3", 2, True, 44),
        ("S1", "S2", 3, True, 13),
    ]
    assert [e["rule"].partition("/")[0] for e in entered] == ["entry", "demotion", "demotion"]
    # Who has paid himself down hears no first word, and on the day of the money nothing at all.
    assert await stager.at(stager.local(today, 21)) == 0
    for days in range(1, 4):
        await stager.at(stager.local(today + days * DAY, 10))
    assert [step for step, status, _ in await steps(stager) if status == "open"] == ["soft"]


async def test_documents_are_not_made_twice_in_an_episode(stager: Stand) -> None:
    day = await enter(stager, 61)
    async with stager.runtime.transaction() as tx:
        await save_waivers(tx, [PreparationWaiver("L1", 1, "documents", "lea", "made by hand", tx.now)])
    await stager.at(stager.local(day, 10))
    await stager.tell(arrears_changed(zero_on=day - 40 * DAY, as_of=day))
    # A month later it is in the third stage again.
    back = day + 21 * DAY
    await stager.close(back - DAY)
    await stager.at(stager.local(back, 10))
    entered = await stager.said("stage.entered.v1")
    assert [(e["to"], e["first_time"]) for e in entered] == [("S3", True), ("S2", True), ("S3", False)]
    asked = [step for step, status, _ in await steps(stager) if status != "skipped"]
    assert (asked.count("notice"), asked.count("formal")) == (1, 1)


async def test_five_days_of_outage_ask_once(stager: Stand) -> None:
    day = await enter(stager, 31)
    await stager.at(stager.local(day, 10))
    [first] = await stager.said("contact.requested.v1")
    await answer(stager, MessageAccepted, first)
    await stager.at(stager.local(day + 5 * DAY, 10, 30))
    chats = [found for found in await steps(stager) if found[0] == "chat"]
    assert chats == [("chat", "done", None), ("chat", "open", None)]
    # The call that was to follow the first one has its chance over, and is tried the next day.
    assert ("talk", "skipped", "missed") in await steps(stager)
    assert (await timers(stager))["talk"] == stager.local(day + 6 * DAY, 10)


async def test_a_hold_keeps_what_follows_from_being_given_to_a_person(stager: Stand) -> None:
    day = await enter(stager, 1)
    await stager.at(stager.local(day, 10))
    [request] = await stager.said("contact.requested.v1")
    await answer(stager, MessageAccepted, request)
    async with stager.runtime.transaction() as tx:
        await tx.execute(
            "INSERT INTO hold (hold_id, loan_id, borrower_id, kind, placed_at, freezes_interest)"
            " VALUES ('H1', 'L1', 'B1', 'complaint_open', :now, false)",
            now=tx.now,
        )
    await stager.at(stager.local(day, 12))
    assert ("first-call", "skipped", "hold_complaint_open") in await steps(stager)
    assert (await timers(stager))["first-call"] == stager.local(day + DAY, 10)
