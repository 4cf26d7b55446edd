"""Permits: the gate and the budget of messages, for calls and visits that people make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from notifier.store import attempts
from spine.events.contact_log import ContactRecorded, DangerReported, ThirdPartyRefused, WrongNumberReported
from spine.events.parties import ContactPoint
from spine.events.registry import Event
from spine.http import create_api
from tests.notifier.test_hold_kinds import placed
from tests.notifier.world import NOON, World, borrower, cured
from tests.runtimes import emitted

Make = Callable[..., Awaitable[World]]
TOKEN = "t" * 40


@asynccontextmanager
async def door(it: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_api(it.service, it.runtime, token=TOKEN))
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier", headers=headers) as client:
        yield client


def wanted(**changes: Any) -> dict[str, Any]:
    """A call about loan L1 in stage S3, where no house rule counts calls."""
    given = {
        "borrower_id": "B1",
        "loan_id": "L1",
        "channel": "call",
        "purpose": "collection",
        "stage": "S3",
        "by": "agent-7",
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


async def ready(world: Make, **changes: Any) -> World:
    it = await world(fresh_within_s=60.0, **changes)
    await it.ready(("L1", "B1"))
    return it


async def ask(client: httpx.AsyncClient, key: str | None = None, **changes: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post("/v1/permits", json=wanted(**changes), headers=headers)


async def check(client: httpx.AsyncClient, **changes: Any) -> list[str]:
    """The verdict of a check and the rules of it."""
    reply = await client.post("/v1/permits/check", json=wanted(**changes))
    assert reply.status_code == 200
    return [reply.json()["verdict"], *(rule["id"] for rule in reply.json()["rules"])]


async def history_of(it: World) -> list[tuple[str, str]]:
    async with it.runtime.transaction() as tx:
        found = await attempts.history_of(tx, ["B1"])
    return [(contact.channel, contact.outcome) for _, contact in found.get("B1", [])]


async def told(it: World) -> list[str]:
    return [type_ for type_, _ in await emitted(it.runtime) if type_.startswith("permit.")]


def recorded(permit_id: str | None, outcome: str = "conversation", contact_id: str = "C1") -> ContactRecorded:
    return ContactRecorded(
        borrower_id="B1",
        contact_id=contact_id,
        channel="call",
        direction="outbound",
        outcome=outcome,
        at=NOON,
        loan_id="L1",
        permit_id=permit_id,
    )


async def test_a_granted_permit_is_told_and_counts_as_a_conversation_until_it_is_reported(
    world: Make,
) -> None:
    it = await ready(world)
    async with door(it) as client:
        replies = [await ask(client) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [201, 201, 201, 200]
    first, last = replies[0].json(), replies[3].json()
    assert (first["verdict"], first["granted"], first["valid_until"]) == (
        "allow",
        True,
        "2026-11-24T04:30:00Z",
    )
    assert (last["granted"], last["verdict"], last["until"]) == (False, "defer", "2026-11-25T08:00:00+08:00")
    assert [rule["id"] for rule in last["rules"]] == ["CN-F1"]
    assert await told(it) == ["permit.granted.v1"] * 3 + ["permit.refused.v1"]
    [fact] = [fact for type_, fact in await emitted(it.runtime) if type_ == "permit.refused.v1"]
    assert (fact["until"], fact["by"]) == ("2026-11-25T00:00:00Z", "agent-7")
    assert await history_of(it) == [("call", "unknown")] * 3


async def test_a_check_reserves_nothing_and_keeps_nothing(world: Make) -> None:
    it = await ready(world)
    async with door(it) as client:
        for _ in range(5):
            assert await check(client) == ["allow"]
    assert await told(it) == [] and await history_of(it) == []


async def test_a_permit_and_a_message_share_the_touches_of_a_day(world: Make) -> None:
    it = await ready(world)
    async with door(it) as client:
        for _ in range(3):
            assert (await ask(client)).status_code == 201
    for number in range(3):
        await it.request(f"R{number}", "L1", "B1")
    await it.tick()
    await it.send()
    # Three calls and two texts are five touches; the third text has to wait.
    assert sorted(await it.words()) == ["accepted", "accepted", "deferred"]


@pytest.mark.parametrize(
    ("outcome", "counts", "fourth"),
    [("not_made", False, 201), ("no_answer", True, 201), ("conversation", True, 200)],
)
async def test_an_outcome_releases_or_keeps_the_place(
    world: Make, outcome: str, counts: bool, fourth: int
) -> None:
    it = await ready(world)
    async with door(it) as client:
        permits = [(await ask(client)).json()["permit_id"] for _ in range(3)]
        path = f"/v1/permits/{permits[0]}/outcome"
        replies = [await client.post(path, json={"outcome": outcome, "by": "agent-7"}) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [200, 200]
        assert replies[0].json() == replies[1].json()
        assert replies[0].json()["counts"] is counts
        other = await client.post(path, json={"outcome": "busy", "by": "agent-7"})
        assert (other.status_code, other.json()["code"]) == (409, "reported_otherwise")
        assert (await ask(client)).status_code == fourth


async def test_an_outcome_needs_a_permit_that_was_granted(world: Make) -> None:
    it = await ready(world)
    body = {"outcome": "busy", "by": "agent-7"}
    async with door(it) as client:
        refused = (await ask(client, loan_id="L9")).json()["permit_id"]
        assert (await client.post(f"/v1/permits/{refused}/outcome", json=body)).json()[
            "code"
        ] == "not_granted"
        assert (await client.post("/v1/permits/none/outcome", json=body)).status_code == 404
        wrong = await client.post(f"/v1/permits/{refused}/outcome", json={**body, "outcome": "shouted"})
        assert wrong.status_code == 422


@pytest.mark.parametrize("reported_first", [True, False, None])
async def test_the_contact_on_record_replaces_its_permit_and_counts_once(
    world: Make, reported_first: bool | None
) -> None:
    it = await ready(world)
    async with door(it) as client:
        permit_id = (await ask(client)).json()["permit_id"]
        report = client.post(
            f"/v1/permits/{permit_id}/outcome", json={"outcome": "conversation", "by": "agent-7"}
        )
        if reported_first:
            await report
        await it.take(recorded(permit_id), recorded(permit_id))
        if reported_first is False:
            await report
        elif reported_first is None:
            report.close()
        assert await history_of(it) == [("call", "conversation")]
        # A second contact under the same permit is another one.
        await it.take(recorded(permit_id, "no_answer", "C2"))
        assert sorted(await history_of(it)) == [("call", "conversation"), ("call", "no_answer")]


async def test_a_contact_recorded_under_a_permit_given_back_counts_all_the_same(world: Make) -> None:
    it = await ready(world)
    async with door(it) as client:
        permit_id = (await ask(client)).json()["permit_id"]
        await client.post(f"/v1/permits/{permit_id}/outcome", json={"outcome": "not_made", "by": "agent-7"})
    assert await history_of(it) == []
    await it.take(recorded(permit_id))
    assert await history_of(it) == [("call", "conversation")]


async def test_a_key_stands_for_one_permit(world: Make) -> None:
    it = await ready(world)
    await it.ready(("L2", "B2"))
    async with door(it) as client:
        replies = await asyncio.gather(*(ask(client, "k-1") for _ in range(4)))
        assert sorted(reply.status_code for reply in replies) == [200, 200, 200, 201]
        assert len({reply.json()["permit_id"] for reply in replies}) == 1
        assert all(reply.json()["granted"] for reply in replies)
        digests = {str(reply.json()["policy"]) for reply in replies}
        assert len(digests) == 1 and "cn-house" in digests.pop()
        assert (await ask(client, "k-1", by="agent-8")).status_code == 409
        assert (await ask(client, "k-1", borrower_id="B2", loan_id="L2")).status_code == 409
    assert await told(it) == ["permit.granted.v1"]


async def test_permits_asked_for_at_once_do_not_exceed_the_cap(world: Make) -> None:
    it = await ready(world)
    async with door(it) as client:
        replies = await asyncio.gather(*(ask(client) for _ in range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] * 5 + [201] * 3


@pytest.mark.parametrize(
    ("events", "rule"),
    [
        ((cured("L1", "B1"),), "FENCE-arrears"),
        ((placed("dispute"),), "HOLD-dispute"),
        ((placed("complaint_open"),), "HOLD-complaint_open"),
        ((placed("vulnerable"),), None),
        ((DangerReported(borrower_id="B1", contact_id="C1", at=NOON, sign="threat"),), None),
        ((WrongNumberReported(borrower_id="B1", contact_id="C1", at=NOON),), "HOLD-wrong_number"),
    ],
)
async def test_what_closes_messages_closes_calls_as_its_kind_says(
    world: Make, events: tuple[Event, ...], rule: str | None
) -> None:
    it = await ready(world)
    for event in events:
        await it.take(event, seq=2)
    expected = ["allow"] if rule is None else ["deny", rule]
    async with door(it) as client:
        assert await check(client) == expected
        assert (await ask(client)).status_code == (201 if rule is None else 200)
    assert await told(it) == ["permit.granted.v1" if rule is None else "permit.refused.v1"]


async def test_a_machine_may_not_call_a_vulnerable_person(world: Make) -> None:
    it = await ready(world)
    await it.take(placed("vulnerable"))
    async with door(it) as client:
        assert await check(client, channel="ai_call") == ["deny", "HOLD-vulnerable"]


async def test_stale_news_an_unknown_loan_or_person_and_a_stopped_channel_permit_nothing(world: Make) -> None:
    it = await ready(world)
    await it.overdue("L3", "B3")
    async with door(it) as client:
        assert await check(client, loan_id="L9") == ["deny", "FENCE-arrears"]
        assert await check(client, borrower_id="B3", loan_id="L3") == ["deny", "NO-PERSON"]
        assert (await ask(client, borrower_id="B3", loan_id="L3")).status_code == 200
        other = await client.post("/v1/permits/check", json=wanted(loan_id="L3"))
        assert (other.status_code, other.json()["code"]) == (422, "loan_of_another")
        await client.post("/v1/kill-switch", json={"action": "stop", "channel": "call", "by": "lead-1"})
        assert await check(client) == ["deny", "FENCE-kill_switch"]
        assert await check(client, channel="visit") == ["deny", "CN-V1", "HOUSE-VISIT-NOTICE"]
        async with it.runtime.transaction() as tx:
            await tx.execute("UPDATE freshness SET at = at - interval '90 s' WHERE topic = 'stager.v1'")
        assert await check(client, channel="visit") == ["deny", "FENCE-stale"]


async def test_a_visit_needs_two_and_notice_the_day_before(world: Make) -> None:
    it = await ready(world)
    visit = {"channel": "visit", "agents": ["agent-7", "agent-8"]}
    yesterday, today = ((NOON - timedelta(days=d)).isoformat() for d in (1, 0))
    async with door(it) as client:
        assert await check(client, **visit, visit_notice_at=yesterday) == ["allow"]
        assert await check(client, **visit, visit_notice_at=today) == ["defer", "HOUSE-VISIT-NOTICE"]
        alone = {**visit, "agents": ["agent-7"]}
        assert await check(client, **alone, visit_notice_at=yesterday) == ["deny", "CN-V1"]


async def test_house_rules_of_the_first_stages_hold_for_permits(world: Make) -> None:
    it = await ready(world)
    await it.request("R1", "L1", "B1")
    await it.send()
    async with door(it) as client:
        assert await check(client, stage="S1") == ["defer", "HOUSE-S1-AFTER-SMS"]
        it.at(NOON + timedelta(hours=2))
        assert (await ask(client, stage="S1")).status_code == 201
        assert await check(client, stage="S1") == ["defer", "HOUSE-S1-CALLS"]
        # The reservation may become a conversation, and S2 has one a day and debt.
        assert await check(client, stage="S2") == ["defer", "HOUSE-S2-CONVERSATIONS"]
        it.at(NOON + timedelta(hours=11))
        assert (await check(client))[:2] == ["defer", "CN-T1"]


async def test_a_number_for_calls_is_used_before_that_for_texts_and_one_that_reaches_nobody_is_not(
    world: Make,
) -> None:
    it = await world(fresh_within_s=60.0)
    points = (
        ContactPoint(id="text", channel="sms", address="13800138000", consent="given"),
        ContactPoint(id="voice", channel="call", address="13900139000", consent="given"),
    )
    await it.take(borrower("B1", contact_points=points))
    await it.overdue("L1", "B1")
    await it.tick()
    async with it.runtime.transaction() as tx:
        rows = await tx.execute("SELECT point_id, ref FROM contact_point")
        refs = {row.point_id: row.ref for row in rows}
    async with door(it) as client:
        assert (await ask(client)).json()["contact_ref"] == refs["voice"]
        wrong = WrongNumberReported(borrower_id="B1", contact_id="C1", at=NOON, contact_ref=refs["voice"])
        await it.take(wrong)
        assert (await ask(client)).json()["contact_ref"] == refs["text"]
        assert await check(client, contact_ref=refs["voice"]) == ["deny", "HOLD-wrong_number"]
        unknown = await client.post("/v1/permits/check", json=wanted(contact_ref="none"))
        assert unknown.status_code == 422


async def test_someone_else_is_asked_for_location_alone_and_never_after_a_refusal(world: Make) -> None:
    it = await ready(world)
    tries = [recorded(None, "no_answer", f"C{n}") for n in range(3)]
    party = {"id": "P9", "kind": "unrelated_third_party"}
    async with door(it) as client:
        assert await check(client, party=party, purpose="location_only") == ["deny", "CN-P2"]
        await it.take(*tries)
        assert await check(client, party=party, purpose="location_only") == ["allow"]
        assert await check(client, party=party) == ["deny", "CN-P2"]
        await it.take(ThirdPartyRefused(borrower_id="B1", party_id="P9", contact_id="C9", at=NOON))
        assert await check(client, party=party, purpose="location_only") == ["deny", "CN-P2"]
        spouse = {"id": "P9", "kind": "spouse"}
        assert await check(client, party=spouse, purpose="location_only") == ["deny", "CN-P2-REFUSED"]
        same = await client.post("/v1/permits/check", json=wanted(party={"id": "B1", "kind": "spouse"}))
        assert same.status_code == 422


async def test_a_permit_tells_why_and_comes_out_the_same_again(world: Make) -> None:
    it = await ready(world)
    async with door(it) as client:
        granted = (await ask(client)).json()["permit_id"]
        refused = (await ask(client, loan_id="L9")).json()["permit_id"]
        [why] = (await client.get(f"/v1/permits/{granted}/why")).json()["decisions"]
        assert (why["verdict"], why["agrees"]) == ("allow", True)
        [fence] = (await client.get(f"/v1/permits/{refused}/why")).json()["decisions"]
        assert (fence["agrees"], [rule["id"] for rule in fence["rules"]]) == (None, ["FENCE-arrears"])
        assert (await client.get("/v1/permits/none/why")).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [{"channel": "sms"}, {"channel": "pigeon"}, {"by": "agent seven"}, {"stage": "S9"}, {"mood": "good"}],
)
async def test_a_request_of_another_shape_is_refused(world: Make, changes: dict[str, Any]) -> None:
    it = await ready(world)
    async with door(it) as client:
        assert (await ask(client, **changes)).status_code == 422
    assert await told(it) == []


async def test_a_permit_nobody_reports_stays_counted_and_is_told_once(world: Make) -> None:
    it = await ready(world)
    async with door(it) as client:
        permit_id = (await ask(client)).json()["permit_id"]
        until = NOON + timedelta(minutes=30)
        for minutes, count in ((59, 0), (60, 1), (61, 1)):
            it.at(until + timedelta(minutes=minutes))
            await it.schedule("silent-permits").run()
            assert (await told(it)).count("permit.unreported.v1") == count
    assert await history_of(it) == [("call", "unknown")]
    [fact] = [fact for type_, fact in await emitted(it.runtime) if type_ == "permit.unreported.v1"]
    assert (fact["permit_id"], fact["by"]) == (permit_id, "agent-7")


@pytest.mark.parametrize("by_log", [False, True])
async def test_a_permit_that_was_reported_or_is_on_record_is_not_asked_after(
    world: Make, by_log: bool
) -> None:
    it = await ready(world)
    async with door(it) as client:
        permit_id = (await ask(client)).json()["permit_id"]
        if by_log:
            await it.take(recorded(permit_id))
        else:
            body = {"outcome": "no_answer", "by": "agent-7"}
            await client.post(f"/v1/permits/{permit_id}/outcome", json=body)
    it.at(NOON + timedelta(hours=3))
    assert await it.schedule("silent-permits").run() == 0
