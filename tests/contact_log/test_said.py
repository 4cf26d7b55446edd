"""What was said in a contact becomes an event once, wherever the contact was told: a report, a task, a permit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import pytest

from contact_log.handlers import keep_told
from spine.database import Runtime
from spine.events.notifier import FiredRule, PermitFact, PermitGranted, PermitRefused
from spine.events.registry import Event
from spine.events.tasks import TaskClosed
from tests.contact_log.building import NOON, MakeDatabase, contact_log, report
from tests.runtimes import emitted, received

PROMISE = {"amount": "3259.52", "promised_on": "2026-11-27"}


async def post(client: httpx.AsyncClient, key: str, **changes: Any) -> httpx.Response:
    return await client.post("/v1/contacts", json=report(**changes), headers={"Idempotency-Key": key})


async def take(runtime: Runtime, *events: Event) -> None:
    batch = [received(event, id=f"e-{number}") for number, event in enumerate(events)]
    await runtime.run(lambda tx: keep_told(tx, batch))


def closed(task_id: str = "t-1", **changes: Any) -> TaskClosed:
    """A call task that ended with a conversation, recorded."""
    given: dict[str, Any] = {
        "borrower_id": "b-1",
        "loan_id": "l-1",
        "case_id": "c-1",
        "task_id": task_id,
        "kind": "call",
        "end": "done",
        "closed_at": NOON,
        "by": ("agent-7",),
        "channel": "call",
        "outcome": "conversation",
        "at": NOON,
        "stage": "S1",
        "permit_id": "p-1",
        "recording_ref": "rec-1",
    }
    return TaskClosed(**{**given, **changes})


def permit(cls: type[PermitFact], **changes: Any) -> PermitFact:
    given: dict[str, Any] = {
        "borrower_id": "b-1",
        "loan_id": "l-1",
        "permit_id": "p-1",
        "channel": "call",
        "purpose": "collection",
        "at": NOON,
        "by": "agent-7",
        "policy": "cn 1 0123456789ab",
    }
    return cls(**{**given, **changes})


async def timeline(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("/v1/borrowers/b-1/timeline")).json()["items"]
    return items


@pytest.mark.parametrize(
    ("changes", "type_", "told"),
    [
        (
            {"outcome": "promise", **PROMISE, "verified": True},
            "promise.made.v1",
            {**PROMISE, "verified": True},
        ),
        ({"outcome": "paid_claim", "amount": "10.00"}, "payment.claimed.v1", {"amount": "10.00"}),
        ({"outcome": "hardship"}, "hardship.reported.v1", {}),
        (
            {"outcome": "wrong_number", "contact_ref": "ref-1"},
            "wrong_number.reported.v1",
            {"contact_ref": "ref-1", "channel": "call"},
        ),
        (
            {"outcome": "refusal", "party_id": "b-1-spouse"},
            "third_party.refused.v1",
            {"party_id": "b-1-spouse"},
        ),
        ({"outcome": "death", "loan_id": None}, "death.reported.v1", {"loan_id": None}),
        ({"outcome": "complaint"}, "complaint.opened.v1", {}),
        ({"outcome": "danger", "sign": "self_harm"}, "danger.reported.v1", {"sign": "self_harm"}),
    ],
)
async def test_what_a_person_reports_is_told_once(
    make_database: MakeDatabase, changes: dict[str, Any], type_: str, told: dict[str, Any]
) -> None:
    async with contact_log(make_database) as (runtime, client):
        replies = [await post(client, "k-1", **changes) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [201, 200]
        (first, _), (second, data) = await emitted(runtime)
        assert (first, second) == ("contact.recorded.v1", type_)
        assert data["contact_id"] == replies[0].json()["contact_id"]
        assert {name: data.get(name) for name in told} == told


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcome": "promise", "amount": "10.00"}, "amount"),
        ({"outcome": "promise", "promised_on": "2026-11-27"}, "amount"),
        ({"outcome": "conversation", **PROMISE}, "promised_on"),
        ({"outcome": "conversation", "amount": "1.00"}, "amount"),
        ({"outcome": "refusal"}, "party_id"),
        ({"outcome": "conversation", "party_id": "x"}, "party_id"),
        ({"outcome": "danger"}, "sign"),
        ({"outcome": "death", "sign": "threat"}, "sign"),
    ],
)
async def test_what_does_not_fit_its_outcome_is_refused_by_field(
    make_database: MakeDatabase, changes: dict[str, Any], field: str
) -> None:
    async with contact_log(make_database) as (runtime, client):
        reply = await post(client, "k-1", **changes)
        assert (reply.status_code, reply.json()["code"]) == (422, "incomplete")
        assert reply.json()["field"] == field
        assert await emitted(runtime) == []


async def test_a_promise_only_mentioned_is_kept_and_promises_nothing(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        await post(client, "k-1", outcome="promise")
        assert [type_ for type_, _ in await emitted(runtime)] == ["contact.recorded.v1"]


async def test_a_call_a_task_asked_for_is_an_entry_once(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        await take(runtime, closed(), closed())
        await take(runtime, closed())
        (entry,) = await timeline(client)
        named = ("outcome", "reported_by", "task_id", "permit_id", "recording_ref", "flag", "stage")
        assert [entry[name] for name in named] == [
            "conversation",
            "agent-7",
            "t-1",
            "p-1",
            "rec-1",
            None,
            "S1",
        ]
        [(type_, told)] = await emitted(runtime)
        assert (type_, told["permit_id"], told["task_id"]) == ("contact.recorded.v1", "p-1", "t-1")


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"recording_ref": None}, "no_recording"),
        ({"recording_ref": None, "outcome": "not_verified"}, "no_recording"),
        ({"recording_ref": None, "outcome": "no_answer"}, None),
        ({"recording_ref": None, "channel": "visit", "kind": "visit"}, None),
        ({}, None),
    ],
)
async def test_a_call_in_which_someone_spoke_has_a_recording_or_a_flag(
    make_database: MakeDatabase, changes: dict[str, Any], flag: str | None
) -> None:
    async with contact_log(make_database) as (runtime, client):
        await take(runtime, closed(**changes))
        assert [entry["flag"] for entry in await timeline(client)] == [flag]


@pytest.mark.parametrize(
    "changes",
    [{"end": "cancelled"}, {"channel": None}, {"outcome": None}, {"at": None}],
)
async def test_a_task_without_a_contact_is_no_entry(
    make_database: MakeDatabase, changes: dict[str, Any]
) -> None:
    async with contact_log(make_database) as (runtime, client):
        await take(runtime, closed(**changes))
        assert await emitted(runtime) == []
        assert (await client.get("/v1/borrowers/b-1/timeline")).status_code == 404


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("dispute", ["dispute.raised.v1"]),
        ("paid_claim", ["payment.claimed.v1"]),
        ("death", ["death.reported.v1"]),
        ("self_harm", ["danger.reported.v1"]),
        ("promise", []),
        ("something else", []),
        (None, []),
    ],
)
async def test_what_came_of_a_task_is_told_where_it_matters(
    make_database: MakeDatabase, result: str | None, said: list[str]
) -> None:
    async with contact_log(make_database) as (runtime, _):
        await take(runtime, closed(result=result))
        assert [type_ for type_, _ in await emitted(runtime)] == ["contact.recorded.v1", *said]


async def test_the_contact_of_a_task_has_the_name_it_was_given(make_database: MakeDatabase) -> None:
    name = "0b8f7c1d-2e3a-5f1c-8b0e-2d384d0b9a63"
    async with contact_log(make_database) as (runtime, client):
        await take(runtime, closed(contact_id=name, result="dispute", verified=True))
        await take(runtime, closed("t-2", contact_id="none of a log"))
        assert {(e["contact_id"] == name, e["verified"]) for e in await timeline(client)} == {
            (False, False),
            (True, True),
        }
        assert [data["contact_id"] for _, data in await emitted(runtime)][:2] == [name, name]


async def test_a_permit_is_an_entry_with_its_reasons_and_no_contact(make_database: MakeDatabase) -> None:
    rule = FiredRule(id="HOUSE-S1-CALLS", verdict="defer", citation="house")
    until = datetime.fromisoformat("2026-11-25T00:00:00+08:00")
    async with contact_log(make_database) as (runtime, client):
        await take(
            runtime,
            permit(PermitGranted, permit_id="p-1"),
            permit(PermitRefused, permit_id="p-2", until=until, rules=(rule,)),
            permit(PermitRefused, permit_id="p-3"),
        )
        entries = {entry["permit_id"]: entry for entry in await timeline(client)}
        assert {name: entry["outcome"] for name, entry in entries.items()} == {
            "p-1": "permitted",
            "p-2": "deferred",
            "p-3": "denied",
        }
        assert [rule["id"] for rule in entries["p-2"]["rules"]] == ["HOUSE-S1-CALLS"]
        assert {type_ for type_, _ in await emitted(runtime)} == {"contact.recorded.v1"}


async def test_a_complaint_is_open_until_it_is_answered(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        complaint_id = (await post(client, "k-1", outcome="complaint")).json()["contact_id"]
        (opened,) = (await client.get("/v1/complaints", params={"open": True})).json()["items"]
        assert (opened["complaint_id"], opened["borrower_id"]) == (complaint_id, "b-1")
        path = f"/v1/complaints/{complaint_id}/close"
        answers = [await client.post(path, json={"by": by}) for by in ("agent-8", "agent-9")]
        assert [answer.json()["closed_by"] for answer in answers] == ["agent-8", "agent-8"]
        assert (await client.get("/v1/complaints", params={"open": True})).json()["items"] == []
        told = await emitted(runtime)
        assert [type_ for type_, _ in told].count("complaint.closed.v1") == 1
        assert told[-1][1]["complaint_id"] == complaint_id
        unknown = await client.post(
            f"/v1/complaints/{'0' * 8}-0000-4000-8000-{'0' * 12}/close", json={"by": "a"}
        )
        assert unknown.status_code == 404
