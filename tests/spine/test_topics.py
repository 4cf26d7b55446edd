"""Keys go to the partitions that Kafka's own default partitioner would choose."""

from __future__ import annotations

from aiokafka.partitioner import murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from spine.topics import partition_of


@given(st.text(max_size=60), st.integers(1, 200))
@example("", 6)
@example("B-1", 6)
@example("B-12", 6)
@example("B-123", 6)
@example("B-1234", 6)
@example("借款人", 7)
def test_a_key_goes_where_kafkas_client_sends_it(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
