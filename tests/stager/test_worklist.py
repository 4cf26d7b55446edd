"""The worklist: who gets a task, what comes first, who has it in hand, and what is late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.stager.figures import DUE_ON, arrears_changed
from tests.stager.people import DAY, Desk, desk_of
from tests.stager.stand import Stand


@pytest.fixture
async def desk(stager: Stand) -> AsyncIterator[Desk]:
    async with desk_of(stager) as made:
        yield made


async def assignee(desk: Desk, task_id: str) -> str | None:
    found = await desk.get(f"/v1/tasks/{task_id}")
    name: str | None = found["assignee"]
    return name


async def test_a_case_stays_with_its_owner_whatever_they_have_to_do(desk: Desk) -> None:
    await desk.member("M1", capacity=1)
    await desk.member("M2")
    case_id = await desk.a_case()
    first = await desk.a_task(case_id)
    await desk.stager.run_timers()
    owner = await assignee(desk, first)
    assert owner == "M1"
    second = await desk.a_task(case_id)
    await desk.stager.run_timers()
    assert await assignee(desk, second) == "M1"
    # Another case finds M1 full.
    other = await desk.a_task(await desk.a_case("L2", "B2"))
    await desk.stager.run_timers()
    assert await assignee(desk, other) == "M2"


async def test_a_task_nobody_is_fit_for_waits_and_is_offered_when_someone_comes(desk: Desk) -> None:
    await desk.member("M1")
    visit = await desk.a_task(await desk.a_case(), "visit")
    await desk.stager.run_timers()
    assert await assignee(desk, visit) is None
    assert await desk.listed("state=unassigned") == [visit]
    await desk.member("M2", skills=["visit"])
    await desk.stager.run_timers()
    assert await assignee(desk, visit) == "M2"
    assert await desk.listed("state=unassigned") == []


async def test_the_list_is_read_by_score_page_by_page(desk: Desk) -> None:
    case_id = await desk.a_case()
    low = await desk.a_task(case_id)
    top = await desk.a_task(case_id, "danger_sign")
    mid = await desk.a_task(case_id, priority=50)
    page = await desk.get("/v1/tasks?limit=2")
    assert [item["task_id"] for item in page["items"]] == [top, mid]
    rest = await desk.get(f"/v1/tasks?limit=2&cursor={page['next_cursor']}")
    assert ([item["task_id"] for item in rest["items"]], rest["next_cursor"]) == ([low], None)
    # Six days past due at two points a day, 1,001.35 overdue at 20.
    assert rest["items"][0]["score"] == 32
    assert await desk.listed("kind=danger_sign") == [top]
    assert await desk.listed("member=M9") == []


async def test_due_shows_what_is_due_by_the_end_of_that_day(desk: Desk) -> None:
    case_id = await desk.a_case()
    today = await desk.a_task(case_id, due_at=desk.at(23, 59))
    later = await desk.a_task(case_id, due_at=desk.at(0, 0, days=1))
    assert await desk.listed(f"due={desk.day}") == [today]
    assert set(await desk.listed(f"due={desk.day + timedelta(days=1)}")) == {today, later}


async def test_of_sixteen_who_claim_at_once_one_has_it(desk: Desk) -> None:
    for number in range(16):
        await desk.member(f"M{number}")
    task = await desk.a_task(await desk.a_case())
    responses = await asyncio.gather(
        *(desk.client.post(f"/v1/tasks/{task}/claim", json={"by": f"M{n}"}) for n in range(16))
    )
    won = [each for each in responses if each.status_code == 200]
    lost = [each.json()["code"] for each in responses if each.status_code == 409]
    assert (len(won), len(lost)) == (1, 15)
    assert set(lost) <= {"task_claimed", "task_of_another"}
    [holder] = won[0].json()["claimed_by"]
    found = await desk.get(f"/v1/tasks/{task}")
    assert (found["claimed_by"], found["assignee"]) == ([holder], holder)
    assert [entry["what"] for entry in found["history"]] == ["opened", "claimed"]


async def test_a_lease_ends_and_not_a_moment_before(desk: Desk) -> None:
    await desk.member("M1")
    task = await desk.a_task(await desk.a_case())
    await desk.stager.at(desk.at(9))
    await desk.post(f"/v1/tasks/{task}/claim", {"by": "M1"})
    await desk.stager.at(desk.at(9, 30) - timedelta(seconds=1))
    assert (await desk.get(f"/v1/tasks/{task}"))["claimed_by"] == ["M1"]
    await desk.stager.at(desk.at(9, 30))
    found = await desk.get(f"/v1/tasks/{task}")
    assert (found["claimed_by"], found["lease_until"]) == ([], None)
    assert found["history"][-1]["what"] == "lease_ended"
    # It is still theirs to take again.
    assert found["assignee"] == "M1"


async def test_what_is_in_hand_is_released_by_who_has_it_alone(desk: Desk) -> None:
    await desk.member("M1")
    await desk.member("M2")
    task = await desk.a_task(await desk.a_case())
    await desk.post(f"/v1/tasks/{task}/claim", {"by": "M1"})
    refused = await desk.post(f"/v1/tasks/{task}/release", {"by": "M2"}, 409)
    assert refused["code"] == "task_not_claimed"
    assert (await desk.post(f"/v1/tasks/{task}/release", {"by": "M1"}))["claimed_by"] == []


async def test_a_task_is_handed_over_once_with_its_history(desk: Desk) -> None:
    await desk.member("M1")
    await desk.member("M2")
    await desk.member("A1", roles=["analyst"])
    task = await desk.a_task(await desk.a_case())
    await desk.stager.run_timers()
    note = {"by": "M1", "to": "M2", "note": "speaks Cantonese"}
    other = await desk.post(f"/v1/tasks/{task}/hand-over", {**note, "by": "M2", "to": "M2"}, 409)
    assert other["code"] == "task_of_another"
    unfit = await desk.post(f"/v1/tasks/{task}/hand-over", {**note, "to": "A1"}, 403)
    assert unfit["code"] == "not_allowed"
    for _ in range(2):
        given = await desk.post(f"/v1/tasks/{task}/hand-over", note, Idempotency_Key="h1")
        assert given["assignee"] == "M2"
    entries = [(entry["what"], entry["by"], entry["to"]) for entry in given["history"]]
    assert entries[-1] == ("handed_over", "M1", "M2")
    assert len([entry for entry in entries if entry[0] == "handed_over"]) == 1
    reused = await desk.post(
        f"/v1/tasks/{task}/hand-over", {**note, "note": "other"}, 409, Idempotency_Key="h1"
    )
    assert reused["code"] == "idempotency_key_reused"


async def test_a_task_is_late_at_its_deadline_and_goes_to_the_lead(desk: Desk) -> None:
    await desk.member("M1")
    task = await desk.a_task(await desk.a_case())
    # A call is late 24 hours after it came due.
    await desk.stager.at(desk.at(10, 0, days=1) - timedelta(seconds=1))
    assert await desk.listed("state=escalated") == []
    before = (await desk.get(f"/v1/tasks/{task}"))["score"]
    await desk.stager.at(desk.at(10, 0, days=1))
    assert await desk.listed("state=escalated") == [task]
    found = await desk.get(f"/v1/tasks/{task}")
    assert found["score"] == before + 2000
    assert found["history"][-1]["what"] == "escalated"


async def test_timers_of_work_are_told_to_whoever_moves_the_clock(desk: Desk) -> None:
    await desk.a_task(await desk.a_case())
    async with desk.stager.runtime.transaction() as tx:
        assert (await desk.stager.service.due(tx)).open > 0
    await desk.stager.run_timers()
    async with desk.stager.runtime.transaction() as tx:
        due = await desk.stager.service.due(tx)
    assert due.open == 0
    # Nobody is there: the next try is on the next business day, before which nothing of this task happens.
    assert due.next_at is not None
    assert due.next_at <= desk.at(9, 0, days=1)


async def test_a_task_moves_in_the_list_when_the_facts_of_its_case_change(desk: Desk) -> None:
    task = await desk.a_task(await desk.a_case(days=40))
    other = await desk.a_task(await desk.a_case("L2", "B2", days=35))
    assert await desk.listed() == [task, other]
    before = (await desk.get(f"/v1/tasks/{task}"))["score"]
    # A part payment: 40 days past due become 5, and the loan is in S1 again, 120 points less.
    as_of = DUE_ON + 40 * DAY
    await desk.stager.tell(arrears_changed(zero_on=DUE_ON + 35 * DAY, as_of=as_of))
    assert await desk.listed() == [other, task]
    assert (await desk.get(f"/v1/tasks/{task}"))["score"] == before - 2 * 35 - 120


async def test_a_broken_promise_comes_earlier(desk: Desk) -> None:
    await desk.member("M1")
    case_id = await desk.a_case()
    promised = {
        "loan_id": "L1",
        "amount": "1001.35",
        "promised_on": str(desk.day),
        "kind": "full",
        "channel": "call",
        "verified": True,
        "by": "M1",
    }
    await desk.post(f"/v1/cases/{case_id}/promises", promised, 201)
    task = await desk.a_task(case_id, "document")
    before = (await desk.get(f"/v1/tasks/{task}"))["score"]
    # Due at the end of the promised day and one business day of grace: broken at the close of Tuesday.
    await desk.stager.close(desk.day + DAY)
    assert len(await desk.stager.said("promise.broken.v1")) == 1
    assert (await desk.get(f"/v1/tasks/{task}"))["score"] == before + 2 * 2 + 60
