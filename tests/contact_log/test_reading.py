"""What is on record is read newest first, page by page, without loss or repetition."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from spine.events.notifier import MessageAccepted
from tests.contact_log.building import NOON, MakeDatabase, contact_log, fact, keep, report


async def pages(
    client: httpx.AsyncClient, path: str, limit: int, **params: str
) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    found: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while True:
        asked = {**params, "limit": str(limit), **({"cursor": cursor} if cursor else {})}
        reply = await client.get(path, params=asked)
        assert reply.status_code == 200, reply.text
        found.append(reply.json()["items"])
        cursor = reply.json()["next_cursor"]
        if cursor is None:
            return found


async def test_a_timeline_is_newest_first_and_pages_do_not_overlap(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        # Told late, and several at one instant: order is by the contact's time, then by arrival.
        minutes = [5, 1, 1, 1, 9, 2, 2]
        await keep(
            runtime,
            [fact(MessageAccepted, f"m-{n}", at=NOON + timedelta(minutes=m)) for n, m in enumerate(minutes)],
        )
        expected = ["m-4", "m-0", "m-6", "m-5", "m-3", "m-2", "m-1"]
        for limit in (1, 2, 3, 7, 8):
            found = await pages(client, "/v1/borrowers/b-1/timeline", limit)
            assert [item["message_id"] for page in found for item in page] == expected
            assert all(0 < len(page) <= limit for page in found)
        assert (await client.get("/v1/borrowers/b-1/timeline")).json()["entries"] == 7


async def test_an_entry_that_comes_between_pages_does_not_shift_them(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        await keep(
            runtime, [fact(MessageAccepted, f"m-{n}", at=NOON + timedelta(minutes=n)) for n in range(4)]
        )
        first = (await client.get("/v1/borrowers/b-1/timeline", params={"limit": 2})).json()
        await keep(runtime, [fact(MessageAccepted, "m-9", at=NOON + timedelta(hours=1))], first_id=9)
        second = (
            await client.get(
                "/v1/borrowers/b-1/timeline", params={"limit": 2, "cursor": first["next_cursor"]}
            )
        ).json()
        assert [i["message_id"] for i in first["items"] + second["items"]] == ["m-3", "m-2", "m-1", "m-0"]


async def test_contacts_are_found_by_borrower_channel_and_time(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        await keep(
            runtime,
            [
                fact(MessageAccepted, "a", borrower_id="b-1", channel="sms", at=NOON),
                fact(MessageAccepted, "b", borrower_id="b-2", channel="wechat", at=NOON + timedelta(hours=1)),
                fact(MessageAccepted, "c", borrower_id="b-1", channel="wechat", at=NOON + timedelta(hours=2)),
            ],
        )

        async def ids(**params: str) -> list[str]:
            found = await pages(client, "/v1/contacts", 2, **params)
            return [item["message_id"] for page in found for item in page]

        hour_1, hour_2 = (str(NOON + timedelta(hours=n)).replace(" ", "T") for n in (1, 2))
        assert await ids() == ["c", "b", "a"]
        assert await ids(borrower_id="b-1") == ["c", "a"]
        assert await ids(channel="wechat") == ["c", "b"]
        assert await ids(**{"from": hour_1, "to": hour_2}) == ["b"]
        assert await ids(borrower_id="b-1", **{"from": hour_1}) == ["c"]
        assert await ids(borrower_id="b-9") == []


async def test_counts_are_by_channel_direction_and_outcome(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        await keep(runtime, [fact(MessageAccepted, f"m-{n}") for n in range(3)])
        await client.post("/v1/contacts", json=report(), headers={"Idempotency-Key": "k"})
        day = {"from": "2026-11-23T00:00:00+08:00", "to": "2026-11-24T00:00:00+08:00"}
        assert (await client.get("/v1/contacts/counts", params=day)).json()["items"] == [
            {"channel": "call", "direction": "outbound", "outcome": "no_answer", "count": 1},
            {"channel": "sms", "direction": "outbound", "outcome": "accepted", "count": 3},
        ]
        year = {"from": "2026-01-01T00:00:00+08:00", "to": "2027-01-01T00:00:00+08:00"}
        assert (await client.get("/v1/contacts/counts", params=year)).json()["code"] == "span_too_long"


async def test_bad_questions_are_refused(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (_, client):
        for params in (
            {"cursor": "nonsense"},
            {"limit": "0"},
            {"limit": "501"},
            {"channel": "telex"},
            {"from": "yesterday"},
            {"from": "2026-11-23T00:00:00"},
            {"borrower_id": "\x00"},
        ):
            assert (await client.get("/v1/contacts", params=params)).status_code == 422, params
        assert (await client.get("/v1/borrowers/nobody/timeline")).status_code == 404
