"""What people write to us is an inbound contact; a sign of danger in it is told as if it had been heard."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from spine.events.replies import InboundReceived
from tests.contact_log.building import NOON, MakeDatabase, contact_log, keep
from tests.runtimes import emitted


def text_of(**changes: Any) -> InboundReceived:
    given = {
        "borrower_id": "b-1",
        "contact_id": "5a7d9a36-5f0c-4a0b-9a7e-1de6f9b3c001",
        "channel": "sms",
        "at": NOON,
        "meaning": "other",
        "reply_until": NOON + timedelta(hours=24),
        "contact_ref": "ref-1",
        **changes,
    }
    return InboundReceived(**given)


@pytest.mark.parametrize(
    ("changes", "outcome", "told"),
    [
        ({}, "received", ["contact.recorded.v1"]),
        ({"meaning": "opt_out", "opted_out": True}, "received", ["contact.recorded.v1"]),
        ({"meaning": "danger", "sign": "threat"}, "danger", ["contact.recorded.v1", "danger.reported.v1"]),
    ],
)
async def test_a_text_is_one_entry_under_its_own_id(
    make_database: MakeDatabase, changes: dict[str, Any], outcome: str, told: list[str]
) -> None:
    async with contact_log(make_database) as (runtime, client):
        fact = text_of(**changes)
        await keep(runtime, [fact])
        await keep(runtime, [fact])
        events = await emitted(runtime)
        [item] = (await client.get("/v1/borrowers/b-1/timeline")).json()["items"]
    assert [type_ for type_, _ in events] == told
    assert {data["contact_id"] for _, data in events} == {fact.contact_id}
    assert (item["direction"], item["outcome"], item["channel"]) == ("inbound", outcome, "sms")
