"""A task is done: right party first, what came of it takes effect in the same transaction, and once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from stager.store.appointments import open_appointments
from tests.stager.people import DAY, Desk, desk_of
from tests.stager.stand import Stand


@pytest.fixture
async def desk(stager: Stand) -> AsyncIterator[Desk]:
    async with desk_of(stager) as made:
        await made.member("M1")
        await made.member("M2")
        await made.member("V1", skills=["visit"])
        await made.member("V2", skills=["visit"])
        yield made


async def in_hand(desk: Desk, kind: str = "call", *by: str) -> str:
    """A task of a new case, claimed at ten by these (M1)."""
    task = await desk.a_task(await desk.a_case(), kind)
    desk.stager.set_time(desk.at(10))
    for one in by or ("M1",):
        await desk.post(f"/v1/tasks/{task}/claim", {"by": one})
    return task


def call(desk: Desk, **facts: Any) -> dict[str, Any]:
    """A conversation with the person verified, recorded and permitted."""
    return {
        "by": ["M1"],
        "outcome": "conversation",
        "verified": True,
        "at": desk.at(9, 55).isoformat(),
        "recording_ref": "rec-1",
        "permit_id": "p-1",
        **facts,
    }


async def complete(desk: Desk, task: str, body: dict[str, Any], status: int = 200) -> Any:
    return await desk.post(f"/v1/tasks/{task}/complete", body, status)


async def test_a_call_is_done_once_and_told_whole(desk: Desk) -> None:
    task = await in_hand(desk)
    for _ in range(2):
        done = await complete(desk, task, call(desk, result="refusal"))
        assert (done["status"], done["closed_by"], done["completion"].get("flags")) == ("done", ["M1"], None)
    [told] = await desk.stager.said("task.closed.v1")
    assert {name: told[name] for name in ("end", "by", "channel", "outcome", "result", "verified")} == {
        "end": "done",
        "by": ["M1"],
        "channel": "call",
        "outcome": "conversation",
        "result": "refusal",
        "verified": True,
    }
    assert (told["permit_id"], told["recording_ref"]) == ("p-1", "rec-1")
    other = await complete(desk, task, call(desk), 409)
    assert other["code"] == "task_ended"
    assert (await desk.post(f"/v1/tasks/{task}/claim", {"by": "M1"}, 409))["code"] == "task_ended"


@pytest.mark.parametrize(
    ("facts", "status", "code"),
    [
        ({"verified": False}, 409, "not_verified"),
        (
            {"outcome": "not_verified", "verified": False, "result": "none", "amount": "100.00"},
            422,
            "outcome_not_allowed",
        ),
        ({"result": "none", "promised_on": "2026-11-25"}, 422, "outcome_not_allowed"),
        ({"outcome": "not_verified", "verified": False, "result": "promise"}, 409, "not_verified"),
        ({"outcome": "wrong_person", "verified": False, "result": "promise"}, 409, "not_verified"),
        ({"outcome": "no_answer", "result": "dispute"}, 422, "outcome_not_allowed"),
        ({"result": "promise"}, 422, "result_incomplete"),
        ({"result": "call_back"}, 422, "result_incomplete"),
        ({"result": "unheard_of"}, 422, "outcome_not_allowed"),
        ({"outcome": None}, 422, "bad_request"),
        ({"by": ["M2"]}, 409, "task_not_claimed"),
        ({"loan_id": "L9"}, 422, "bad_request"),
        ({"outcome": "talked"}, 422, "bad_request"),
    ],
)
async def test_what_cannot_be_is_refused_under_its_own_code(
    desk: Desk, facts: dict[str, Any], status: int, code: str
) -> None:
    task = await in_hand(desk)
    refused = await complete(desk, task, call(desk, **facts), status)
    assert refused["code"] == code
    assert (await desk.get(f"/v1/tasks/{task}"))["status"] == "open"
    assert await desk.stager.said("task.closed.v1") == []


async def test_nothing_is_on_record_before_it_was(desk: Desk) -> None:
    task = await in_hand(desk)
    early = await complete(desk, task, call(desk, at=desk.at(10, 1).isoformat()), 422)
    assert early["code"] == "outcome_not_allowed"
    await complete(desk, task, call(desk, at=desk.at(10).isoformat()))


async def test_a_call_without_recording_or_permit_is_flagged(desk: Desk) -> None:
    task = await in_hand(desk)
    done = await complete(desk, task, call(desk, recording_ref=None, permit_id=None))
    assert done["completion"]["flags"] == ["no_recording", "no_permit"]
    other = await in_hand(desk)
    silent = {"by": ["M1"], "outcome": "no_answer", "at": desk.at(9, 55).isoformat(), "permit_id": "p-2"}
    assert (await complete(desk, other, silent))["completion"].get("flags") is None


async def test_a_promise_is_opened_with_the_call(desk: Desk) -> None:
    task = await in_hand(desk)
    said = call(desk, result="promise", amount="1001.35", promised_on=(desk.day + 3 * DAY).isoformat())
    for _ in range(2):
        await complete(desk, task, said)
    [promise] = await desk.stager.said("promise.opened.v1")
    assert (promise["amount"], promise["promised_on"]) == ("1001.35", str(desk.day + 3 * DAY))
    [hold] = await desk.stager.said("hold.placed.v1")
    assert hold["kind"] == "promise_open"


async def test_a_promise_that_is_refused_leaves_the_task_open(desk: Desk) -> None:
    task = await in_hand(desk)
    late = call(desk, result="promise", amount="1001.35", promised_on=(desk.day + 300 * DAY).isoformat())
    response = await desk.client.post(f"/v1/tasks/{task}/complete", json=late)
    assert 400 <= response.status_code < 500
    assert (await desk.get(f"/v1/tasks/{task}"))["status"] == "open"
    assert await desk.stager.said("promise.opened.v1", "task.closed.v1") == []


@pytest.mark.parametrize(("result", "kind"), [("dispute", "dispute"), ("paid_claim", "payment_claim")])
async def test_what_was_said_of_the_debt_holds_the_loan_at_once(desk: Desk, result: str, kind: str) -> None:
    task = await in_hand(desk)
    await complete(desk, task, call(desk, result=result))
    [hold] = await desk.stager.said("hold.placed.v1")
    [closed] = await desk.stager.said("task.closed.v1")
    assert (hold["kind"], hold["loan_id"], hold["origin"]) == (kind, "L1", closed["contact_id"])


async def test_a_danger_sign_stops_automation_and_calls_a_trained_person(desk: Desk) -> None:
    await desk.member("T1", skills=["vulnerable"])
    task = await in_hand(desk)
    await complete(desk, task, call(desk, outcome="not_verified", verified=False, result="self_harm"))
    assert "vulnerable" in {hold["kind"] for hold in await desk.stager.said("hold.placed.v1")}
    await desk.stager.run_timers()
    [first, *_] = (await desk.get("/v1/tasks"))["items"]
    assert (first["kind"], first["assignee"], first["reason"]) == ("danger_sign", "T1", "self_harm")
    refused = await desk.post(f"/v1/tasks/{first['task_id']}/claim", {"by": "M1"}, 403)
    assert (refused["code"], refused["skill"]) == ("not_allowed", "vulnerable")


async def test_hardship_marks_the_case_and_somebody_looks_into_a_plan(desk: Desk) -> None:
    task = await in_hand(desk)
    await complete(desk, task, call(desk, result="hardship"))
    [review] = (await desk.get("/v1/tasks"))["items"]
    assert (review["kind"], review["reason"]) == ("human_review", "hardship")


async def test_a_call_back_is_an_appointment_until_it_is_made(desk: Desk) -> None:
    task = await in_hand(desk)
    await complete(desk, task, call(desk, result="call_back", call_back_at=desk.at(15).isoformat()))
    async with desk.stager.runtime.transaction() as tx:
        [appointment] = (await open_appointments(tx, ["B1", "B2"]))["B1"]
    assert (appointment.at, appointment.loan_id) == (desk.at(15), "L1")
    await desk.stager.run_timers()
    desk.stager.set_time(desk.at(15))
    await desk.post(f"/v1/tasks/{appointment.task_id}/claim", {"by": "M1"})
    await complete(desk, appointment.task_id, call(desk, at=desk.at(15).isoformat()))
    async with desk.stager.runtime.transaction() as tx:
        assert await open_appointments(tx, ["B1"]) == {}


async def test_a_call_back_is_missed_after_half_an_hour_and_not_before(desk: Desk) -> None:
    task = await in_hand(desk)
    await complete(desk, task, call(desk, result="call_back", call_back_at=desk.at(15).isoformat()))
    await desk.stager.at(desk.at(15, 30) - timedelta(seconds=1))
    assert len(await desk.listed("kind=call_back")) == 1
    await desk.stager.at(desk.at(15, 30))
    assert await desk.listed("kind=call_back") == []
    missed = (await desk.stager.said("task.closed.v1"))[-1]
    assert (missed["kind"], missed["end"], missed["reason"]) == ("call_back", "expired", "missed")


async def test_a_call_back_under_way_is_not_missed(desk: Desk) -> None:
    task = await in_hand(desk)
    await complete(desk, task, call(desk, result="call_back", call_back_at=desk.at(15).isoformat()))
    await desk.stager.run_timers()
    [appointment] = await desk.listed("kind=call_back")
    desk.stager.set_time(desk.at(15, 20))
    await desk.post(f"/v1/tasks/{appointment}/claim", {"by": "M1"})
    await desk.stager.at(desk.at(15, 40))
    assert await desk.listed("kind=call_back") == [appointment]
    await desk.stager.at(desk.at(15, 50))
    assert await desk.listed("kind=call_back") == []


@pytest.mark.parametrize(
    ("hour", "minute", "days", "status"),
    [(8, 0, 1, 200), (7, 59, 1, 422), (21, 59, 0, 200), (22, 0, 0, 422), (9, 30, 0, 422), (10, 0, 14, 200)],
)
async def test_a_call_back_is_agreed_for_a_later_time_inside_hours(
    desk: Desk, hour: int, minute: int, days: int, status: int
) -> None:
    task = await in_hand(desk)
    at = desk.at(hour, minute, days).isoformat()
    told = await complete(desk, task, call(desk, result="call_back", call_back_at=at), status)
    assert status == 200 or told["code"] == "outside_hours"


async def test_a_call_back_too_far_ahead_is_not_agreed(desk: Desk) -> None:
    task = await in_hand(desk)
    at = desk.at(10, 1, 14).isoformat()
    told = await complete(desk, task, call(desk, result="call_back", call_back_at=at), 422)
    assert told["code"] == "outside_hours"


async def test_a_visit_takes_two_named_agents_with_the_skill(desk: Desk) -> None:
    task = await in_hand(desk, "visit", "V1")
    assert (await desk.post(f"/v1/tasks/{task}/claim", {"by": "M1"}, 403))["code"] == "not_allowed"
    seen = call(desk, by=["V1"], channel="visit")
    assert (await complete(desk, task, seen, 409))["code"] == "agents_missing"
    assert (await complete(desk, task, {**seen, "by": ["V1", "V1"]}, 409))["code"] == "agents_missing"
    assert (await complete(desk, task, {**seen, "by": ["V1", "V2"]}, 409))["code"] == "task_not_claimed"
    joined = await desk.post(f"/v1/tasks/{task}/claim", {"by": "V2"})
    assert joined["claimed_by"] == ["V1", "V2"]
    assert (await complete(desk, task, {**seen, "by": ["V1", "V2"]}, 409))["code"] == "notice_missing"


@pytest.mark.parametrize(("days", "hour", "status"), [(-1, 23, 200), (0, 8, 409)])
async def test_a_visit_is_announced_the_day_before(desk: Desk, days: int, hour: int, status: int) -> None:
    task = await in_hand(desk, "visit", "V1", "V2")
    notice = {"by": "V1", "at": desk.at(hour, 59, days).isoformat()}
    await desk.post(f"/v1/tasks/{task}/notice", notice)
    seen = call(desk, by=["V1", "V2"])
    told = await complete(desk, task, seen, status)
    assert (told.get("status"), told.get("code")) in {("done", None), (409, "notice_missing")}
    later = {"by": "V1", "at": desk.at(10, 1).isoformat()}
    await desk.post(f"/v1/tasks/{await in_hand(desk, 'visit', 'V1')}/notice", later, 422)


async def test_the_result_form_of_a_visit_is_due_the_same_day(desk: Desk) -> None:
    task = await in_hand(desk, "visit", "V1", "V2")
    await desk.post(f"/v1/tasks/{task}/notice", {"by": "V1", "at": desk.at(9, 0, -1).isoformat()})
    desk.stager.set_time(desk.at(0, 5, 1))
    for one in ("V1", "V2"):
        await desk.post(f"/v1/tasks/{task}/claim", {"by": one})
    done = await complete(desk, task, call(desk, by=["V1", "V2"]))
    assert done["completion"]["flags"] == ["form_late"]


async def test_a_call_that_comes_in_is_on_record_once(desk: Desk) -> None:
    case_id = await desk.a_case()
    desk.stager.set_time(desk.at(10))
    body = call(desk, loan_id="L1", result="dispute", permit_id=None)
    path = f"/v1/cases/{case_id}/inbound"
    await desk.post(path, body, 422)
    first = await desk.post(path, body, 201, Idempotency_Key="in-1")
    again = await desk.post(path, body, 200, Idempotency_Key="in-1")
    assert (first["task_id"], first["status"], first["assignee"]) == (again["task_id"], "done", None)
    other = await desk.post(path, {**body, "result": "none"}, 409, Idempotency_Key="in-1")
    assert other["code"] == "task_ended"
    [told] = await desk.stager.said("task.closed.v1")
    assert (told["direction"], told["outcome"], told["channel"]) == ("inbound", "conversation", "call")
    assert [hold["kind"] for hold in await desk.stager.said("hold.placed.v1")] == ["dispute"]


async def test_the_codes_have_their_names_in_both_languages(desk: Desk) -> None:
    codes = await desk.get("/v1/outcome-codes?channel=visit")
    assert {"zh-CN", "en"} <= codes["outcomes"][0]["name"].keys()
    # Nobody is busy at the door.
    assert "busy" not in [outcome["code"] for outcome in codes["outcomes"]]
    promise = next(result for result in codes["results"] if result["code"] == "promise")
    assert (promise["outcomes"], promise["needs"]) == (["conversation"], ["amount", "promised_on"])
