"""Contacts reported over REST: once per idempotency key, and what was said in them becomes an event."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.contact_log.building import MakeDatabase, contact_log, report
from tests.runtimes import emitted


async def post(client: httpx.AsyncClient, key: str | None, body: dict[str, Any]) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post("/v1/contacts", json=body, headers=headers)


async def test_a_key_stands_for_one_contact(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        first = await post(client, "k-1", report())
        again = await post(client, "k-1", report())
        other = await post(client, "k-1", report(outcome="busy"))
        elsewhere = await post(client, "k-1", report(borrower_id="b-2"))
        fresh = await post(client, "k-2", report())
        assert [r.status_code for r in (first, again, other, elsewhere, fresh)] == [201, 200, 409, 409, 201]
        assert first.json() == again.json() != fresh.json()
        assert other.json()["code"] == "idempotency_key_reused"
        assert len(await emitted(runtime)) == 2


async def test_the_same_report_sent_many_times_at_once_is_one_contact(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        replies = await asyncio.gather(*(post(client, "k-1", report()) for _ in range(6)))
        assert sorted(r.status_code for r in replies) == [200] * 5 + [201]
        assert len(await emitted(runtime)) == 1


async def test_one_key_for_two_borrowers_at_once_is_one_contact(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        bodies = [report(borrower_id=f"b-{n}") for n in range(4)]
        replies = await asyncio.gather(*(post(client, "k-1", body) for body in bodies))
        assert sorted(r.status_code for r in replies) == [201, 409, 409, 409]
        assert len(await emitted(runtime)) == 1


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("no_answer", []),
        ("conversation", []),
        ("promise", []),
        ("dispute", ["dispute.raised.v1"]),
        ("paid_claim", ["payment.claimed.v1"]),
    ],
)
async def test_what_was_said_becomes_an_event(
    make_database: MakeDatabase, outcome: str, said: list[str]
) -> None:
    async with contact_log(make_database) as (runtime, client):
        reply = await post(client, "k-1", report(outcome=outcome, direction="inbound"))
        events = await emitted(runtime)
        assert [type_ for type_, _ in events] == ["contact.recorded.v1", *said]
        assert {data["contact_id"] for _, data in events} == {reply.json()["contact_id"]}
        assert {(data["borrower_id"], data["loan_id"]) for _, data in events} == {("b-1", "l-1")}


async def test_a_note_stays_in_the_log(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        await post(client, "k-1", report(note="asks for a plan", outcome="conversation"))
        (item,) = (await client.get("/v1/borrowers/b-1/timeline")).json()["items"]
        assert (item["note"], item["reported_by"], item["message_id"]) == ("asks for a plan", "agent-7", None)
        assert "note" not in (await emitted(runtime))[0][1]
        assert "request_sha256" not in item


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outcome": "shouted"}, "bad_request"),
        ({"channel": "telex"}, "bad_request"),
        ({"mood": "good"}, "bad_request"),
        ({"at": "2026-11-23T11:58:00"}, "bad_request"),
        ({"at": "0001-01-01T00:00:00+23:00"}, "bad_request"),
        ({"borrower_id": "b\x00"}, "bad_request"),
        ({"by": "agent seven"}, "bad_request"),
        ({"at": "2026-11-23T12:02:00+08:00"}, "not_yet"),
        ({"outcome": "dispute", "loan_id": None}, "loan_required"),
        ({"note": "call 13800138000"}, "personal_data"),
    ],
)
async def test_a_bad_report_is_refused_and_leaves_nothing(
    make_database: MakeDatabase, changes: dict[str, Any], code: str
) -> None:
    async with contact_log(make_database) as (runtime, client):
        reply = await post(client, "k-1", report(**changes))
        assert (reply.status_code, reply.json()["code"]) == (422, code)
        assert await emitted(runtime) == []
        assert (await client.get("/v1/borrowers/b-1/timeline")).status_code == 404


async def test_a_report_without_a_key_is_refused(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (_, client):
        assert (await post(client, None, report())).status_code == 422
        assert (await post(client, "", report())).status_code == 422


async def test_nothing_is_told_without_a_token(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (_, client):
        client.headers.pop("Authorization")
        assert (await post(client, "k-1", report())).status_code == 401
        assert (await client.get("/v1/contacts")).status_code == 401
