"""Refuses records no broker would take, before they are sent."""

from __future__ import annotations

from collections.abc import Sequence

from spine.broker.port import MAX_RECORD_BYTES, OutRecord, RecordTooLarge


def refuse_too_large(batch: Sequence[OutRecord]) -> None:
    """Raises RecordTooLarge for the first record of more than MAX_RECORD_BYTES, headers included."""
    for record in batch:
        size_bytes = len(record.key or b"") + len(record.value)
        size_bytes += sum(len(name) + len(value) for name, value in record.headers)
        if size_bytes > MAX_RECORD_BYTES:
            raise RecordTooLarge(
                f"a record for {record.topic}/{record.partition} has {size_bytes} bytes, at most"
                f" {MAX_RECORD_BYTES} are accepted",
                topic=record.topic,
                partition=record.partition,
            )
