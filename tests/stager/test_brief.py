"""The brief before a conversation: figures with their lines, words that fit, and what may be done right now."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx

from spine.events.notifier import ContactRef, PartyChanged
from stager.books import Books
from stager.gate import Gate
from tests.stager.figures import DUE_ON, loan_cured, loan_overdue
from tests.stager.promising import paid, rest, team
from tests.stager.stand import Stand

DAY = timedelta(days=1)
TOKEN = "t" * 32
Answering = Callable[[httpx.Request], httpx.Response]


def ledger(request: httpx.Request) -> httpx.Response:
    """A ledger that explains any loan."""
    loan_id = request.url.path.split("/")[3]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    sentences = [f"{loan_id} {request.url.params['locale']} {request.url.params['as_of']}"]
    return httpx.Response(200, json={"loan_id": loan_id, "sentences": sentences})


def notifier(request: httpx.Request) -> httpx.Response:
    """A gate that lets calls wait and visits through."""
    asked = json.loads(request.content)
    assert asked["by"] == "anna"
    if asked["channel"] == "visit":
        return httpx.Response(200, json={"verdict": "allow", "rules": []})
    until = "2026-11-12T00:00:00Z"
    rule = {"id": "HOUSE-S1-2H", "verdict": "defer", "until": until, "citation": "two hours (house)"}
    return httpx.Response(200, json={"verdict": "defer", "until": until, "rules": [rule]})


def down(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@asynccontextmanager
async def door(
    stager: Stand, *, gate: Answering = notifier, books: Answering = ledger
) -> AsyncIterator[httpx.AsyncClient]:
    stager.service.state["gate"] = Gate("http://notifier", lambda: TOKEN, transport=httpx.MockTransport(gate))
    stager.service.state["books"] = Books(
        "http://ledger", lambda: TOKEN, transport=httpx.MockTransport(books)
    )
    async with rest(stager) as made:
        yield made


async def a_case(stager: Stand, days: int = 1, **party: Any) -> str:
    await team(stager, anna=["collector"], lea=["lead"])
    as_of = DUE_ON + days * DAY
    known: dict[str, Any] = {
        "locale": "zh-CN",
        "timezone": "Asia/Shanghai",
        "region": "CN-SH",
        "contact_points": (ContactRef(ref="r1", channel="sms", consent="given"),),
    }
    stager.set_time(stager.local(as_of, 0, 5))
    await stager.tell(PartyChanged(borrower_id="B1", **(known | party)))
    await stager.tell(loan_overdue(as_of=as_of))
    await stager.close(as_of - DAY)
    stager.set_time(stager.local(as_of, 9))
    [entered] = await stager.said("stage.entered.v1")
    return str(entered["case_id"])


async def brief(client: httpx.AsyncClient, case_id: str, **query: str) -> Any:
    answer = await client.get(f"/v1/cases/{case_id}/brief", params={"by": "anna", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_figures_come_with_their_lines_in_the_language_asked_for(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        shown = await brief(client, case_id, locale="en")
    [loan] = shown["loans"]
    assert loan["loan"]["overdue"]["total"] == "1001.35"
    assert loan["breakdown"] == {"loan_id": "L1", "sentences": ["L1 en 2026-11-11"]}
    assert loan["breakdown_detail"] is None
    assert shown["totals"] == {"CNY": "1001.35"}
    # Half of 1,001.35 is 500.675: a part is never less than its share.
    assert loan["bounds"]["smallest_part"] == "500.68"
    assert loan["bounds"]["promise_until_on"] == "2026-11-18"
    assert loan["bounds"]["plan_max_months"] == 12


async def test_what_may_be_done_is_the_gate_s_word(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        shown = await brief(client, case_id)
    call, visit = shown["may_now"]
    assert (call["channel"], call["verdict"], call["until"]) == ("call", "defer", "2026-11-12T00:00:00Z")
    assert call["rules"][0]["id"] == "HOUSE-S1-2H"
    assert (visit["channel"], visit["verdict"], visit["rules"]) == ("visit", "allow", [])


async def test_a_silent_gate_allows_nothing_and_a_silent_ledger_leaves_the_figures(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager, gate=down, books=down) as client:
        shown = await brief(client, case_id)
    assert [each["verdict"] for each in shown["may_now"]] == ["unknown", "unknown"]
    assert "is it up?" in shown["may_now"][0]["detail"]
    [loan] = shown["loans"]
    assert loan["breakdown"] is None
    assert "ledger" in loan["breakdown_detail"]
    assert loan["loan"]["overdue"]["total"] == "1001.35"


async def test_words_fit_the_stage_and_the_person(stager: Stand) -> None:
    case_id = await a_case(stager, segment={"occupation": "restaurant_owner"})
    async with door(stager) as client:
        zh, en = await brief(client, case_id), await brief(client, case_id, locale="en")
    assert zh["speech"]["words_of_stage"] == "S1"
    assert [point["id"] for point in zh["speech"]["points"]] == ["business-owner"]
    assert "生意" in zh["speech"]["points"][0]["text"]
    assert "business" in en["speech"]["points"][0]["text"]
    assert "本人" in zh["speech"]["right_party"][0]
    said = " ".join([zh["speech"]["aim"], *zh["speech"]["lines"]])
    assert not any(word in said for word in ("逾期", "罚息", "违约", "催收", "起诉", "律师"))
    assert zh["speech"]["offers"] == ["promise", "extension_3d", "plan"]


async def test_words_follow_the_mildest_loan_and_offers_the_severest(stager: Stand) -> None:
    case_id = await a_case(stager)
    old_due = DUE_ON - 40 * DAY
    await stager.tell(loan_overdue("L2", zero_on=old_due, as_of=DUE_ON + DAY))
    await stager.close(DUE_ON)
    stager.set_time(stager.local(DUE_ON + DAY, 9))
    async with door(stager) as client:
        shown = await brief(client, case_id)
    assert (shown["speech"]["words_of_stage"], shown["speech"]["effort_of_stage"]) == ("S1", "S2")
    assert "visit" in shown["speech"]["offers"]
    assert "several-loans" in [point["id"] for point in shown["speech"]["points"]]
    assert shown["totals"] == {"CNY": "2002.70"}


async def test_a_hold_here_speaks_before_the_gate_has_heard_of_it(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        placed = await client.post(
            f"/v1/cases/{case_id}/holds",
            json={"loan_id": "L1", "kind": "dispute", "reason": "says it is wrong", "by": "anna"},
        )
        assert placed.status_code == 201, placed.text
        shown = await brief(client, case_id)
    assert [each["verdict"] for each in shown["may_now"]] == ["deny", "deny"]
    assert shown["may_now"][0]["rules"][0]["id"] == "HOLD-dispute"
    assert [hold["kind"] for hold in shown["holds"]] == ["dispute"]


async def test_the_timeline_tells_the_newest_first_with_amounts_written_out(stager: Stand) -> None:
    case_id = await a_case(stager)
    await stager.at(stager.local(DUE_ON + DAY, 10))
    await stager.tell(paid(stager, "R1", "100.00", DUE_ON + DAY))
    stager.set_time(stager.local(DUE_ON + DAY, 16))
    async with door(stager) as client:
        shown = await brief(client, case_id)
        newest = await brief(client, case_id, events="1")
    happened = [each["what"] for each in shown["timeline"]]
    assert happened == ["money_received", "message", "stage_entered"]
    assert shown["timeline"][0]["detail"]["amount"] == "100.00"
    assert shown["timeline"][2]["detail"] == {"dpd": 1, "first_time": True, "to": "S1"}
    assert [each["what"] for each in newest["timeline"]] == ["money_received"]


async def test_a_case_that_is_over_has_a_brief_without_anything_to_say(stager: Stand) -> None:
    case_id = await a_case(stager)
    await stager.tell(loan_cured(as_of=DUE_ON + DAY))
    async with door(stager) as client:
        shown = await brief(client, case_id)
        assert (shown["speech"], shown["may_now"], shown["loans"]) == (None, [], [])
        unknown = await client.get("/v1/cases/none/brief", params={"by": "anna"})
        nobody = await client.get(f"/v1/cases/{case_id}/brief")
    assert unknown.status_code == 404
    assert nobody.status_code == 422
