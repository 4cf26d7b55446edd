"""What a member of a consumer group can rely on, on both brokers: it reads what is its own, where it says."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from spine.broker.port import Broker, BrokerConsumer, TopicPartition
from tests.spine.broker.worlds import PARTITIONS, PATIENCE_S, World, own, read, read_all, records, values


async def test_nothing_comes_before_a_partition_is_sought(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    for partition in range(PARTITIONS):
        await broker.publish(records(topic, 3, partition=partition))
    member = await world.member(broker, [topic])
    await own(member, PARTITIONS)
    assert await member.poll(0.5, 100) == {}
    sought = TopicPartition(topic, 1)
    member.seek(sought, 1)
    found = await read(member, 2)
    assert {tp: values(batch) for tp, batch in found.items()} == {sought: [1, 2]}
    assert await member.poll(0.3, 100) == {}


async def test_seeking_back_reads_the_same_again(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 10))
    member = await world.member(broker, [topic])
    tp = TopicPartition(topic, 0)
    first = (await read_all(member, topic, 10))[tp]
    member.seek(tp, 0)
    assert (await read(member, 10))[tp] == first
    member.seek(tp, 8)
    member.seek(tp, 6)
    assert values((await read(member, 4))[tp]) == [6, 7, 8, 9]


async def test_no_more_than_asked_for_comes_at_once_and_nothing_is_left_out(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    for partition in range(PARTITIONS):
        await broker.publish(records(topic, 25, partition=partition))
    member = await world.member(broker, [topic])
    for tp in await own(member, PARTITIONS):
        member.seek(tp, 0)
    found: dict[TopicPartition, list[int]] = {}
    deadline = time.monotonic() + PATIENCE_S
    while sum(map(len, found.values())) < 25 * PARTITIONS and time.monotonic() < deadline:
        polled = await member.poll(1.0, 7)
        assert sum(map(len, polled.values())) <= 7
        for tp, batch in polled.items():
            found.setdefault(tp, []).extend(values(batch))
    assert found == {TopicPartition(topic, p): list(range(25)) for p in range(PARTITIONS)}


async def test_a_paused_partition_waits_while_others_flow(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    member = await world.member(broker, [topic])
    for tp in await own(member, PARTITIONS):
        member.seek(tp, 0)
    still, flowing = TopicPartition(topic, 0), TopicPartition(topic, 1)
    member.pause(still)
    await broker.publish([*records(topic, 3, partition=0), *records(topic, 3, partition=1)])
    assert values((await read(member, 3))[flowing]) == [0, 1, 2]
    assert await member.poll(0.5, 100) == {}
    member.seek(still, 1)
    assert await member.poll(0.3, 100) == {}
    member.resume(still)
    assert values((await read(member, 2))[still]) == [1, 2]


async def test_a_member_is_woken_by_what_is_published_while_it_waits(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    member = await world.member(broker, [topic])
    for tp in await own(member, PARTITIONS):
        member.seek(tp, 0)
    for number in range(20):
        await broker.publish(records(topic, 1, partition=number % PARTITIONS, start=number))
        found = await member.poll(PATIENCE_S, 100)
        while not found:
            found = await member.poll(PATIENCE_S, 100)
        assert [values(batch) for batch in found.values()] == [[number]]


@pytest.mark.parametrize("then", ["goes on", "seeks back", "pauses"])
async def test_a_poll_that_is_cancelled_loses_and_doubles_nothing(world: World, then: str) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    member = await world.member(broker, [topic])
    tp = TopicPartition(topic, 0)
    await broker.publish(records(topic, 3))
    await read_all(member, topic, 3)
    polling = asyncio.create_task(member.poll(PATIENCE_S, 100))
    await asyncio.sleep(0.1)
    polling.cancel()
    await asyncio.wait([polling])
    await broker.publish(records(topic, 3, start=3))
    # Time enough for what the cancelled poll had begun to come to its end.
    await asyncio.sleep(0.5)
    if then == "seeks back":
        member.seek(tp, 1)
    elif then == "pauses":
        member.pause(tp)
        assert await member.poll(0.3, 100) == {}
        member.resume(tp)
    expected = [1, 2, 3, 4, 5] if then == "seeks back" else [3, 4, 5]
    assert values((await read(member, len(expected)))[tp]) == expected
    assert await member.poll(0.2, 100) == {}


async def test_a_hint_never_raises_and_is_not_where_reading_goes_on(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 5))
    group = f"group-{uuid.uuid4().hex[:12]}"
    member = await world.member(broker, [topic], group=group)
    await read_all(member, topic, 5)
    await member.hint({TopicPartition(topic, 0): 5, TopicPartition("of-nobody", 9): 3})
    await member.hint({})
    await member.stop()
    await member.hint({TopicPartition(topic, 0): 4})
    again = await world.member(broker, [topic], group=group)
    assert values((await read_all(again, topic, 5))[TopicPartition(topic, 0)]) == list(range(5))


async def test_a_partition_of_someone_else_is_left_alone(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    member = await world.member(broker, [topic])
    await own(member, PARTITIONS)
    foreign = TopicPartition("of-nobody", 0)
    member.seek(foreign, 3)
    member.pause(foreign)
    member.resume(foreign)
    assert await member.poll(0.1, 100) == {}


@dataclass(frozen=True, slots=True)
class _Two:
    """Two members with half of a topic's partitions each; the first had owned all, as `alone`."""

    broker: Broker
    topic: str
    group: str
    first: BrokerConsumer
    second: BrokerConsumer
    alone: Mapping[TopicPartition, int]
    ours: Mapping[TopicPartition, int]
    theirs: Mapping[TopicPartition, int]


async def _two_members(world: World) -> _Two:
    broker = await world.broker()
    topic = await world.topic(broker)
    group = f"group-{uuid.uuid4().hex[:12]}"
    first = await world.member(broker, [topic], group=group)
    alone = await own(first, PARTITIONS)
    for tp in alone:
        first.seek(tp, 0)
    second = await world.member(await world.broker(), [topic], group=group, name="member-2")
    theirs = await own(second, PARTITIONS // 2, first)
    ours = await own(first, PARTITIONS // 2, second)
    return _Two(broker, topic, group, first, second, alone, ours, theirs)


async def test_members_share_and_read_only_their_own(world: World) -> None:
    two = await _two_members(world)
    assert two.ours.keys() | two.theirs.keys() == two.alone.keys()
    assert not two.ours.keys() & two.theirs.keys()
    for partition in range(PARTITIONS):
        await two.broker.publish(records(two.topic, 2, partition=partition))
    assert await two.second.poll(0.3, 100) == {}
    for member, share in ((two.first, two.ours), (two.second, two.theirs)):
        for tp in share:
            member.seek(tp, 0)
        assert (await read(member, PARTITIONS)).keys() == share.keys()


@pytest.mark.parametrize("how", ["dies", "leaves"])
async def test_the_others_take_over_from_a_member_that(world: World, how: str) -> None:
    two = await _two_members(world)
    if how == "dies":
        await world.outside.kill(two.second)
    else:
        await two.second.stop()
    everything = await own(two.first, PARTITIONS)
    # What went away and came back is another ownership: it stands still until it is sought again.
    assert all(everything[tp] != two.alone[tp] for tp in two.theirs)
    await two.broker.publish([r for tp in two.theirs for r in records(two.topic, 2, partition=tp.partition)])
    assert not (await two.first.poll(0.3, 100)).keys() & two.theirs.keys()
    for tp in everything:
        two.first.seek(tp, 0)
    assert (await read(two.first, 2 * len(two.theirs))).keys() == two.theirs.keys()


async def test_a_restarted_member_gets_its_own_partitions_back(world: World) -> None:
    two = await _two_members(world)
    await world.outside.kill(two.second)
    again = await world.member(await world.broker(), [two.topic], group=two.group, name="member-2")
    back = await own(again, PARTITIONS // 2, two.first)
    assert back.keys() == two.theirs.keys()
    await two.broker.publish([r for tp in two.theirs for r in records(two.topic, 1, partition=tp.partition)])
    assert await again.poll(0.3, 100) == {}
    for tp in back:
        again.seek(tp, 0)
    assert (await read(again, len(two.theirs))).keys() == two.theirs.keys()


async def test_groups_do_not_disturb_each_other(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    one, other = await world.member(broker, [topic]), await world.member(broker, [topic])
    await broker.publish(records(topic, 4))
    assert (await read_all(one, topic, 4)) == (await read_all(other, topic, 4))
