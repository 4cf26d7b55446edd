"""What must hold after any run, whatever was killed: read from the gateway's own record, topics and databases."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from spine.envelope import Envelope
from spine.topics import TOPICS
from tact.topic_reader import read_topic
from tests.system.world import World

#: Sends about a loan must have stopped this long after its money was acknowledged (seconds, wall clock).
FENCE_S = 5.0
OWNED = {topic.name: topic.owner for topic in TOPICS.values() if topic.positioned}


async def check_all(world: World, *, twins_published: bool = False) -> None:
    """Raises AssertionError with the offending rows of the first invariant that does not hold."""
    await check_every_event_has_one_effect(world, twins_published=twins_published)
    await check_transport(world)
    messages = await messages_by_client_ref(world)
    check_hours(world, messages)
    check_caps(world, messages)
    check_no_duplicates(world)
    await check_nothing_after_the_money(world, messages)
    await check_contact_log_is_complete(world)
    await check_every_request_has_an_end(world)


def accepted(world: World) -> list[dict[str, Any]]:
    """What the gateway took, by its own record."""
    return [entry for entry in world.gateway_record() if entry["outcome"] == "accepted"]


async def messages_by_client_ref(world: World) -> dict[str, dict[str, Any]]:
    """What the notifier told of each attempt."""
    facts = await world.told("notifier", "message.%")
    return {data["client_ref"]: data for _, data in facts if data.get("client_ref")}


async def check_every_event_has_one_effect(world: World, *, twins_published: bool) -> None:
    published = Counter((e.event["source"], e.event["id"]) for _, e in world.acknowledged)
    if not twins_published:
        assert max(published.values()) == 1
    kept = await world.fetch("ledger", "SELECT source, event_id FROM inbox")
    wanted = {
        (e.event["source"], e.event["id"])
        for _, e in world.acknowledged
        if e.event["type"] != "borrower.updated.v1"
    }
    assert {(row["source"], row["event_id"]) for row in kept} == wanted
    money = {
        e.event["data"]["repayment_id"]
        for _, e in world.acknowledged
        if e.event["type"] == "repayment.posted.v1"
    }
    told = [data["repayment_id"] for _, data in await world.told("ledger", "repayment.received.v1")]
    assert sorted(told) == sorted(money), "each repayment is told exactly once"
    for service in ("ledger", "stager", "notifier", "contact-log"):
        assert await world.fetch(service, "SELECT * FROM dead_letter") == [], service


async def check_transport(world: World) -> None:
    """Every outbox row was published under a gapless position, and every consumer has read to the last."""
    lasts: dict[tuple[str, int], int] = {}
    for topic, owner in OWNED.items():
        rows = await world.fetch(
            owner, "SELECT partition, position FROM outbox WHERE topic = :topic ORDER BY 1, 2", topic=topic
        )
        by_partition: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            by_partition[row["partition"]].append(row["position"])
        for partition, given in by_partition.items():
            assert given == list(range(1, len(given) + 1)), (topic, partition)
            lasts[topic, partition] = len(given)
        dumped = await dump_positions(world, topic)
        for partition, given in by_partition.items():
            assert set(dumped[partition]) == set(given), (topic, partition, "lost or phantom records")
    for service, (declared, _) in world.stage.services.items():
        topics = {consume.topic for consume in declared.consumes}
        rows = await world.fetch(service, "SELECT topic, partition, last_position FROM consumer_progress")
        read = {(row["topic"], row["partition"]): row["last_position"] for row in rows}
        for place, last in lasts.items():
            if place[0] in topics:
                assert read[place] == last, (service, place)


async def dump_positions(world: World, topic: str) -> dict[int, list[int]]:
    """The positions of all records of a topic, as the broker has them."""
    found: dict[int, list[int]] = defaultdict(list)
    async for record in read_topic(world.stage.broker, topic, world.stage.surroundings.partitions):
        position = Envelope.from_headers(record.headers).position
        if position is not None:
            found[record.partition].append(position)
    return found


def zones(world: World) -> dict[str, ZoneInfo]:
    """Each borrower's zone, from what core banking published."""
    return {
        e.event["data"]["borrower_id"]: ZoneInfo(e.event["data"]["timezone"])
        for _, e in world.acknowledged
        if e.event["type"] == "borrower.updated.v1" and e.event["data"].get("timezone")
    }


def check_hours(world: World, messages: dict[str, dict[str, Any]]) -> None:
    known = zones(world)
    for entry in accepted(world):
        zone = known[messages[entry["client_ref"]]["borrower_id"]]
        local = datetime.fromisoformat(entry["received_at"]).astimezone(zone)
        assert 8 <= local.hour < 22, (entry["client_ref"], local)


def check_caps(world: World, messages: dict[str, dict[str, Any]]) -> None:
    known = zones(world)
    counts: Counter[tuple[str, str, object]] = Counter()
    for entry in accepted(world):
        borrower = messages[entry["client_ref"]]["borrower_id"]
        day = datetime.fromisoformat(entry["received_at"]).astimezone(known[borrower]).date()
        counts[borrower, entry["channel"], day] += 1
    assert not [item for item in counts.items() if item[1] > 2]


def check_no_duplicates(world: World) -> None:
    """One message is accepted once, however often it was tried."""
    by_message = Counter(entry["client_ref"].rpartition("-")[0] for entry in accepted(world))
    assert not [item for item in by_message.items() if item[1] > 1]


async def check_nothing_after_the_money(world: World, messages: dict[str, dict[str, Any]]) -> None:
    """No message about a loan reached the gateway later than X after the money that cured it was acknowledged, but
    what thanks for it."""
    cured = {data["loan_id"] for kind, data in await world.told("ledger") if kind in _ENDS}
    paid_at = {
        e.event["data"]["loan_id"]: wall
        for wall, e in world.acknowledged
        if e.event["type"] == "repayment.posted.v1" and e.event["data"]["loan_id"] in cured
    }
    for entry in accepted(world):
        loan = messages[entry["client_ref"]]["loan_id"]
        if loan in paid_at and messages[entry["client_ref"]]["purpose"] != "service":
            late = datetime.fromisoformat(entry["received_wall"]).timestamp() - paid_at[loan]
            assert late <= FENCE_S, (entry["client_ref"], loan, late)


_ENDS = ("loan.cured.v1", "loan.settled.v1")


async def check_contact_log_is_complete(world: World) -> None:
    """The gateway's record and the contact log name the same attempts, one to one."""
    rows = await world.fetch("contact-log", "SELECT client_ref FROM contact_entry WHERE outcome = 'accepted'")
    logged = Counter(row["client_ref"] for row in rows)
    assert logged == Counter(entry["client_ref"] for entry in accepted(world))


async def check_every_request_has_an_end(world: World) -> None:
    asked = {data["request_id"] for _, data in await world.told("stager", "contact.requested.v1")}
    last = {data["request_id"]: kind for kind, data in await world.told("notifier", "message.%")}
    assert asked <= last.keys(), asked - last.keys()
    open_ends = {request: kind for request, kind in last.items() if kind == "message.unknown.v1"}
    assert not open_ends
