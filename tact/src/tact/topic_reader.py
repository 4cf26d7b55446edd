"""Reads a topic from its beginning to its present end, once: for reports and checks, not for services."""

from __future__ import annotations

from collections.abc import AsyncIterator

from spine.broker.port import Broker, Record, TopicPartition


async def read_topic(broker: Broker, topic: str, partitions: int) -> AsyncIterator[Record]:
    """Every record that is there now, in offset order within each partition."""
    reader = broker.consumer(f"reader-{topic}", [topic], "reader")
    await reader.start()
    try:
        tps = [TopicPartition(topic, number) for number in range(partitions)]
        while len(reader.assignment()) < partitions:
            await reader.poll(0.05, 1)
        begins = await reader.begin_offsets(tps)
        for tp in tps:
            reader.seek(tp, begins[tp])
        ends = await reader.end_offsets(tps)
        missing = {tp: ends[tp] for tp in tps if begins[tp] < ends[tp]}
        while missing:
            for tp, records in (await reader.poll(0.5, 500)).items():
                for record in records:
                    if tp in missing:
                        yield record
                        if record.offset + 1 >= missing[tp]:
                            del missing[tp]
    finally:
        await reader.stop()
