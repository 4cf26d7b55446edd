"""Lanes: each partition in its order, one borrower's topics one after another, others side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from spine.broker.port import Record, TopicPartition
from spine.lanes import MAX_AHEAD_BYTES, MAX_BATCH, Batch, Lanes


def records(topic: str, partition: int, offsets: Sequence[int], value: bytes = b"{}") -> list[Record]:
    return [Record(topic, partition, offset, None, value, ()) for offset in offsets]


class Works:
    """Notes each batch when it begins, and holds it until it is let go."""

    def __init__(self) -> None:
        self.begun: list[Batch] = []
        self.at_work: set[TopicPartition] = set()
        self.let_go = asyncio.Event()
        self.fails = False

    async def apply(self, batch: Batch) -> None:
        assert not self.at_work & batch.keys(), "a partition's batches overlap"
        numbers = {tp.partition for tp in self.at_work}
        assert not numbers & {tp.partition for tp in batch}, "two topics' batches of one borrower overlap"
        self.begun.append(batch)
        self.at_work |= batch.keys()
        await self.let_go.wait()
        self.at_work -= batch.keys()
        if self.fails:
            raise RuntimeError("refused")

    def offsets(self, topic: str, partition: int) -> list[int]:
        tp = TopicPartition(topic, partition)
        return [record.offset for batch in self.begun for record in batch.get(tp, ())]


async def turn(lanes: Lanes) -> None:
    lanes.add({})
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def run_dry(lanes: Lanes) -> None:
    while lanes.waiting or lanes.is_busy:
        await lanes.one_ends(1)


async def test_neighbouring_partitions_run_side_by_side_and_one_partition_one_after_another() -> None:
    works = Works()
    lanes = Lanes(works.apply)
    lanes.add({TopicPartition("t", 0): records("t", 0, range(10))})
    await turn(lanes)
    lanes.add({TopicPartition("t", 0): records("t", 0, range(10, 20))})
    lanes.add({TopicPartition("t", 1): records("t", 1, range(5))})
    await turn(lanes)
    assert works.at_work == {TopicPartition("t", 0), TopicPartition("t", 1)}
    assert lanes.waiting == 10 and not lanes.is_idle(TopicPartition("t", 0))
    assert lanes.is_idle(TopicPartition("t", 2))
    works.let_go.set()
    await run_dry(lanes)
    assert works.offsets("t", 0) == list(range(20)) and works.offsets("t", 1) == list(range(5))


async def test_one_number_of_two_topics_is_never_at_work_twice() -> None:
    works = Works()
    lanes = Lanes(works.apply)
    for topic in ("a", "b"):
        for partition in range(4):
            lanes.add({TopicPartition(topic, partition): records(topic, partition, range(3))})
    await turn(lanes)
    assert {tp.topic for tp in works.at_work} == {"a"} and len(works.at_work) == 4
    works.let_go.set()
    await run_dry(lanes)
    assert all(works.offsets(topic, partition) == [0, 1, 2] for topic in ("a", "b") for partition in range(4))
    assert all(len({tp.topic for tp in batch}) == 1 for batch in works.begun)


async def test_a_long_partition_does_not_hold_up_its_neighbours_in_the_lane() -> None:
    works = Works()
    works.let_go.set()
    lanes = Lanes(works.apply)
    lanes.add({TopicPartition("t", 0): records("t", 0, range(3 * MAX_BATCH))})
    lanes.add({TopicPartition("t", 2): records("t", 2, range(7))})
    await turn(lanes)
    await run_dry(lanes)
    assert [sum(map(len, batch.values())) for batch in works.begun] == [MAX_BATCH, MAX_BATCH, MAX_BATCH, 7]
    assert works.offsets("t", 0) == list(range(3 * MAX_BATCH))
    assert TopicPartition("t", 2) in works.begun[1]


async def test_what_is_read_ahead_is_bounded_in_bytes() -> None:
    lanes = Lanes(Works().apply)
    big = records("t", 0, [0], b"x" * MAX_AHEAD_BYTES)
    assert lanes.hungry
    lanes.add({TopicPartition("t", 0): big})
    assert not lanes.hungry, "the other lane is empty, but there is enough in memory"
    lanes.drop(TopicPartition("t", 0))
    assert lanes.hungry and not lanes.waiting


async def test_a_failure_is_told_when_more_is_added_and_what_waits_is_forgotten() -> None:
    works = Works()
    works.fails = True
    lanes = Lanes(works.apply)
    lanes.add({TopicPartition("t", 0): records("t", 0, range(MAX_BATCH + 1))})
    await turn(lanes)
    works.let_go.set()
    await lanes.one_ends(1)
    with pytest.raises(RuntimeError, match="refused"):
        lanes.add({})
    await lanes.abandon()
    assert not lanes.is_busy and not lanes.waiting
    assert works.offsets("t", 0) == list(range(MAX_BATCH))


async def test_finish_ends_what_is_at_work_and_begins_nothing() -> None:
    works = Works()
    lanes = Lanes(works.apply)
    lanes.add({TopicPartition("t", 0): records("t", 0, range(MAX_BATCH + 1))})
    await turn(lanes)
    works.let_go.set()
    await lanes.finish()
    assert works.offsets("t", 0) == list(range(MAX_BATCH)) and lanes.waiting == 1
