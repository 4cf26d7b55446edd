"""The REST door: cases and their reasons are shown, holds are placed and lifted once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from spine.http import create_api
from tests.stager.figures import DUE_ON, arrears_changed, loan_cured, loan_overdue
from tests.stager.promising import team
from tests.stager.stand import Stand

DAY = timedelta(days=1)
TOKEN = "t" * 32


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as made:
        yield made


async def one_case(stager: Stand, days: int = 31) -> str:
    as_of = DUE_ON + days * DAY
    await stager.tell(loan_overdue(as_of=as_of))
    await stager.close(as_of - DAY)
    [entered] = await stager.said("stage.entered.v1")
    return str(entered["case_id"])


async def get(client: httpx.AsyncClient, path: str, status: int = 200) -> Any:
    response = await client.get(path)
    assert response.status_code == status, response.text
    return response.json()


async def test_a_case_shows_its_loans_and_what_comes_next(stager: Stand, client: httpx.AsyncClient) -> None:
    case_id = await one_case(stager)
    await stager.at(stager.local(DUE_ON + 31 * DAY, 9))
    shown = await get(client, f"/v1/cases/{case_id}")
    assert (shown["borrower_id"], shown["stage"], shown["closed_at"]) == ("B1", "S2", None)
    [loan] = shown["loans"]
    assert (loan["loan_id"], loan["dpd"], loan["stage"], loan["entry_no"]) == ("L1", 31, "S2", 1)
    assert loan["overdue"] == {
        "principal": "900.00",
        "interest": "100.00",
        "fee": "0.00",
        "penalty": "1.35",
        "compound": "0.00",
        "total": "1001.35",
    }
    assert [request["step"] for request in shown["open_requests"]] == ["soft-morning"]
    assert [step["step"] for step in shown["next_steps"]] == ["soft-evening", "soft-morning"]


async def test_days_past_due_are_those_of_today(stager: Stand, client: httpx.AsyncClient) -> None:
    case_id = await one_case(stager, days=1)
    stager.set_time(stager.local(DUE_ON + 9 * DAY, 12))
    assert (await get(client, f"/v1/cases/{case_id}"))["loans"][0]["dpd"] == 9


async def test_arrears_that_are_written_off_are_staged_on_and_say_so(
    stager: Stand, client: httpx.AsyncClient
) -> None:
    case_id = await one_case(stager, days=91)
    assert (await get(client, f"/v1/cases/{case_id}"))["loans"][0]["status"] == "overdue"
    changed = arrears_changed(zero_on=DUE_ON, as_of=DUE_ON + 92 * DAY)
    await stager.tell(msgspec.structs.replace(changed, status="written_off"))
    [loan] = (await get(client, f"/v1/cases/{case_id}"))["loans"]
    assert (loan["status"], loan["stage"], loan["closed_on"]) == ("written_off", "S4", None)


async def test_why_agrees_with_what_was_decided(stager: Stand, client: httpx.AsyncClient) -> None:
    case_id = await one_case(stager)
    why = await get(client, f"/v1/cases/{case_id}/why")
    assert why["agrees"] is True
    [loan] = why["loans"]
    assert (loan["rule"], loan["recomputed_rule"]) == ("entry/S2:31-60", "entry/S2:31-60")
    assert (loan["facts"]["dpd"], loan["facts"]["stage"]) == (31, None)
    [entered] = await stager.said("stage.entered.v1")
    assert entered["facts_digest"] == loan["facts_digest"]
    assert str(entered["policy"]).endswith(loan["policy_digest"])


async def test_why_tells_when_the_record_was_changed(stager: Stand, client: httpx.AsyncClient) -> None:
    case_id = await one_case(stager)
    async with stager.runtime.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE stage_entry SET facts = replace(facts, '31', '29')")
    why = await get(client, f"/v1/cases/{case_id}/why")
    assert why["agrees"] is False
    assert why["loans"][0]["recomputed_stage"] == "S1"


async def test_cases_are_listed_by_stage_in_pages(stager: Stand, client: httpx.AsyncClient) -> None:
    await stager.tell(
        *[loan_overdue(f"L{n}", f"B{n}", as_of=DUE_ON + 31 * DAY) for n in range(5)],
        loan_overdue("M1", "B9", zero_on=DUE_ON + 30 * DAY),
    )
    await stager.close(DUE_ON + 30 * DAY)
    first = await get(client, "/v1/cases?stage=S2&limit=3")
    assert len(first["items"]) == 3
    assert {item["stage"] for item in first["items"]} == {"S2"}
    rest = await get(client, f"/v1/cases?stage=S2&limit=3&cursor={first['next_cursor']}")
    assert rest["next_cursor"] is None
    assert len({item["case_id"] for item in first["items"] + rest["items"]}) == 5
    [mild] = (await get(client, "/v1/cases?stage=S1"))["items"]
    assert (mild["borrower_id"], mild["dpd"], mild["loans"]) == ("B9", 1, ["M1"])
    assert len((await get(client, "/v1/cases"))["items"]) == 6


async def test_closed_cases_are_shown_but_not_listed(stager: Stand, client: httpx.AsyncClient) -> None:
    case_id = await one_case(stager)
    await stager.tell(loan_cured(as_of=DUE_ON + 31 * DAY))
    assert (await get(client, "/v1/cases"))["items"] == []
    shown = await get(client, f"/v1/cases/{case_id}")
    assert (shown["closed_at"] is not None, shown["stage"]) == (True, None)
    assert [loan["close_reason"] for loan in shown["loans"]] == ["cured"]


async def test_a_person_holds_and_lifts(stager: Stand, client: httpx.AsyncClient) -> None:
    case_id = await one_case(stager)
    await team(stager, carl=["compliance"])
    await stager.at(stager.local(DUE_ON + 31 * DAY, 9))
    body = {"loan_id": "L1", "kind": "breathing_space", "by": "carl", "reason": "adviser called"}
    path, key = f"/v1/cases/{case_id}/holds", {"Idempotency-Key": "k1"}
    placed = await client.post(path, json=body, headers=key)
    again = await client.post(path, json=body, headers=key)
    assert (placed.status_code, again.status_code) == (201, 200)
    hold = placed.json()
    assert again.json() == hold
    assert (hold["active"], hold["freezes_interest"]) == (True, True)
    assert hold["until"] is not None
    other = await client.post(path, json={**body, "kind": "dispute"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    [told] = await stager.said("hold.placed.v1")
    assert "adviser called" not in str(told)
    assert len(await stager.said("contact.withdrawn.v1")) == 1

    lift = f"{path}/{hold['hold_id']}/lift"
    lifted = await client.post(lift, json={"by": "carl", "reason": "plan signed"})
    assert (lifted.status_code, lifted.json()["ended_by"]) == (200, "person")
    assert (await client.post(lift, json={"by": "carl", "reason": "twice"})).json() == lifted.json()
    [told] = await stager.said("hold.lifted.v1")
    assert told["hold_id"] == hold["hold_id"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"loan_id": "L9"}, 422, "bad_request"),
        ({"kind": "holiday"}, 422, "bad_request"),
        ({"until": "2020-01-01T00:00:00Z"}, 422, "bad_request"),
        ({"until": "2027-01-01T00:00:00"}, 422, "bad_request"),
        ({"reason": ""}, 422, "bad_request"),
        ({"colour": "red"}, 422, "bad_request"),
        ({"ground": "treatment"}, 422, "hold_incomplete"),
        ({"by": "nobody"}, 403, "member_unknown"),
        ({"kind": "legal"}, 403, "not_allowed"),
    ],
)
async def test_a_wrong_hold_is_refused(
    stager: Stand, client: httpx.AsyncClient, changes: dict[str, str], status: int, code: str
) -> None:
    case_id = await one_case(stager)
    await team(stager, anna=["collector"])
    body = {"loan_id": "L1", "kind": "dispute", "by": "anna", "reason": "says so", **changes}
    response = await client.post(f"/v1/cases/{case_id}/holds", json=body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert await stager.said("hold.placed.v1") == []


@pytest.mark.parametrize("path", ["/v1/cases/no-such", "/v1/cases/no-such/why"])
async def test_an_unknown_case_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await get(client, path, 404))["code"] == "not_found"


async def test_an_unknown_stage_is_refused(client: httpx.AsyncClient) -> None:
    assert (await get(client, "/v1/cases?stage=S9", 422))["code"] == "bad_request"


async def test_no_route_answers_without_a_token(client: httpx.AsyncClient) -> None:
    for path in ("/v1/cases", "/v1/cases/x", "/v1/cases/x/why"):
        assert (await client.get(path, headers={"Authorization": ""})).status_code == 401
