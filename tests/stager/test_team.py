"""The team: who is known, at work and away, and what becomes of what they had to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from tests.stager.people import Desk, desk_of
from tests.stager.stand import Stand

#: 2026-11-16 is a Monday. In China 2026-10-10, a Saturday, is worked and 2026-10-01 is a holiday.
OFFICE = [{"day_type": "workday", "begins": "09:00", "ends": "17:30"}]


@pytest.fixture
async def desk(stager: Stand) -> AsyncIterator[Desk]:
    async with desk_of(stager) as made:
        yield made


async def test_a_member_is_changed_by_who_has_seen_the_last_change(desk: Desk) -> None:
    made = await desk.member("M1", skills=["visit"], regions=["CN-SH"], locales=["zh-CN"])
    assert (made["version"], made["skills"], made["shifts"]) == (1, ["visit"], [])
    body = {"roles": ["collector", "lead"], "capacity": 10, "by": "M1"}
    changed = await desk.call("PUT", "/v1/team/members/M1", body, 200, If_Match='"1"')
    assert (changed["version"], changed["roles"], changed["skills"]) == (2, ["collector", "lead"], [])
    again = await desk.call("PUT", "/v1/team/members/M1", body, 200)
    assert again["version"] == 2
    stale = await desk.call("PUT", "/v1/team/members/M1", body, 412, If_Match='"1"')
    assert stale["code"] == "stale"
    assert (await desk.get("/v1/team/members/M9", 404))["code"] == "not_found"


@pytest.mark.parametrize(
    ("day", "hour", "minute", "at_work"),
    [
        ("2026-11-16", 8, 59, False),
        ("2026-11-16", 9, 0, True),
        ("2026-11-16", 17, 29, True),
        ("2026-11-16", 17, 30, False),
        ("2026-11-15", 10, 0, False),
        ("2026-10-10", 10, 0, True),
        ("2026-10-01", 10, 0, False),
    ],
)
async def test_a_shift_is_worked_on_days_of_its_type(
    desk: Desk, day: str, hour: int, minute: int, at_work: bool
) -> None:
    await desk.member("M1", shifts=OFFICE)
    desk.stager.set_time(desk.stager.local(date.fromisoformat(day), hour, minute))
    assert (await desk.get("/v1/team/members/M1"))["at_work"] is at_work


async def test_without_shifts_of_their_own_members_work_the_hours_of_the_house(desk: Desk) -> None:
    await desk.member("M1")
    desk.stager.set_time(desk.at(17, 59))
    assert (await desk.get("/v1/team/members/M1"))["at_work"] is True
    desk.stager.set_time(desk.at(18))
    assert (await desk.get("/v1/team/members/M1"))["at_work"] is False


async def test_what_the_absent_had_to_do_moves_with_its_history_when_the_absence_begins(desk: Desk) -> None:
    await desk.member("M1")
    case_id = await desk.a_case()
    soon = await desk.a_task(case_id, due_at=desk.at(16))
    appointment = await desk.a_task(case_id, "call_back", due_at=desk.at(15))
    after = await desk.a_task(case_id, due_at=desk.at(9, 0, days=2))
    await desk.stager.run_timers()
    await desk.member("M2")
    absence = {
        "begins_at": desk.at(12).isoformat(),
        "ends_at": desk.at(9, 0, days=2).isoformat(),
        "reason": "sick",
        "by": "M1",
    }
    for _ in range(2):
        told = await desk.post("/v1/team/members/M1/absences", absence, 201, Idempotency_Key="a1")
    assert told["moved_at"] is None
    assert len((await desk.get("/v1/team/members/M1"))["absences"]) == 1
    await desk.stager.at(desk.at(12) - timedelta(seconds=1))
    assert set(await desk.listed("member=M1")) == {soon, appointment, after}
    await desk.stager.at(desk.at(12))
    assert set(await desk.listed("member=M2")) == {soon, appointment}
    # Due when they are back: it stays theirs.
    assert await desk.listed("member=M1") == [after]
    found = await desk.get(f"/v1/tasks/{appointment}")
    assert [(entry["what"], entry["note"], entry["to"]) for entry in found["history"]][-2:] == [
        ("moved", "absence", None),
        ("assigned", "fit", "M2"),
    ]
    # The case itself stays with its owner; what comes up meanwhile goes to who is there.
    meanwhile = await desk.a_task(case_id)
    await desk.stager.run_timers()
    assert meanwhile in await desk.listed("member=M2")
    assert (await desk.get("/v1/cases?collector=M1"))["items"][0]["case_id"] == case_id


async def test_who_leaves_gives_back_tasks_and_cases(desk: Desk) -> None:
    await desk.member("M1")
    case_id = await desk.a_case()
    task = await desk.a_task(case_id)
    await desk.stager.run_timers()
    await desk.member("M2")
    await desk.member("M1", active=False, status=200)
    await desk.stager.run_timers()
    assert await desk.listed("member=M2") == [task]
    assert [item["case_id"] for item in (await desk.get("/v1/cases?collector=M2"))["items"]] == [case_id]
    refused = await desk.post(f"/v1/tasks/{task}/claim", {"by": "M1"}, 403)
    assert refused["code"] == "member_inactive"
    unknown = await desk.post(f"/v1/tasks/{task}/claim", {"by": "M9"}, 403)
    assert unknown["code"] == "member_unknown"


async def test_absence_of_others_is_recorded_by_a_lead(desk: Desk) -> None:
    await desk.member("M1")
    await desk.member("M2")
    await desk.member("L1", roles=["lead"])
    desk.stager.set_time(desk.at(9))
    body = {"begins_at": desk.at(12).isoformat(), "ends_at": desk.at(18).isoformat(), "reason": "leave"}
    refused = await desk.post("/v1/team/members/M1/absences", {**body, "by": "M2"}, 403)
    assert (refused["code"], refused["needs"]) == ("not_allowed", ["lead"])
    await desk.post("/v1/team/members/M1/absences", {**body, "by": "L1"}, 201)
    backwards = {**body, "begins_at": body["ends_at"], "by": "L1"}
    await desk.post("/v1/team/members/M1/absences", backwards, 422)


async def test_cases_are_listed_by_who_looks_after_them_and_what_is_due(desk: Desk) -> None:
    await desk.member("M1")
    one, two = await desk.a_case(), await desk.a_case("L2", "B2")
    await desk.a_task(one, due_at=desk.at(12))
    await desk.a_task(two, due_at=desk.at(12, 0, days=1))
    await desk.stager.run_timers()

    async def found(query: str) -> set[str]:
        return {item["case_id"] for item in (await desk.get(f"/v1/cases?{query}"))["items"]}

    assert await found("collector=M1") == {one, two}
    assert await found("collector=M2") == set()
    assert await found(f"due={desk.day}") == {one}
    assert await found(f"collector=M1&due={desk.day + timedelta(days=1)}&stage=S1") == {one, two}
    assert await found("collector=M1&stage=S2") == set()


async def test_a_lead_makes_members_and_until_there_is_one_who_sets_up_the_team(desk: Desk) -> None:
    await desk.member("M1", by="nobody-yet")
    await desk.member("L1", roles=["lead"], by="M1")
    assert (await desk.member("M2", by="M1", status=403))["code"] == "not_allowed"
    assert (await desk.member("M2", by="nobody", status=403))["code"] == "member_unknown"
    await desk.member("M2", by="L1")
    # Nobody makes themselves a lead.
    assert (await desk.member("M1", roles=["lead"], by="M1", status=403))["code"] == "not_allowed"


async def test_the_last_lead_stays_one(desk: Desk) -> None:
    await desk.member("L1", roles=["lead"])
    assert (await desk.member("L1", roles=["collector"], status=409))["code"] == "last_lead"
    assert (await desk.member("L1", roles=["lead"], active=False, status=409))["code"] == "last_lead"
    await desk.member("L2", roles=["lead"])
    await desk.member("L1", roles=["collector"], by="L2", status=200)
    assert (await desk.member("L2", roles=["collector"], by="L2", status=409))["code"] == "last_lead"
