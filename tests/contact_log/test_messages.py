"""Every fact about a message is one entry, told once, whatever comes twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import event, text

from contact_log.consumes import CONSUMES
from spine.database import Runtime
from spine.events import events_of
from spine.events.notifier import (
    NOTIFIER,
    FiredRule,
    MessageAccepted,
    MessageDeferred,
    MessageDelivered,
    MessageFact,
    MessageSuppressed,
    PermitFact,
    PermitUnreported,
)
from spine.events.replies import InboundReceived
from tests.contact_log.building import NOON, MakeDatabase, contact_log, fact, keep
from tests.runtimes import emitted


async def rows(runtime: Runtime) -> int:
    async with runtime.engine.connect() as connection:
        count: int = (await connection.execute(text("SELECT count(*) FROM contact_entry"))).scalar_one()
        return count


def test_the_contact_log_hears_every_fact_about_a_message() -> None:
    told = {cls for cls in events_of(NOTIFIER) if issubclass(cls, MessageFact | PermitFact)}
    # That nothing was heard of a permit is no contact; what people write to us is one.
    assert set(CONSUMES[0].types) == told - {PermitUnreported} | {InboundReceived}


async def test_each_fact_becomes_one_entry_and_one_event(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        kinds = [cls for cls in CONSUMES[0].types if issubclass(cls, MessageFact)]
        await keep(runtime, [fact(cls, at=NOON + timedelta(minutes=n)) for n, cls in enumerate(kinds)])
        events = await emitted(runtime)
        items = (await client.get("/v1/borrowers/b-1/timeline")).json()["items"]
        assert [type_ for type_, _ in events] == ["contact.recorded.v1"] * len(kinds)
        expected = [cls.TYPE.split(".")[1] for cls in kinds]
        assert [data["outcome"] for _, data in events] == expected
        assert [item["outcome"] for item in reversed(items)] == expected
        assert {item["contact_id"] for item in items} == {data["contact_id"] for _, data in events}


async def test_a_suppressed_message_keeps_its_reasons(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        rule = FiredRule(id="HOLD-dispute", verdict="deny", citation="house")
        await keep(
            runtime, [fact(MessageSuppressed, code="gate_closed", rules=(rule,), facts_digest="d" * 64)]
        )
        (item,) = (await client.get("/v1/contacts", params={"borrower_id": "b-1"})).json()["items"]
        assert item["rules"] == [{"id": "HOLD-dispute", "verdict": "deny", "citation": "house"}]
        assert (item["code"], item["policy"], item["facts_digest"]) == (
            "gate_closed",
            "cn 1 0123456789ab",
            "d" * 64,
        )
        assert (item["source"], item["source_id"], item["recorded_at"]) == (
            "test",
            "e-1",
            "2026-11-23T04:00:00Z",
        )


async def test_twins_in_a_batch_and_later_are_one_entry(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, _):
        accepted = fact(MessageAccepted, attempt_no=1)
        await keep(runtime, [accepted, accepted])
        await keep(runtime, [accepted, fact(MessageDelivered, attempt_no=1)], first_id=3)
        assert await rows(runtime) == 2
        assert [data["outcome"] for _, data in await emitted(runtime)] == ["accepted", "delivered"]


async def test_the_same_facts_at_the_same_time_are_one_entry_each(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        facts = [fact(MessageAccepted, f"m-{n}", borrower_id=f"b-{n % 3}") for n in range(30)]
        await asyncio.gather(*(keep(runtime, facts[shift:] + facts[:shift]) for shift in (0, 10, 20)))
        assert await rows(runtime) == 30
        assert len(await emitted(runtime)) == 30
        timelines = [(await client.get(f"/v1/borrowers/b-{n}/timeline")).json() for n in range(3)]
        assert [timeline["entries"] for timeline in timelines] == [10, 10, 10]


async def test_a_message_put_off_twice_is_on_record_twice(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, client):
        await keep(
            runtime, [fact(MessageDeferred, at=NOON + timedelta(hours=n), until=NOON) for n in range(2)]
        )
        items = (await client.get("/v1/borrowers/b-1/timeline")).json()["items"]
        assert [item["outcome"] for item in items] == ["deferred", "deferred"]
        assert {item["until"] for item in items} == {"2026-11-23T04:00:00Z"}


async def test_a_batch_of_five_hundred_takes_as_many_statements_as_one(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, _):
        counts = [await _statements(runtime, 1, 0), await _statements(runtime, 500, 1000)]
        assert counts[0] == counts[1]
        assert await rows(runtime) == 501


async def _statements(runtime: Runtime, size: int, first: int) -> int:
    """How many statements it takes to keep a batch of this size."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(runtime.engine.sync_engine, "before_cursor_execute", note)
    try:
        facts = [fact(MessageAccepted, f"m-{first + n}", borrower_id=f"b-{n % 200}") for n in range(size)]
        await keep(runtime, facts, first_id=first)
    finally:
        event.remove(runtime.engine.sync_engine, "before_cursor_execute", note)
    return len(seen)
