"""What a member of a consumer group can rely on, on both brokers: it reads what is its own, where it says."""

from __future__ import annotations

import time
import uuid

import pytest

from spine.broker.port import BrokerConsumer, TopicPartition
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


async def _two_members(world: World) -> tuple[str, str, BrokerConsumer, BrokerConsumer]:
    broker = await world.broker()
    topic = await world.topic(broker)
    group = f"group-{uuid.uuid4().hex[:12]}"
    first = await world.member(broker, [topic], group=group)
    await own(first, PARTITIONS)
    second = await world.member(await world.broker(), [topic], group=group, name="member-2")
    await own(second, PARTITIONS // 2, first)
    await own(first, PARTITIONS // 2, second)
    return topic, group, first, second


async def test_members_share_and_a_reassignment_changes_the_generation(world: World) -> None:
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
    assert ours.keys() | theirs.keys() == alone.keys()
    assert not ours.keys() & theirs.keys()
    for partition in range(PARTITIONS):
        await broker.publish(records(topic, 2, partition=partition))
    # Partitions that changed hands or generations are read only where their owner says.
    assert await second.poll(0.3, 100) == {}
    for member, share in ((first, ours), (second, theirs)):
        for tp in share:
            member.seek(tp, 0)
        assert (await read(member, PARTITIONS)).keys() == share.keys()
    await world.outside.kill(second)
    back = await own(first, PARTITIONS)
    assert all(back[tp] != alone[tp] for tp in theirs)


@pytest.mark.parametrize("how", ["dies", "leaves"])
async def test_the_others_take_over_from_a_member_that(world: World, how: str) -> None:
    topic, _group, first, second = await _two_members(world)
    theirs = second.assignment()
    if how == "dies":
        await world.outside.kill(second)
    else:
        await second.stop()
    everything = await own(first, PARTITIONS)
    await world.brokers[0].publish([r for tp in theirs for r in records(topic, 2, partition=tp.partition)])
    assert await first.poll(0.3, 100) == {}
    for tp in everything:
        first.seek(tp, 0)
    found = await read(first, 2 * len(theirs))
    assert found.keys() == theirs.keys()


async def test_a_restarted_member_gets_its_own_partitions_back(world: World) -> None:
    topic, group, first, second = await _two_members(world)
    theirs = second.assignment()
    await world.outside.kill(second)
    again = await world.member(await world.broker(), [topic], group=group, name="member-2")
    back = await own(again, PARTITIONS // 2, first)
    assert back.keys() == theirs.keys()
    await world.brokers[0].publish([r for tp in theirs for r in records(topic, 1, partition=tp.partition)])
    assert await again.poll(0.3, 100) == {}
    for tp in back:
        again.seek(tp, 0)
    assert (await read(again, len(theirs))).keys() == theirs.keys()


async def test_groups_do_not_disturb_each_other(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    one, other = await world.member(broker, [topic]), await world.member(broker, [topic])
    await broker.publish(records(topic, 4))
    assert (await read_all(one, topic, 4)) == (await read_all(other, topic, 4))
