"""Agencies: ready or not, cases placed and recalled, and nobody there sees what is not placed with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.stager.figures import loan_cured
from tests.stager.people import DAY, Desk, desk_of
from tests.stager.stand import Stand


@pytest.fixture
async def desk(stager: Stand) -> AsyncIterator[Desk]:
    async with desk_of(stager) as made:
        yield made


#: What must be on record before a complaint is over.
ANSWERED = {"answered": "letter of today"}


async def agency(desk: Desk, agency_id: str = "AG1", *, answer: int = 201, **facts: Any) -> Any:
    body = {
        "name": "Lawful Collections",
        "status": "active",
        "listed": True,
        "reviewed_on": desk.day.isoformat(),
        "by": desk.lead,
        **facts,
    }
    return await desk.call("PUT", f"/v1/agencies/{agency_id}", body, answer)


async def team(desk: Desk) -> None:
    await desk.member("L1", roles=["lead"])
    await desk.member("M1")
    for agency_id, member in (("AG1", "X1"), ("AG2", "X2")):
        await agency(desk, agency_id)
        await desk.member(member, roles=["agency"], agency_id=agency_id)


async def noticed_case(desk: Desk, loan_id: str = "L1", borrower_id: str = "B1") -> str:
    """A case in S4 whose overdue notice was delivered in S3."""
    case_id = await desk.a_case(loan_id, borrower_id, days=95)
    async with desk.stager.runtime.transaction() as tx:
        await tx.execute(
            """
            INSERT INTO contact_request (request_id, loan_id, episode, entry_no, step, occurrence, borrower_id,
                case_id, stage, channel, template, purpose, due_at, decided_at, expires_at, status,
                strategy_digest, outcome, outcome_at)
            SELECT 'notice-' || loan_id, loan_id, episode, 0, 'formal-notice', 1, borrower_id, case_id, 'S3', 'sms',
                's3-formal-sms', 'collection', :at, :at, :at, 'done', '', 'delivered', :at
            FROM episode WHERE loan_id = :loan
            """,
            at=desk.at(10),
            loan=loan_id,
        )
    return case_id


async def place(desk: Desk, case_id: str, status: int = 201, **facts: Any) -> Any:
    body = {"kind": "agency", "agency_id": "AG1", "by": "L1", **facts}
    return await desk.post(f"/v1/cases/{case_id}/referrals", body, status, Idempotency_Key=f"k-{case_id}")


async def test_a_case_is_placed_with_its_facts_and_recalled(desk: Desk) -> None:
    await team(desk)
    case_id = await noticed_case(desk)
    task = await desk.a_task(case_id)
    await desk.stager.run_timers()
    assert (await desk.get(f"/v1/tasks/{task}"))["assignee"] == "M1"
    placed = await place(desk, case_id)
    [loan] = placed["pack"]["loans"]
    assert (loan["loan_id"], loan["stage"], loan["dpd"]) == ("L1", "S4", 95)
    assert loan["overdue"]["total"] == "1001.35"
    assert (await place(desk, case_id, 200))["referral_id"] == placed["referral_id"]
    await desk.stager.run_timers()
    assert (await desk.get(f"/v1/tasks/{task}"))["assignee"] == "X1"
    recall = {"reason": "customer asked for it", "by": "L1"}
    for _ in range(2):
        back = await desk.post(f"/v1/cases/{case_id}/recall", recall)
        assert back["recalled_by"] == "L1"
    await desk.stager.run_timers()
    found = await desk.get(f"/v1/tasks/{task}")
    assert (found["assignee"], found["agency_id"]) == ("M1", None)
    path = f"/v1/cases/{case_id}/referrals/{placed['referral_id']}/data"
    assert (await desk.post(path, {"data": "destroyed", "by": "L1"}))["data_end"] == "destroyed"
    refused = await desk.post(path, {"data": "returned", "by": "L1"}, 409)
    assert refused["code"] == "not_placed"


async def test_an_agency_sees_and_works_its_own_cases_alone(desk: Desk) -> None:
    await team(desk)
    mine, others = await noticed_case(desk), await noticed_case(desk, "L2", "B2")
    task, hidden = await desk.a_task(mine), await desk.a_task(others)
    await place(desk, mine)
    theirs = {"X_Tact_Member": "X1"}
    assert [item["case_id"] for item in (await desk.get("/v1/cases", 200, **theirs))["items"]] == [mine]
    assert await desk.listed("", **theirs) == [task]
    assert set(await desk.listed("", X_Tact_Member="M1")) == {task, hidden}
    assert await desk.listed("", X_Tact_Member="X2") == []
    for path in (f"/v1/cases/{others}", f"/v1/cases/{others}/why", f"/v1/tasks/{hidden}"):
        assert (await desk.get(path, 404, **theirs))["code"] == "not_found"
        await desk.get(path, 200, X_Tact_Member="M1")
    await desk.get(f"/v1/cases/{mine}", 200, **theirs)
    assert (await desk.post(f"/v1/tasks/{hidden}/claim", {"by": "X1"}, 404))["code"] == "not_found"
    # Whoever acts is looked at, whether or not they say who asks.
    hold = {"loan_id": "L2", "kind": "dispute", "reason": "says so", "by": "X1"}
    assert (await desk.post(f"/v1/cases/{others}/holds", hold, 404))["code"] == "not_found"


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ({"status": "suspended"}, "suspended"),
        ({"listed": False}, "listed"),
        ({"reviewed_on": None}, "reviewed"),
    ],
)
async def test_an_agency_that_is_not_ready_gets_no_case(
    desk: Desk, facts: dict[str, Any], missing: str
) -> None:
    await team(desk)
    case_id = await noticed_case(desk)
    await agency(desk, "AG1", answer=200, **facts)
    refused = await place(desk, case_id, 409)
    assert refused["code"] == "agency_not_ready"
    assert missing in refused["detail"]


@pytest.mark.parametrize(("days_ago", "status"), [(366, 201), (367, 409)])
async def test_a_review_counts_for_a_year(desk: Desk, days_ago: int, status: int) -> None:
    await team(desk)
    case_id = await noticed_case(desk)
    today = desk.day - 6 * DAY + 95 * DAY
    await agency(desk, "AG1", answer=200, reviewed_on=(today - timedelta(days=days_ago)).isoformat())
    await place(desk, case_id, status)


async def test_a_case_is_placed_only_after_the_notice_from_its_stage_on_and_by_a_lead(desk: Desk) -> None:
    await team(desk)
    early = await desk.a_case("L3", "B3", days=90)
    assert (await place(desk, early, 409))["missing"] == "stage"
    unnoticed = await desk.a_case("L4", "B4", days=91)
    refused = await place(desk, unnoticed, 409)
    assert (refused["code"], refused["missing"]) == ("referral_too_early", "notice_delivered")
    noticed = await noticed_case(desk)
    assert (await place(desk, noticed, 403, by="M1"))["code"] == "not_allowed"
    hold = {"loan_id": "L1", "kind": "dispute", "reason": "says so", "by": "L1"}
    await desk.post(f"/v1/cases/{noticed}/holds", hold, 201)
    assert (await place(desk, noticed, 409))["missing"] == "no_hold"


async def test_a_case_is_in_one_place(desk: Desk) -> None:
    await team(desk)
    case_id = await noticed_case(desk)
    await place(desk, case_id)
    body = {"kind": "agency", "agency_id": "AG2", "by": "L1"}
    again = await desk.post(f"/v1/cases/{case_id}/referrals", body, 409, Idempotency_Key="other")
    assert again["code"] == "already_placed"
    reused = await place(desk, case_id, 409, agency_id="AG2")
    assert reused["code"] == "conflict"


async def test_what_is_paid_comes_back_from_the_agency_by_itself(desk: Desk) -> None:
    await team(desk)
    case_id = await noticed_case(desk)
    await place(desk, case_id)
    await desk.stager.tell(loan_cured(as_of=desk.day + 95 * DAY))
    [referral] = (await desk.get(f"/v1/cases/{case_id}/referrals"))["items"]
    assert (referral["recalled_by"], referral["recall_reason"]) == (None, "cured")
    # Seen no more by those it was placed with; its data is still to be accounted for.
    await desk.get(f"/v1/cases/{case_id}/referrals", 404, X_Tact_Member="X1")
    path = f"/v1/cases/{case_id}/referrals/{referral['referral_id']}/data"
    assert (await desk.post(path, {"data": "returned", "by": "L1"}))["data_end"] == "returned"


async def test_what_belongs_to_a_case_is_seen_only_where_the_case_is_placed(desk: Desk) -> None:
    await team(desk)
    await desk.member("C1", roles=["compliance"])
    case_id = await noticed_case(desk)
    task = await desk.a_task(case_id)
    asked = {"kind": "complaint_open", "reason": "about a call", "by": "L1"}
    hold = await desk.post("/v1/loans/L1/holds", asked, 201)
    await desk.post(
        f"/v1/holds/{hold['hold_id']}/lift", {"by": "C1", "reason": "answered", "findings": ANSWERED}
    )
    await place(desk, case_id)
    paths = ("/v1/borrowers/B1/holds", f"/v1/holds/{hold['hold_id']}/why", f"/v1/tasks/{task}")
    for path in paths:
        assert (await desk.get(path, 404, X_Tact_Member="X2"))["code"] == "not_found"
        await desk.get(path, X_Tact_Member="X1")
        await desk.get(path)
    for path in ("/v1/requests/notice-L1/why", f"/v1/tasks/{task}/why", "/v1/holds/none/why"):
        assert (await desk.get(path, 404, X_Tact_Member="X2"))["detail"].startswith("no case")
    other = {"kind": "complaint_open", "reason": "about a call", "by": "X2"}
    assert (await desk.post("/v1/loans/L1/holds", other, 404))["code"] == "not_found"


async def test_agencies_are_made_known_by_a_lead(desk: Desk) -> None:
    await team(desk)
    refused = await agency(desk, "AG3", answer=403, by="M1")
    assert (refused["code"], refused["needs"]) == ("not_allowed", ["lead"])
    await agency(desk, "AG3", by="L1")


async def test_who_is_of_an_agency_reads_neither_the_team_of_the_house_nor_its_policies(desk: Desk) -> None:
    await team(desk)

    async def read(member: str, path: str) -> Any:
        return await desk.client.get(path, headers={"X-Tact-Member": member})

    shown = (await read("X1", "/v1/team/members")).json()["items"]
    assert [each["member_id"] for each in shown] == ["X1"]
    everyone = (await read("M1", "/v1/team/members")).json()["items"]
    assert {"L1", "M1", "X1", "X2"} <= {each["member_id"] for each in everyone}
    for member, other, status in (("X1", "M1", 404), ("X1", "X2", 404), ("X1", "X1", 200), ("M1", "X1", 200)):
        assert (await read(member, f"/v1/team/members/{other}")).status_code == status
    for path in ("/v1/policies", "/v1/policies/in-force", "/v1/policies/none"):
        assert (await read("X1", path)).status_code == 403
    assert (await read("M1", "/v1/policies")).status_code == 200
