"""Publishes core banking's events as its own publisher would: each on its topic, keyed by borrower."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from spine.broker.port import Broker, OutRecord
from spine.envelope import parse_structured
from spine.topics import partition_of
from tact.portfolio.ndjson import to_line
from tact.portfolio.published import PublishedEvent

_BATCH = 500


def to_record(published: PublishedEvent, partitions: int) -> OutRecord:
    """The broker record, in binary content mode, of a checked event."""
    structured = parse_structured(msgspec.json.encode(published.event))
    key = published.key
    return OutRecord(
        topic=published.topic,
        partition=partition_of(key, partitions) if key is not None else 0,
        key=key.encode() if key is not None else None,
        value=structured.data,
        headers=structured.envelope.headers(),
    )


class Feed:
    """Publishes events, and keeps what was published in an NDJSON file when given one."""

    def __init__(self, broker: Broker, partitions: int, record: Path | None = None) -> None:
        self._broker = broker
        self._partitions = partitions
        self._file = record.open("w", encoding="utf-8") if record else None
        self.published = 0

    async def publish(self, events: Iterable[PublishedEvent]) -> None:
        """Publishes a batch in order; returns once the broker has it."""
        batch = list(events)
        for start in range(0, len(batch), _BATCH):
            part = batch[start : start + _BATCH]
            await self._broker.publish([to_record(event, self._partitions) for event in part])
            if self._file is not None:
                self._file.writelines(to_line(event) + "\n" for event in part)
                self._file.flush()
            self.published += len(part)

    def close(self) -> None:
        """Closes the record."""
        if self._file is not None:
            self._file.close()
