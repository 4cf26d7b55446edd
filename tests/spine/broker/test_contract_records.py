"""What a record can rely on, on both brokers: order, durability, its partition, and being found again."""

from __future__ import annotations

import pytest

from spine.broker.port import (
    MAX_RECORD_BYTES,
    BrokerUnreachable,
    OffsetLost,
    OutRecord,
    PartitionMismatch,
    PublishFailed,
    RecordTooLarge,
    TopicPartition,
)
from tests.spine.broker.worlds import PARTITIONS, World, own, read, read_all, records, values


async def test_a_batch_is_read_in_order_within_each_partition(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    mixed = [OutRecord(topic, n % PARTITIONS, None, str(n).encode(), []) for n in range(1000)]
    for start in range(0, 1000, 250):
        await broker.publish(mixed[start : start + 250])
    found = await read_all(await world.member(broker, [topic]), topic, 1000)
    for partition in range(PARTITIONS):
        batch = found[TopicPartition(topic, partition)]
        assert values(batch) == list(range(partition, 1000, PARTITIONS))
        assert [record.offset for record in batch] == list(range(250))
        assert {(record.topic, record.partition) for record in batch} == {(topic, partition)}


async def test_what_was_published_is_there_after_closing_everything(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 20))
    await broker.close()
    again = await world.broker()
    found = await read_all(await world.member(again, [topic]), topic, 20)
    assert values(found[TopicPartition(topic, 0)]) == list(range(20))


async def test_the_partition_is_the_one_asked_for_whatever_the_key(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish([OutRecord(topic, p, b"same", b"1", []) for p in range(PARTITIONS)])
    found = await read_all(await world.member(broker, [topic]), topic, PARTITIONS)
    assert {tp.partition for tp in found} == set(range(PARTITIONS))
    assert all(record.key == b"same" for batch in found.values() for record in batch)


async def test_key_value_and_headers_come_back_byte_for_byte(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    headers = [("ce_id", b"1"), ("ce_id", b"twice"), ("binary", bytes(range(256))), ("empty", b"")]
    await broker.publish(
        [OutRecord(topic, 0, "李雷".encode(), b"\x00\xff", headers), OutRecord(topic, 0, None, b"", [])]
    )
    await world.outside.write_tombstone(topic, b"gone")
    found = await read_all(await world.member(broker, [topic]), topic, 3)
    first, second, third = found[TopicPartition(topic, 0)]
    assert (first.key, first.value) == ("李雷".encode(), b"\x00\xff")
    assert [(name, value) for name, value in first.headers] == headers
    assert (second.key, second.value, list(second.headers)) == (None, b"", [])
    assert (third.key, third.value) == (b"gone", None)
    assert first.appended_at is not None
    assert first.appended_at.tzinfo is not None


async def test_an_empty_batch_is_nothing(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish([])
    member = await world.member(broker, [topic])
    ends = await member.end_offsets(await own(member, PARTITIONS))
    assert set(ends.values()) == {0}


async def test_a_record_too_large_is_refused_with_its_whole_batch_and_the_next_is_taken(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    (small,) = records(topic, 1)
    by_header = OutRecord(topic, 0, None, b"", [("h", b"x" * MAX_RECORD_BYTES)])
    for large in (OutRecord(topic, 0, None, b"x" * (MAX_RECORD_BYTES + 1), []), by_header):
        with pytest.raises(RecordTooLarge):
            await broker.publish([small, large])
    await broker.publish([OutRecord(topic, 0, b"", b"x" * (MAX_RECORD_BYTES), [])])
    await broker.publish(records(topic, 3))
    found = await read_all(await world.member(broker, [topic]), topic, 4)
    assert [len(record.value or b"") for record in found[TopicPartition(topic, 0)]] == [
        MAX_RECORD_BYTES,
        1,
        1,
        1,
    ]


async def test_a_partition_that_does_not_exist_fails_and_the_next_batch_is_taken(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    with pytest.raises(PublishFailed):
        await broker.publish([*records(topic, 1), *records(topic, 1, partition=PARTITIONS)])
    await broker.publish(records(topic, 5, partition=1))
    member = await world.member(broker, [topic])
    await own(member, PARTITIONS)
    member.seek(TopicPartition(topic, 1), 0)
    found = await read(member, 5)
    assert values(found[TopicPartition(topic, 1)]) == list(range(5))


async def test_begin_and_end_offsets_follow_appends_and_deletions(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 7, partition=2))
    member = await world.member(broker, [topic])
    tps = await own(member, PARTITIONS)
    busy = TopicPartition(topic, 2)
    assert await member.end_offsets(tps) == {tp: 7 if tp == busy else 0 for tp in tps}
    assert await member.begin_offsets(tps) == dict.fromkeys(tps, 0)
    await world.outside.delete_records(topic)
    await broker.publish(records(topic, 2, partition=2))
    assert await member.begin_offsets([busy]) == {busy: 7}
    assert await member.end_offsets([busy]) == {busy: 9}
    member.seek(busy, 7)
    assert values((await read(member, 2))[busy]) == [0, 1]


@pytest.mark.parametrize("offset", [2, 6], ids=["deleted", "beyond the end"])
async def test_an_offset_that_is_not_there_is_lost_and_said_so(world: World, offset: int) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 5))
    await world.outside.delete_records(topic)
    member = await world.member(broker, [topic])
    await own(member, PARTITIONS)
    tp = TopicPartition(topic, 0)
    member.seek(tp, offset)
    with pytest.raises(OffsetLost) as lost:
        await read(member, 1)
    assert (lost.value.facts["topic"], lost.value.facts["offset"]) == (topic, offset)
    member.seek(tp, 5)
    await broker.publish(records(topic, 1, start=5))
    assert values((await read(member, 1))[tp]) == [5]


async def test_topics_are_made_once_and_another_count_is_refused(world: World) -> None:
    broker = await world.broker()
    topic = await world.topic(broker)
    await broker.publish(records(topic, 1))
    await broker.ensure_topics([topic, f"{topic}.dlq"], PARTITIONS)
    with pytest.raises(PartitionMismatch):
        await broker.ensure_topics([topic], PARTITIONS + 1)
    member = await world.member(broker, [topic, f"{topic}.dlq"])
    assert sum((await member.end_offsets(await own(member, 2 * PARTITIONS))).values()) == 1


async def test_health_is_none_or_a_sentence(world: World) -> None:
    broker = await world.broker()
    assert await broker.health() is None
    lost = world.outside.unreachable_broker()
    with pytest.raises(BrokerUnreachable):
        await lost.start()
    sentence = await lost.health()
    assert sentence is not None
    assert len(sentence.split()) > 3
    with pytest.raises(PublishFailed):
        await lost.publish(records("any", 1))
    await lost.close()
    await lost.close()
