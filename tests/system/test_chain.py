"""The whole chain, as processes: same outcome on the embedded log and on Kafka, also doubled and shuffled."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tact.kafka_server import KafkaCluster
from tact.portfolio.published import PublishedEvent
from tests.brokers import kafka_libs
from tests.databases import open_directory
from tests.system.invariants import accepted, check_all
from tests.system.portfolio import Small
from tests.system.world import World, world

STORY = Small(loans=48, days=12)


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[str]:
    """A broker of this module's own: the topics' names are fixed and must be empty."""
    libs = kafka_libs()
    with open_directory("tact-kafka-") as home, KafkaCluster(Path(home), libs=libs) as bootstrap:
        yield bootstrap


def doubled_and_shuffled(events: list[PublishedEvent], seed: int) -> list[PublishedEvent]:
    """Every event twice, and the events of one instant shuffled across loans but not within one."""
    rng = random.Random(seed)
    result: list[PublishedEvent] = []
    for instant in sorted({event.at for event in events}):
        lanes: dict[str, list[PublishedEvent]] = {}
        for event in events:
            if event.at == instant:
                lanes.setdefault(event.key, []).extend([event, event])
        while lanes:
            key = rng.choice(sorted(lanes))
            result.append(lanes[key].pop(0))
            if not lanes[key]:
                del lanes[key]
    return result


async def outcome(w: World, events: list[PublishedEvent]) -> dict[str, Any]:
    """What must be the same whatever carried the events: facts, stages, and what each person was sent when.

    Of money and a message at the very same instant either may come first: such messages are left to the fence's
    own check.
    """
    paid = {
        (e.event["data"]["loan_id"], f"{e.at:%Y-%m-%dT%H:%M}")
        for e in events
        if e.event["type"] == "repayment.posted.v1"
    }
    facts = await w.told("ledger")
    stages = await w.told("stager", "stage.entered.v1")
    messages = {data["client_ref"]: data for _, data in await w.told("notifier", "message.accepted.v1")}
    sent = [
        (messages[e["client_ref"]]["loan_id"], e["channel"], e["received_at"][:16], e["body"])
        for e in accepted(w)
    ]
    return {
        "ledger": Counter(
            (kind, d.get("loan_id"), d.get("as_of"), str(d.get("overdue")))
            for kind, d in facts
            if "loan_id" in d
        ),
        "stages": Counter(
            (d["loan_id"], d.get("from"), d["to"], d["as_of"], d["entry_no"]) for _, d in stages
        ),
        "sent": Counter(message for message in sent if (message[0], message[2]) not in paid),
    }


async def played(kafka: str | None, *, twice: bool) -> dict[str, Any]:
    events = list(STORY.events())
    async with world(kafka_bootstrap=kafka) as w:
        await w.play(doubled_and_shuffled(events, 7) if twice else events, STORY.days)
        await check_all(w, twins_published=twice)
        return await outcome(w, events)


@pytest.fixture(scope="module")
async def plain() -> dict[str, Any]:
    """The outcome on the embedded log with every event once."""
    return await played(None, twice=False)


async def test_the_story_is_rich_enough(plain: dict[str, Any]) -> None:
    kinds = {kind for kind, *_ in plain["ledger"]}
    assert {"loan.overdue.v1", "arrears.changed.v1", "loan.cured.v1"} <= kinds
    assert {to for _, _, to, _, _ in plain["stages"]} == {"S1", "S2", "S3"}
    assert {channel for _, channel, _, _ in plain["sent"]} == {"sms", "wechat"}
    assert plain["sent"].total() > 60


async def test_doubled_and_shuffled_gives_the_same(plain: dict[str, Any]) -> None:
    assert await played(None, twice=True) == plain


@pytest.mark.kafka
async def test_on_kafka_doubled_and_shuffled_gives_the_same(plain: dict[str, Any], own_kafka: str) -> None:
    assert await played(own_kafka, twice=True) == plain
