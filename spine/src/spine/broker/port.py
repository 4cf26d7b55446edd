"""The broker port: all that consumers and the relay know of a broker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from spine.envelope import Headers
from spine.errors import TactError

#: Records above this size are refused before they are sent: a broker refusing one can wedge a producer.
MAX_RECORD_BYTES = 900_000


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class OutRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to publish into an explicit partition."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Headers


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record read from a partition; `offset` counts from 0 and only ever grows."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    appended_at: datetime | None = None


class BrokerUnreachable(TactError, ConnectionError):
    """The broker does not answer; it is tried again. A ConnectionError, so retry loops know it passes."""

    code = "broker_unreachable"
    status = 503


class PublishFailed(TactError):
    """The broker did not confirm the batch; whether it is stored is unknown, so it is published again."""

    code = "publish_failed"
    status = 503


class RecordTooLarge(TactError):
    """The record is larger than the broker accepts; its event must be made smaller."""

    code = "record_too_large"


class OffsetLost(TactError):
    """The broker no longer has the offset to go on from: topic deleted, recreated or trimmed too early."""

    code = "offset_lost"


class PartitionMismatch(TactError):
    """A topic has another number of partitions than this deployment was set up with."""

    code = "partition_mismatch"


class BrokerConsumer(Protocol):
    """A member of a consumer group. It never commits progress by itself: progress is the caller's."""

    async def start(self) -> None:
        """Joins the group; partitions are assigned over the next polls."""

    def assignment(self) -> Mapping[TopicPartition, int]:
        """The partitions this member owns now, each with a number that changes at every reassignment."""

    async def poll(self, timeout_s: float, max_records: int) -> Mapping[TopicPartition, Sequence[Record]]:
        """The next records of assigned, sought and unpaused partitions, in offset order.

        Returns early when something arrives, empty after `timeout_s`. A partition yields nothing until
        `seek` was called since its assignment. Raises OffsetLost.
        """

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """The next poll reads `tp` from `offset` on."""

    def pause(self, tp: TopicPartition) -> None:
        """Stops reading `tp` until `resume`."""

    def resume(self, tp: TopicPartition) -> None:
        """Reads `tp` again."""

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """For each partition the offset the next appended record will get. Raises BrokerUnreachable."""

    async def begin_offsets(self, tps: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """For each partition the lowest offset that can still be read. Raises BrokerUnreachable."""

    async def hint(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tells the broker how far the group is, for its own tools; failures are ignored."""

    async def stop(self) -> None:
        """Leaves the group."""


class Broker(Protocol):
    """A connection to a broker. Kafka and the embedded log pass the same contract tests."""

    async def start(self) -> None:
        """Connects; raises BrokerUnreachable when the broker does not answer in time."""

    async def ensure_topics(self, topics: Iterable[str], partitions: int) -> None:
        """Creates what is missing; raises PartitionMismatch where a topic has another count."""

    async def publish(self, batch: Sequence[OutRecord]) -> None:
        """Stores the batch durably, in order per partition, or raises PublishFailed or RecordTooLarge."""

    def consumer(self, group: str, topics: Sequence[str], member: str) -> BrokerConsumer:
        """A member named `member` (stable over restarts) of the consumer group."""

    async def trim(self, before: datetime, topics: Iterable[str]) -> int:
        """Deletes what was appended before an instant, where the broker has no retention of its own."""

    async def health(self) -> str | None:
        """None when well, else a sentence that says what is wrong."""

    async def close(self) -> None:
        """Closes all connections; idempotent."""
