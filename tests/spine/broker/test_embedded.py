"""What only the embedded log has: leases shared by rule, appenders side by side, trimming by age."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest

from spine.broker.embedded import EmbeddedLog
from spine.broker.embedded_append import records_channel
from spine.broker.embedded_leases import fair_share
from spine.broker.port import OffsetLost, PublishFailed, TopicPartition
from spine.listen import Listener
from spine.migrations import WrongSchema
from tests.spine.broker.worlds import (
    PARTITIONS,
    PATIENCE_S,
    EmbeddedOutside,
    World,
    own,
    read,
    read_all,
    records,
    values,
)


@pytest.fixture
async def world(embedded_outside: EmbeddedOutside) -> AsyncIterator[World]:
    world = World(embedded_outside)
    yield world
    await world.close()


@pytest.fixture
async def administrator(log_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(log_url)
    yield connection
    await connection.close()


def _tps(topic: str, count: int) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in range(count)]


def test_shares_are_equal_and_the_same_numbers_of_all_topics_go_together() -> None:
    tps = [*_tps("ledger.v1", 6), *_tps("stager.v1", 6)]
    share = fair_share({"a": ["ledger.v1", "stager.v1"], "b": ["stager.v1", "ledger.v1"]}, tps)
    assert {tp for tp, member in share.items() if member == "a"} == {tp for tp in tps if tp.partition < 3}
    assert set(share) == set(tps)


def test_a_topic_is_shared_among_those_who_read_it() -> None:
    share = fair_share(
        {"a": ["x"], "b": ["x", "y"], "c": ["x"]}, [*_tps("x", 4), *_tps("y", 2), *_tps("z", 1)]
    )
    assert [share[tp] for tp in _tps("x", 4)] == ["a", "a", "b", "c"]
    assert [share[tp] for tp in _tps("y", 2)] == ["b", "b"]
    assert TopicPartition("z", 0) not in share


def test_more_members_than_partitions_leave_some_without() -> None:
    share = fair_share({name: ["x"] for name in "abc"}, _tps("x", 2))
    assert len(set(share.values())) == 2


async def test_appenders_side_by_side_get_gapless_offsets_and_keep_their_own_order(world: World) -> None:
    brokers = [await world.broker() for _ in range(4)]
    topic = await world.topic(brokers[0])

    async def append(number: int) -> None:
        # Partitions in opposite orders: locks taken as they come would end in a deadlock.
        order = range(PARTITIONS) if number % 2 else reversed(range(PARTITIONS))
        partitions = list(order)
        for start in range(number * 1000, number * 1000 + 25):
            batch = [r for p in partitions for r in records(topic, 1, partition=p, start=start)]
            await brokers[number].publish(batch)

    await asyncio.gather(*(append(number) for number in range(4)))
    found = await read_all(await world.member(brokers[0], [topic]), topic, 100 * PARTITIONS)
    for batch in found.values():
        assert [record.offset for record in batch] == list(range(100))
        for number in range(4):
            own_values = [value for value in values(batch) if value // 1000 == number]
            assert own_values == list(range(number * 1000, number * 1000 + 25))


async def test_an_append_wakes_who_listens_for_its_topic(world: World, log_url: str) -> None:
    broker = await world.broker()
    topic, other = await world.topic(broker), await world.topic(broker)
    listener = Listener(log_url, [records_channel(topic), records_channel(other)])
    await listener.start()
    try:
        woken, not_woken = listener.event(records_channel(topic)), listener.event(records_channel(other))
        await broker.publish(records(topic, 2))
        async with asyncio.timeout(PATIENCE_S):
            await woken.wait()
        assert not not_woken.is_set()
    finally:
        await listener.close()


async def test_trimming_deletes_what_is_older_and_nothing_else(world: World) -> None:
    broker = await world.broker()
    assert isinstance(broker, EmbeddedLog)
    topic, other = await world.topic(broker), await world.topic(broker)
    for start in range(3):
        await broker.publish([*records(topic, 1, start=start), *records(other, 1, start=start)])
    member = await world.member(broker, [topic])
    tp = TopicPartition(topic, 0)
    third = (await read_all(member, topic, 3))[tp][2].appended_at
    assert third is not None
    assert await broker.trim(third - timedelta(days=1), [topic]) == 0
    assert await broker.trim(third, [topic]) == 2
    assert await broker.trim(third, [topic]) == 0
    assert await member.begin_offsets([tp]) == {tp: 2}
    member.seek(tp, 2)
    assert values((await read(member, 1))[tp]) == [2]
    beside = await world.member(broker, [other])
    assert values((await read_all(beside, other, 3))[TopicPartition(other, 0)]) == [0, 1, 2]


async def test_a_reader_overtaken_by_trimming_is_told(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 5))
    member = await world.member(broker, [topic])
    await own(member, PARTITIONS)
    tp = TopicPartition(topic, 0)
    member.seek(tp, 0)
    assert len((await member.poll(PATIENCE_S, 2))[tp]) == 2
    await world.outside.delete_records(topic)
    await broker.publish(records(topic, 1))
    with pytest.raises(OffsetLost):
        await read(member, 2)


async def test_a_partition_created_anew_is_another_one(
    world: World, administrator: asyncpg.Connection
) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 2))
    member = await world.member(broker, [topic])
    await read_all(member, topic, 2)
    async with administrator.transaction():
        await administrator.execute("DELETE FROM log_record WHERE topic = $1", topic)
        await administrator.execute("DELETE FROM log_partition WHERE topic = $1", topic)
        await administrator.execute(
            "INSERT INTO log_partition (topic, partition) SELECT $1, generate_series(0, 3)", topic
        )
    await broker.publish(records(topic, 2, start=100))
    with pytest.raises(OffsetLost):
        await read(member, 1)


async def test_cut_connections_fail_at_most_one_batch_and_readers_go_on(
    world: World, administrator: asyncpg.Connection
) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 1))
    member = await world.member(broker, [topic])
    await read_all(member, topic, 1)
    await administrator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name IN ('tact-log', 'tact-listen')"
    )
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            await broker.publish(records(topic, 1, start=1))
            break
        except PublishFailed:
            assert time.monotonic() < deadline
    assert values((await read(member, 1))[TopicPartition(topic, 0)]) == [1]
    assert await broker.health() is None


async def test_of_two_processes_with_one_name_the_later_one_reads(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    earlier = await world.member(broker, [topic], group="twins")
    await own(earlier, PARTITIONS)
    later = await world.member(broker, [topic], group="twins")
    assert len(later.assignment()) == PARTITIONS
    await own(earlier, 0, later)
    await own(later, PARTITIONS, earlier)
    await later.stop()
    # The name is free again, so the one that stood back goes on.
    await own(earlier, PARTITIONS)


async def test_a_database_that_was_not_migrated_is_refused(
    make_database: Callable[..., Awaitable[str]],
) -> None:
    log = EmbeddedLog(await make_database())
    with pytest.raises(WrongSchema):
        await log.start()
    await log.close()
