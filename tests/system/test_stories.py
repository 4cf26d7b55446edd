"""Borrowers who forgot, dispute, or have paid already: three months played by the clock through all services."""

from __future__ import annotations

from datetime import date

import pytest

from tests.system.quarter import ALL_TOGETHER, Told, all_told, is_quiet, overtaken
from tests.system.stories import DAY, Narrator, Tale

# All stories share one system, so the first test plays three months: longer than a test may take elsewhere.
pytestmark = pytest.mark.timeout(900)


async def forgetful(t: Tale) -> None:
    """Misses the due day, gets a text and a call, pays on the fourth day."""
    due = date(2026, 9, 2)
    first = due + DAY
    await t.borrow(due, 1)
    await t.until(first, 9, 59)
    assert await t.sent() == []
    assert await t.stages() == [("2026-09-03", "S1", True)]
    await t.until(first, 11, 59)
    [warm] = await t.sent()
    assert (warm.when, warm.channel, warm.template) == ("09-03 10:00", "sms", "s1-warm-sms")
    assert not [word for word in ("逾期", "罚息", "违约", "催收") if word in warm.body]
    assert await t.tasks() == []
    await t.until(first, 12, 5)
    assert [task["kind"] for task in await t.tasks()] == ["call"]
    await t.phone("no_answer")
    await t.until(first + 2 * DAY, 15)
    [again] = await t.tasks("call")
    await t.until(first + 3 * DAY, 9, 30)
    case_id = await t.case_id()
    await t.pay("3066.12")
    closed = await t.closed_tasks()
    assert closed == [("call", "done", "no_answer"), ("call", "cancelled", "cured")]
    case = await t.ask(f"/v1/cases/{case_id}")
    assert case["closed_at"] is not None and case["next_steps"] == []
    await is_quiet(t, date(2026, 9, 4), thanked="09-06 09:30")
    assert (await t.sent())[:-1] == [warm]
    assert await t.stages() == [("2026-09-03", "S1", True)]
    assert (await t.ask(f"/v1/tasks/{again['task_id']}"))["status"] == "cancelled"


async def disputed(t: Tale) -> None:
    """Says the debt is not theirs right after the first text; it is looked into, answered, and goes on."""
    await t.borrow(date(2026, 8, 27), 5)
    await t.until(date(2026, 9, 1), 11)
    said = {
        "borrower_id": t.borrower,
        "loan_id": t.loan,
        "channel": "call",
        "direction": "inbound",
        "outcome": "dispute",
        "at": t.now.isoformat(),
        "by": "anna",
        "verified": True,
        "recording_ref": "rec-dispute",
    }
    await t.call("contact-log", "POST", "/v1/contacts", said, status=201, key="dispute-1")
    await t.rest()
    assert await t.holds() == ["dispute"]
    # A month on: 32 days past due, and still in the stage in which it was disputed; not a word, no call to make.
    await t.until(date(2026, 9, 28), 15)
    assert await t.stages() == [("2026-09-01", "S1", True)]
    assert await t.heard() == [("09-01 10:00", "s1-warm-sms")]
    assert (await t.tasks(), await t.said("task.opened.v1")) == ([], [])
    [hold] = (await t.case())["holds"]
    path, findings = f"/v1/holds/{hold['hold_id']}/lift", {"verified": "doc-1", "answered": "letter-1"}
    await t.act(path, status=403, by="anna", reason="verified and answered", findings=findings)
    await t.act(path, by="lea", reason="verified and answered", findings=findings)
    await t.until(date(2026, 9, 30), 12)
    assert await t.stages() == [("2026-09-01", "S1", True), ("2026-09-29", "S2", True)]
    assert await t.heard(date(2026, 9, 2)) == [
        ("09-29 09:00", "s2-soft-wechat-morning"),
        ("09-29 19:00", "s2-soft-wechat-evening"),
        ("09-30 09:00", "s2-soft-wechat-morning"),
    ]
    assert [task["step"] for task in await t.tasks()] == ["daily-call"]
    await t.until(date(2026, 10, 5), 12)
    assert [(task["step"], task["due_at"][:10]) for task in await t.tasks()] == [("daily-call", "2026-10-04")]
    assert await t.closed_tasks() == overtaken(5)
    await t.pay("3200.00")
    assert (await t.closed_tasks())[5:] == [("call", "cancelled", "cured")]
    await is_quiet(t, date(2026, 10, 6))
    assert len(await t.stages()) == 2


async def under_way(t: Tale, number: int) -> None:
    """After the first text core banking knows of money under way: nobody calls."""
    await t.borrow(date(2026, 8, 28), number)
    await t.until(date(2026, 9, 1), 11)
    pending = {
        "repayment_id": f"{t.name}-R1",
        "amount": "3060.00",
        "initiated_at": t.now.isoformat(),
        "expected_on": "2026-09-02",
    }
    await t.tell("repayment.pending.v1", "pending", pending)
    assert await t.holds() == ["payment_claim"]
    await t.until(date(2026, 9, 3), 9)
    assert await t.heard() == [("09-01 10:00", "s1-warm-sms")]
    assert await t.said("task.opened.v1") == []


async def in_transit(t: Tale) -> None:
    """Has paid in time; the money is under way when the first text goes out."""
    await under_way(t, 6)
    case_id = await t.case_id()
    await t.pay("3060.00", valued=date(2026, 8, 28))
    owed = await t.call("ledger", "GET", f"/v1/loans/{t.loan}/arrears?as_of=2026-09-02")
    assert (owed["dpd"], owed["overdue"]["total"]) == (0, "0.00")
    assert (await t.ask(f"/v1/cases/{case_id}"))["closed_at"] is not None
    assert [d["type"] for d in await t.said("loan.cured.v1", "ledger")] == ["loan.cured.v1"]
    await is_quiet(t, date(2026, 9, 2), thanked="09-03 09:00")
    assert await t.stages() == [("2026-09-01", "S1", True)]


async def never_arrived(t: Tale) -> None:
    """The money under way never comes: collection goes on at today's stage, and nothing is caught up."""
    await under_way(t, 7)
    await t.until(date(2026, 9, 12), 12)
    assert await t.holds() == []
    assert await t.heard(date(2026, 9, 2)) == [
        ("09-04 10:00", "s1-soft-sms"),
        ("09-07 10:00", "s1-soft-sms"),
        ("09-10 10:00", "s1-soft-sms"),
    ]
    assert [(task["step"], task["due_at"][:10]) for task in await t.tasks()] == [
        ("follow-up-call", "2026-09-11")
    ]
    assert await t.closed_tasks() == overtaken(4)
    await t.pay("3200.00")
    await is_quiet(t, date(2026, 9, 13))
    assert await t.stages() == [("2026-09-01", "S1", True)]


STORIES: dict[str, Narrator] = {
    "forgetful": forgetful,
    "disputed": disputed,
    "in-transit": in_transit,
    "never-arrived": never_arrived,
}


@pytest.fixture(scope="module")
async def told() -> Told:
    """All stories of this module."""
    return await all_told(STORIES)


@pytest.mark.parametrize("name", [*STORIES, ALL_TOGETHER])
async def test_story(told: Told, name: str) -> None:
    if (end := told.get(name)) is not None:
        raise end
