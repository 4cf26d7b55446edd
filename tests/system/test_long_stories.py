"""Borrowers who cannot pay, or promise and do not: three months up to plan, agency and court, in all services."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from tests.system.floor import announce_visit, deliver, hold, spoken_of, take_on, visit
from tests.system.quarter import ALL_TOGETHER, END, Told, all_told, is_quiet, overtaken
from tests.system.stories import DAY, Narrator, Tale

# All stories share one system, so the first test plays three months: longer than a test may take elsewhere.
pytestmark = pytest.mark.timeout(900)
PARTS = ("principal", "interest", "penalty", "compound", "fee")
S1_FROM = ("2026-09-01", "S1", True)


def days(first: date, count: int, every: int = 1) -> list[date]:
    """So many days from the first on, one every so many."""
    return [first + timedelta(days=n * every) for n in range(count)]


def at_ten(template: str, on: list[date]) -> list[tuple[str, str]]:
    """What is heard at ten in the morning of these days."""
    return [(f"{day:%m-%d} 10:00", template) for day in on]


def soft(on: list[date]) -> list[tuple[str, str]]:
    """What is heard in S2 on these days: a soft word in the morning, and one in the evening."""
    return [
        (f"{day:%m-%d} {hour}", f"s2-soft-wechat-{part}")
        for day in on
        for hour, part in (("09:00", "morning"), ("19:00", "evening"))
    ]


def said(when: str, channel: str, outcome: str) -> list[tuple[str, str, str]]:
    """What the log holds of a conversation: that the gate permitted it, and what came of it."""
    return [(when, channel, "permitted"), (when, channel, outcome)]


async def owed_on(t: Tale, day: date) -> dict[str, str]:
    """What is overdue at the end of the day before, as the ledger quotes it."""
    answer = await t.call("ledger", "GET", f"/v1/loans/{t.loan}/arrears?as_of={day}")
    overdue: dict[str, str] = answer["overdue"]
    return overdue


async def to_hardship(t: Tale, number: int) -> tuple[str, dict[str, str]]:
    """Through S1 into S2, where a call finds that the borrower cannot pay at once; the case and what is owed."""
    await t.borrow(date(2026, 8, 10), number)
    await t.until(date(2026, 9, 9), 23)
    assert await t.stages() == [S1_FROM]
    soft_texts = at_ten("s1-soft-sms", days(date(2026, 9, 4), 2, 3))
    assert await t.heard() == [("09-01 10:00", "s1-warm-sms"), *soft_texts]
    await t.until(date(2026, 9, 10), 14, 5)
    assert await t.stages() == [S1_FROM, ("2026-09-10", "S2", True)]
    assert await t.heard(date(2026, 9, 10)) == [("09-10 09:00", "s2-soft-wechat-morning")]
    await t.phone("conversation", result="hardship")
    case = await t.case()
    assert "hardship" in case["flags"]
    assert [task["kind"] for task in await t.tasks()] == ["human_review"]
    # The case shows the amounts it was told last; penalty runs by the day.
    owed = await owed_on(t, date(2026, 9, 10))
    assert (owed["penalty"], owed["total"]) == ("46.50", "3106.50")
    return case["case_id"], {part: owed[part] for part in PARTS}


def plan_of(t: Tale, balance: Mapping[str, str], **terms: Any) -> dict[str, Any]:
    """A plan of equal parts without interest, by everything a plan must say."""
    return {
        "loan_id": t.loan,
        "by": "anna",
        "currency": "CNY",
        "balance": dict(balance),
        "method": "equal",
        "annual_rate": "0",
        "interest_accrues": False,
        "fees_accrue": False,
        "no_new_card": True,
        "rights": "You may pay earlier and object.",
        "breach": "The plan ends when an instalment is not paid.",
        "willing": True,
        **terms,
    }


#: Of the calls of S1 nobody made any; the review of the hardship is over once a plan is in force.
BEFORE_THE_PLAN = [
    *overtaken(4),
    ("call", "cancelled", "stage_changed"),
    ("call", "done", "conversation"),
    ("human_review", "cancelled", "plan_active"),
]


async def hardship_kept(t: Tale) -> None:
    """A plan of six weeks, paid to the end, one instalment posted late with a value date in time."""
    case_id, owed = await to_hardship(t, 2)
    path = f"/v1/cases/{case_id}/plans"
    terms = {"period": "week", "instalments": 6, "first_due_on": "2026-09-18", "ability": "600.00"}
    refused = await t.act(path, status=409, **plan_of(t, owed, **{**terms, "instalments": 400}))
    assert refused["code"] == "plan_beyond_limits"
    plan = await t.act(path, status=201, **plan_of(t, owed, **terms))
    due = days(date(2026, 9, 18), 6, 7)
    assert [(i["due_on"], i["amount"]) for i in plan["instalments"]] == [(f"{d}", "517.75") for d in due]
    await t.act(f"{path}/{plan['plan_id']}/sign", by="anna", signature="SIG-1")
    assert (await t.holds(), await t.tasks()) == (["plan_active"], [])
    for day in due:
        late = day == due[2]
        await t.until(day + (2 * DAY if late else 0 * DAY), 16)
        await t.pay("517.75", valued=day)
    # No interest while the plan runs: the last instalment ends the arrears to the cent.
    assert (await owed_on(t, due[-1]))["total"] == "0.00"
    assert (await t.ask(f"/v1/cases/{case_id}"))["closed_at"] is not None
    await is_quiet(t, date(2026, 10, 24))
    reminded = sorted(d - n * DAY for d in due for n in (0, 1))
    assert await t.heard(date(2026, 9, 10)) == [
        ("09-10 09:00", "s2-soft-wechat-morning"),
        *at_ten("plan-reminder-sms", reminded),
        ("10-23 16:00", "thanks-sms"),
    ]
    assert await t.stages() == [S1_FROM, ("2026-09-10", "S2", True)]
    assert await t.closed_tasks() == BEFORE_THE_PLAN
    assert await t.tasks() == []
    assert await t.kinds("plan.%") == ["plan.activated", "plan.completed"]
    [kept] = (await t.ask(path))["items"]
    assert (kept["state"], kept["end_reason"], kept["breached_seq"]) == ("completed", "all_paid", None)
    assert await t.holds() == []
    assert await spoken_of(t) == said("09-10 14:05", "call", "hardship")


async def hardship_broken(t: Tale) -> None:
    """A plan that needs a lead; the second instalment does not come: S3, S4, an agency, which is paid."""
    case_id, owed = await to_hardship(t, 3)
    path = f"/v1/cases/{case_id}/plans"
    terms = {"period": "month", "instalments": 14, "first_due_on": "2026-09-20", "ability": "300.00"}
    plan = await t.act(path, status=201, **plan_of(t, owed, **terms))
    await t.act(f"{path}/{plan['plan_id']}/sign", by="anna", signature="SIG-1")
    assert await t.holds() == []
    same = await t.act(f"{path}/{plan['plan_id']}/approve", status=409, by="anna")
    assert same["code"] == "same_person"
    await t.act(f"{path}/{plan['plan_id']}/approve", by="lea")
    assert await t.holds() == ["plan_active"]
    await t.until(date(2026, 9, 20), 16)
    await t.pay("221.89")
    # Due on the 20th, three days of grace: the close of the 23rd breaks it, no minute earlier.
    await t.until(date(2026, 10, 23), 23, 59)
    assert await t.kinds("plan.%") == ["plan.activated"]
    assert (await t.holds(), len(await t.stages())) == (["plan_active"], 2)
    await t.until(date(2026, 10, 24), 12)
    assert await t.kinds("plan.%") == ["plan.activated", "plan.breached"]
    [broken] = (await t.ask(path))["items"]
    assert (broken["state"], broken["breached_seq"], broken["short"]) == ("breached", 2, "221.89")
    assert await t.holds() == []
    assert await t.stages() == [S1_FROM, ("2026-09-10", "S2", True), ("2026-10-24", "S3", True)]
    reminded = [date(2026, 9, 19), date(2026, 9, 20), date(2026, 10, 19), date(2026, 10, 20)]
    assert await t.heard(date(2026, 9, 11)) == [
        *at_ten("plan-reminder-sms", reminded),
        ("10-24 10:00", "s3-formal-sms"),
    ]
    await to_an_agency(t, case_id)


async def to_an_agency(t: Tale, case_id: str) -> None:
    """From S3 into S4, where the formal text is notice enough; the agency's people see this case alone."""
    await t.until(date(2026, 11, 9), 11)
    assert (await t.stages())[3:] == [("2026-11-09", "S4", True)]
    again = at_ten("s3-formal-sms", days(date(2026, 10, 31), 2, 7))
    assert await t.heard(date(2026, 10, 25)) == [*again, ("11-09 10:00", "s4-formal-sms")]
    # Nobody wrote the notice, so there was no visit either.
    gone = {("document", "cancelled", "stage_changed"): 1, ("call", "cancelled", "stage_changed"): 1}
    since = (await t.closed_tasks())[len(BEFORE_THE_PLAN) :]
    assert Counter(since) == Counter({**gone, **Counter(overtaken(4))})
    await take_on(t, "north", "gus")
    path = f"/v1/cases/{case_id}/referrals"
    await t.act(path, status=403, kind="agency", agency_id="north", by="anna")
    placed = await t.act(path, status=201, kind="agency", agency_id="north", by="lea")
    seen = await t.ask("/v1/cases", member="gus")
    assert [item["case_id"] for item in seen["items"]] == [case_id]
    await t.until(date(2026, 11, 20), 11)
    owed = await owed_on(t, date(2026, 11, 20))
    assert (owed["principal"], owed["penalty"]) == ("2884.61", "38.94")
    await t.pay(owed["total"])
    assert (await t.closed_tasks())[-1] == ("referral", "cancelled", "cured")
    [recalled] = (await t.ask(path))["items"]
    assert (recalled["recall_reason"], recalled["recalled_at"]) == ("cured", "2026-11-20T03:00:00Z")
    assert (await t.ask("/v1/cases", member="gus"))["items"] == []
    ended = await t.act(f"{path}/{placed['referral_id']}/data", by="cora", data="destroyed")
    assert ended["data_end"] == "destroyed"
    await is_quiet(t, date(2026, 11, 10), thanked="11-20 11:00")
    assert await spoken_of(t) == said("09-10 14:05", "call", "hardship")


async def promised_in_vain(t: Tale) -> None:
    """Two promises of S1 are broken, which keeps the loan there; a third, agreed to by the lead, comes in part."""
    await t.borrow(date(2026, 8, 10), 4)
    await t.until(date(2026, 9, 1), 12, 5)
    await t.phone("conversation", result="promise", amount="3080.00", promised_on="2026-09-04")
    assert await t.holds() == ["promise_open"]
    # Friday the 4th and a business day to settle: broken by the close of Monday.
    await t.until(date(2026, 9, 7), 23, 59)
    assert (await t.kinds("promise.%"), await t.holds()) == (["promise.opened"], ["promise_open"])
    await t.until(date(2026, 9, 9), 14, 5)
    assert await t.kinds("promise.%") == ["promise.opened", "promise.broken"]
    assert await t.heard() == [
        ("09-01 10:00", "s1-warm-sms"),
        *at_ten("promise-reminder-sms", days(date(2026, 9, 3), 2)),
    ]
    await t.phone("conversation", result="promise", amount="3080.00", promised_on="2026-09-14")
    await t.until(date(2026, 9, 15), 23, 59)
    # 36 days past due, and the stage still waits for the promise.
    assert (await t.stages(), await t.holds()) == ([S1_FROM], ["promise_open"])
    await t.until(date(2026, 9, 16), 14, 5)
    assert await t.kinds("promise.%") == ["promise.opened", "promise.broken"] * 2
    assert await t.stages() == [S1_FROM, ("2026-09-16", "S2", True)]
    third = {"result": "promise", "amount": "3100.00", "promised_on": "2026-09-23"}
    await t.phone("conversation", approved_by="lea", **third)
    await t.until(date(2026, 9, 22), 14)
    await t.pay("500.00")
    await t.until(date(2026, 9, 25), 12)
    assert await t.heard(date(2026, 9, 9)) == [
        *at_ten("promise-reminder-sms", days(date(2026, 9, 13), 2)),
        ("09-16 09:00", "s2-soft-wechat-morning"),
        *at_ten("promise-reminder-sms", days(date(2026, 9, 22), 2)),
        ("09-25 09:00", "s2-soft-wechat-morning"),
    ]
    assert (await t.kinds("promise.%"))[4:] == ["promise.opened", "promise.partial"]
    promises = (await t.ask(f"/v1/cases/{await t.case_id()}/promises"))["items"]
    assert [(p["status"], p["received"], p["approved_by"]) for p in promises] == [
        ("partial", "500.00", "lea"),
        ("broken", "0.00", None),
        ("broken", "0.00", None),
    ]
    assert await t.holds() == []


async def formally(t: Tale, case_id: str) -> None:
    """S3: the notice by registered post, the notice before a credit report, and two agents at the door."""
    await t.until(date(2026, 10, 10), 11)
    assert (await t.stages())[2:] == [("2026-10-10", "S3", True)]
    through_s2 = soft(days(date(2026, 9, 25), 15))
    assert await t.heard(date(2026, 9, 25)) == [*through_s2, ("10-10 10:00", "s3-formal-sms")]
    # The visit of S2 was due within the holidays.
    assert Counter(await t.closed_tasks()) == {
        ("call", "done", "conversation"): 3,
        overtaken(1)[0]: 14,
        ("call", "cancelled", "stage_changed"): 1,
        ("visit", "cancelled", "stage_changed"): 1,
    }
    [letter] = await t.tasks()
    assert (letter["step"], letter["due_at"]) == ("overdue-notice", "2026-10-10T01:30:00Z")
    await t.until(date(2026, 10, 12), 11)
    await deliver(t, "overdue_notice", "EMS-1")
    report = {"loan_id": t.loan, "on": "2026-10-12", "reference": "CR-1", "by": "cora"}
    early = await t.act(f"/v1/cases/{case_id}/credit-reports", status=409, **report)
    assert early["code"] == "credit_notice_missing"
    await t.until(date(2026, 10, 15), 12)
    [letter] = await t.tasks("document")
    assert (letter["step"], letter["due_at"]) == ("credit-report-notice", "2026-10-15T03:00:00Z")
    await deliver(t, "credit_report_notice", "EMS-2")
    await t.act(f"/v1/cases/{case_id}/credit-reports", status=201, **{**report, "on": "2026-10-15"})
    await t.until(date(2026, 10, 18), 12)
    [door] = await t.tasks("visit")
    assert (door["step"], door["due_at"], door["people"]) == ("visit-after-notice", "2026-10-17T03:00:00Z", 2)
    task_id = await announce_visit(t)
    await t.until(date(2026, 10, 19), 15)
    await visit(t, task_id, ["anna", "bert"], "conversation", result="refusal")


async def broken_promises(t: Tale) -> None:
    """Promises and does not pay, is told formally, refuses at the door, goes to the lawyers, is sued."""
    await promised_in_vain(t)
    case_id = await t.case_id()
    await formally(t, case_id)
    path = f"/v1/cases/{case_id}/referrals"
    early = await t.act(path, status=409, kind="legal", by="lea")
    assert early["code"] == "referral_too_early"
    await t.until(date(2026, 11, 9), 11)
    assert (await t.stages())[3:] == [("2026-11-09", "S4", True)]
    assert await t.heard(date(2026, 10, 11)) == [
        *at_ten("s3-formal-sms", days(date(2026, 10, 17), 4, 7)),
        ("11-09 10:00", "s4-formal-sms"),
    ]
    [pack] = await t.tasks()
    assert (pack["kind"], pack["step"], pack["skill"]) == ("referral", "legal-pack", "legal")
    assert (pack["due_at"], pack["assignee"]) == ("2026-11-09T01:30:00Z", "lea")
    why = await t.ask(f"/v1/tasks/{pack['task_id']}/why")
    assert (why["agrees"], why["decisions"][0]["kind"]) == (True, "step")
    task_id, by = await t.claim("referral")
    await t.act(path, status=403, kind="legal", by="anna")
    placed = await t.act(path, status=201, kind="legal", by=by)
    assert (placed["pack"]["notice_delivered_at"], placed["pack"]["loans"][0]["stage"]) == (
        "2026-10-10T02:00:00+00:00",
        "S4",
    )
    await t.act(f"/v1/tasks/{task_id}/complete", by=[by])
    await t.until(date(2026, 11, 12), 11)
    await hold(t, "legal", by="cora", reason="a suit was filed")
    await t.until(END)
    # What is before the court is no longer spoken of: the reminder of the 23rd is not sent.
    assert await t.heard(date(2026, 11, 10)) == []
    assert (await t.holds(), await t.tasks()) == (["legal"], [])
    assert len(await t.stages()) == 4
    assert Counter((await t.closed_tasks())[19:]) == {
        ("document", "done", ""): 2,
        ("visit", "done", "conversation"): 1,
        overtaken(1)[0]: 9,
        ("call", "cancelled", "stage_changed"): 1,
        ("referral", "done", ""): 1,
    }
    assert await spoken_of(t) == [
        *said("09-01 12:05", "call", "promise"),
        *said("09-09 14:05", "call", "promise"),
        *said("09-16 14:05", "call", "promise"),
        *said("10-19 15:00", "visit", "conversation"),
    ]
    await t.check()


STORIES: dict[str, Narrator] = {
    "hardship-kept": hardship_kept,
    "hardship-broken": hardship_broken,
    "broken-promises": broken_promises,
}


@pytest.fixture(scope="module")
async def told() -> Told:
    """All stories of this module."""
    return await all_told(STORIES)


@pytest.mark.parametrize("name", [*STORIES, ALL_TOGETHER])
async def test_story(told: Told, name: str) -> None:
    if (end := told.get(name)) is not None:
        raise end
