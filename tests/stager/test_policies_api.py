"""Policies over REST: written by one, approved and activated by another, in force everywhere without a restart."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from spine.http import create_api
from spine.policy import read_rule_files
from stager.app import build
from stager.domain.team import Member, Role
from stager.gate import Gate
from stager.store.team import save_member
from tests.stager.conftest import MESSAGES_ONLY
from tests.stager.figures import DUE_ON, loan_overdue
from tests.stager.stand import Stand

DAY = timedelta(days=1)
TOKEN = "t" * 32
TODAY = DUE_ON + 9 * DAY
STAGES = read_rule_files("stager", None)["stages-cn.yaml"]
STRATEGY = read_rule_files("stager", MESSAGES_ONLY)["strategy-cn.yaml"]


def other_side(request: httpx.Request) -> httpx.Response:
    """A notifier that knows the shipped templates and lets everything through but calls by machine."""
    if request.url.path == "/v1/templates":
        kinds = {"s1-warm-sms": "S1", "s1-soft-sms": "S1", "s2-soft-sms": "S2", "s3-formal-sms": "S3"}
        kinds["s4-formal-sms"] = "S4"
        listed = [(name, "sms", stage) for name, stage in kinds.items()]
        listed += [(f"s2-soft-wechat-{when}", "wechat", "S2") for when in ("morning", "evening")]
        return httpx.Response(
            200,
            json={
                "templates": [
                    {"id": id_, "channel": channel, "stage": stage, "languages": ["zh-CN"], "versions": [1]}
                    for id_, channel, stage in listed
                ]
            },
        )
    asked = json.loads(request.content)
    if asked["channel"] == "ai_call":
        rules = [{"id": "NO-MACHINES", "verdict": "deny", "citation": "people call"}]
        return httpx.Response(200, json={"verdict": "deny", "rules": rules})
    return httpx.Response(200, json={"verdict": "allow", "rules": []})


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    stager.set_time(stager.local(TODAY, 9))
    async with stager.runtime.transaction() as tx:
        for member_id, role in (("ann", Role.ANALYST), ("bob", Role.COMPLIANCE), ("cid", Role.LEAD)):
            await save_member(tx, Member(member_id, frozenset({role})))
        await save_member(tx, Member("dan", frozenset({Role.COLLECTOR})))
    gate = Gate("http://notifier", lambda: TOKEN, transport=httpx.MockTransport(other_side))
    stager.service.state["gate"] = gate
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as made:
        yield made
    await gate.aclose()


def stages(since: date = TODAY, *, version: int = 2, bound: int = 30, name: str = "stages-cn") -> str:
    text = STAGES.replace("version: 1", f"version: {version}").replace("2020-01-01", since.isoformat())
    text = text.replace("dpd_max: 30", f"dpd_max: {bound}").replace("dpd_min: 31", f"dpd_min: {bound + 1}")
    text = text.replace("dpd: 30, stage: S1", f"dpd: {bound}, stage: S1").replace(
        "name: stages-cn", f"name: {name}"
    )
    return text.replace("dpd: 31, stage: S2", f"dpd: {bound + 1}, stage: S2")


async def draft(
    client: httpx.AsyncClient, text: str, *, file: str = "stages-cn.yaml", by: str = "ann"
) -> str:
    response = await client.post("/v1/policies", json={"file": file, "text": text, "by": by})
    assert response.status_code == 201, response.text
    return str(response.json()["draft_id"])


async def act(
    client: httpx.AsyncClient, draft_id: str, what: str, status: int, by: str = "bob", **more: str
) -> Any:
    response = await client.post(f"/v1/policies/{draft_id}/{what}", json={"by": by, **more})
    assert response.status_code == status, response.text
    return response.json()


async def activate(client: httpx.AsyncClient, text: str, *, file: str = "stages-cn.yaml") -> str:
    draft_id = await draft(client, text, file=file)
    await act(client, draft_id, "approve", 200)
    await act(client, draft_id, "activate", 200, by="cid")
    return draft_id


async def in_force(client: httpx.AsyncClient, on: date, kind: str = "stages") -> list[tuple[str, int]]:
    response = await client.get("/v1/policies/in-force", params={"on": on.isoformat()})
    items = [item for item in response.json()["items"] if item["kind"] == kind]
    return [(item["name"], item["version"]) for item in items if not item["scope"]]


async def test_two_people_put_a_version_into_force(client: httpx.AsyncClient) -> None:
    draft_id = await draft(client, stages())
    assert (await act(client, draft_id, "activate", 409))["code"] == "not_a_draft"
    assert (await act(client, draft_id, "approve", 403, by="dan"))["code"] == "not_allowed"
    approved = await act(client, draft_id, "approve", 200)
    assert (approved["status"], approved["drafted_by"], approved["approved_by"]) == ("approved", "ann", "bob")
    assert await in_force(client, TODAY) == [("stages-cn", 1)]
    active = await act(client, draft_id, "activate", 200, by="cid")
    assert (active["status"], active["effective_from"], active["revision"]) == (
        "active",
        TODAY.isoformat(),
        1,
    )
    assert await in_force(client, TODAY) == [("stages-cn", 2)]
    assert await in_force(client, TODAY - DAY) == [("stages-cn", 1)]
    assert (await act(client, draft_id, "withdraw", 409, reason="no"))["code"] == "not_a_draft"


async def test_nobody_checks_what_they_wrote(client: httpx.AsyncClient) -> None:
    draft_id = await draft(client, stages(), by="bob")
    assert (await act(client, draft_id, "approve", 409))["code"] == "same_person"
    await act(client, draft_id, "approve", 200, by="cid")
    assert (await act(client, draft_id, "activate", 409))["code"] == "same_person"
    response = await client.post("/v1/policies", json={"file": "stages-cn.yaml", "text": "x", "by": "dan"})
    assert response.status_code == 403
    response = await client.post("/v1/policies", json={"file": "stages-cn.yaml", "text": "x", "by": "eve"})
    assert (response.status_code, response.json()["code"]) == (403, "member_unknown")


@pytest.mark.parametrize(("days", "status"), [(-1, 409), (0, 200), (1, 200)])
async def test_a_version_takes_force_today_or_later(
    client: httpx.AsyncClient, days: int, status: int
) -> None:
    draft_id = await draft(client, stages(TODAY + days * DAY))
    await act(client, draft_id, "approve", 200)
    done = await act(client, draft_id, "activate", status, by="cid")
    assert done.get("code") == ("date_passed" if status == 409 else None)


async def test_every_fault_is_told_with_its_line_and_nothing_changes(client: httpx.AsyncClient) -> None:
    text = stages().replace("dpd_min: 61", "dpd_min: 60").replace("dpd_min: 91", "dpd_min: 95")
    lines = text.splitlines()
    draft_id = await draft(client, text)
    found = await act(client, draft_id, "check", 200)
    told = [(fault["file"], fault["line"]) for fault in found["faults"]]
    wrong = [
        next(n for n, line in enumerate(lines, 1) if bad in line) for bad in ("dpd_min: 60", "dpd_min: 95")
    ]
    assert (found["good"], told) == (False, [("stages-cn.yaml", line) for line in wrong])
    refused = await act(client, draft_id, "approve", 422)
    assert (refused["code"], len(refused["found"])) == ("bad_policy", 2)
    assert await in_force(client, TODAY) == [("stages-cn", 1)]
    for broken in ("a: [", " ", "name: stages-cn\n"):
        other = await draft(client, broken)
        assert not (await act(client, other, "check", 200))["good"]


async def test_a_draft_is_checked_among_what_is_in_force(client: httpx.AsyncClient) -> None:
    again = await draft(client, stages(version=1))
    [fault] = (await act(client, again, "check", 200))["faults"]
    assert "takes force after a later version" in fault["reason"]
    beside = await draft(client, stages(name="stages-other"))
    [fault] = (await act(client, beside, "check", 200))["faults"]
    assert "only one may be without a scope" in fault["reason"]
    assert "@" not in fault["reason"]
    scoped = stages(name="stages-cards") + "scope: {products: [card]}\n"
    assert (await act(client, await draft(client, scoped), "check", 200))["good"]
    # Two that are good each, but not together.
    one, other = await draft(client, stages(version=2)), await draft(client, stages(version=3))
    for each in (one, other):
        await act(client, each, "approve", 200)
    await act(client, one, "activate", 200, by="cid")
    assert (await act(client, other, "activate", 422, by="cid"))["code"] == "bad_policy"
    assert await in_force(client, TODAY) == [("stages-cn", 2)]


async def test_a_strategy_is_held_against_templates_and_contact_policy(client: httpx.AsyncClient) -> None:
    good = STRATEGY.replace("version: 1", "version: 2").replace("2020-01-01", TODAY.isoformat())
    bad = good.replace("template: s1-warm-sms", "template: s1-cold-sms")
    bad = bad.replace("template: s3-formal-sms", "template: s2-soft-sms", 1)
    bad += "    - {id: robot, channel: ai_call, template: s4-formal-sms, purpose: collection,"
    bad += " when: {from_day: 1, every_days: 1, slot: morning}}\n"
    assert (await act(client, await draft(client, good, file="strategy-cn.yaml"), "check", 200))[
        "faults"
    ] == []
    draft_id = await draft(client, bad, file="strategy-cn.yaml")
    reasons = [fault["reason"] for fault in (await act(client, draft_id, "check", 200))["faults"]]
    assert any("there is no template 's1-cold-sms'" in reason for reason in reasons)
    assert any("'s2-soft-sms' is for stage S2, not S3" in reason for reason in reasons)
    assert any("is for channel sms, not ai_call" in reason for reason in reasons)
    assert any("robot: no contact policy in CN ever allows it" in reason for reason in reasons)
    await act(client, draft_id, "approve", 200)
    assert (await act(client, draft_id, "activate", 422, by="cid"))["code"] == "bad_policy"


async def test_without_the_notifier_no_strategy_is_activated(
    client: httpx.AsyncClient, stager: Stand
) -> None:
    text = STRATEGY.replace("version: 1", "version: 2").replace("2020-01-01", TODAY.isoformat())
    draft_id = await draft(client, text, file="strategy-cn.yaml")
    app = create_api(build(stager.runtime), stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://stager", headers=client.headers
    ) as alone:
        checked = await act(alone, draft_id, "check", 200)
        assert checked["good"] and "were not asked" in checked["notes"][0]
        await act(alone, draft_id, "approve", 200)
        assert (await act(alone, draft_id, "activate", 503, by="cid"))["code"] == "unavailable"
    await act(client, draft_id, "activate", 200, by="cid")


async def test_an_edit_has_to_be_approved_anew(client: httpx.AsyncClient) -> None:
    draft_id = await draft(client, stages())
    await act(client, draft_id, "approve", 200)
    edit = {"text": stages(bound=29), "by": "ann"}
    response = await client.put(f"/v1/policies/{draft_id}", json=edit, headers={"If-Match": '"2"'})
    assert (response.status_code, response.json()["code"]) == (409, "edited_meanwhile")
    response = await client.put(f"/v1/policies/{draft_id}", json=edit, headers={"If-Match": '"1"'})
    assert (response.json()["status"], response.json()["approved_by"]) == ("draft", None)
    assert response.headers["etag"] == '"2"'
    assert (await act(client, draft_id, "activate", 409, by="cid"))["code"] == "not_a_draft"
    shown = (await client.get(f"/v1/policies/{draft_id}/diff")).json()
    assert shown["rival"].startswith("stages-cn@1:")
    assert "-  - {id: S1, dpd_min: 1, dpd_max: 30, purpose: warm reminder}" in shown["diff"]
    assert "+  - {id: S1, dpd_min: 1, dpd_max: 29, purpose: warm reminder}" in shown["diff"]


async def test_a_draft_is_withdrawn_and_listed_as_such(client: httpx.AsyncClient) -> None:
    kept, gone = await draft(client, stages()), await draft(client, stages())
    assert (await act(client, gone, "withdraw", 403, by="dan", reason="mine"))["code"] == "not_allowed"
    await act(client, gone, "withdraw", 200, by="ann", reason="mistaken")
    listed = (await client.get("/v1/policies", params={"status": "withdrawn"})).json()["items"]
    assert [(item["draft_id"], item["withdrawn_for"]) for item in listed] == [(gone, "mistaken")]
    first = (await client.get("/v1/policies", params={"limit": 1})).json()
    second = (await client.get("/v1/policies", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert {first["items"][0]["draft_id"], second["items"][0]["draft_id"]} == {kept, gone}
    assert second["next_cursor"] is None
    assert (await act(client, gone, "approve", 409))["code"] == "not_a_draft"
    assert (await client.get("/v1/policies/unknown")).status_code == 404


async def test_the_same_key_drafts_once(client: httpx.AsyncClient) -> None:
    body = {"file": "stages-cn.yaml", "text": stages(), "by": "ann"}
    made = [await client.post("/v1/policies", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [response.status_code for response in made] == [201, 200]
    other = await client.post("/v1/policies", json={**body, "text": "else"}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 409
    wrong = await client.post("/v1/policies", json={**body, "file": "notes.yaml"})
    assert wrong.status_code == 422


async def test_a_running_worker_takes_it_up(client: httpx.AsyncClient, stager: Stand) -> None:
    # Another process than the one that is asked to activate.
    worker = Stand(stager.runtime, build(stager.runtime))
    await worker.tell(loan_overdue(as_of=DUE_ON + DAY))
    await worker.close(DUE_ON)
    stager.set_time(stager.local(TODAY, 9))
    await activate(client, stages(TODAY + DAY, bound=10))
    await worker.close(TODAY - DAY)
    assert [entry["to"] for entry in await worker.said("stage.entered.v1")] == ["S1"]
    await worker.close(TODAY)
    assert [entry["to"] for entry in await worker.said("stage.entered.v1")] == ["S1"]
    # On its day 11 days past due are S2, though the loan was not to be looked at before day 31.
    await worker.close(TODAY + DAY)
    entered = (await worker.said("stage.entered.v1"))[-1]
    assert (entered["to"], entered["dpd"], str(entered["policy"])[:12]) == ("S2", 11, "stages-cn@2:")


async def test_next_stage_leaves_running_loans_to_the_old_version(
    client: httpx.AsyncClient, stager: Stand
) -> None:
    worker = Stand(stager.runtime, build(stager.runtime))
    await worker.tell(loan_overdue(as_of=DUE_ON + DAY))
    await worker.close(DUE_ON)
    stager.set_time(stager.local(TODAY, 9))
    await activate(client, stages(TODAY + DAY, bound=10) + "moves: next_stage\n")
    await worker.close(TODAY + 2 * DAY)
    await worker.tell(loan_overdue(loan_id="L2", borrower_id="B2", as_of=DUE_ON + DAY))
    await worker.close(TODAY + 3 * DAY)
    entered = [(entry["loan_id"], entry["to"]) for entry in await worker.said("stage.entered.v1")]
    # L1 is in S1 under the version of then; L2, new, is judged by the one in force.
    assert entered == [("L1", "S1"), ("L2", "S2")]
