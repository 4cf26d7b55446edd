"""The gateway's own append-only record of every message it was given: evidence kept outside our tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

Outcome = Literal["accepted", "rejected", "dropped", "duplicate"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One message of one request. `replied`: the sender was told this outcome."""

    received_at: datetime
    received_wall: datetime
    client_ref: str
    channel: str
    to: str
    body: str
    idempotency_key: str | None
    not_after: datetime
    outcome: Outcome
    replied: bool


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Line)


class Record:
    """An NDJSON file that is only ever appended to: one write per request, whole lines or none."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(self, lines: Sequence[Line]) -> None:
        """Hands the lines to the operating system: they survive the death of this process."""
        data = b"".join(_ENCODER.encode(line) + b"\n" for line in lines)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        os.close(self._descriptor)


def read_record(path: Path) -> Iterator[Line]:
    """The lines of a record; a last line cut short by a crash is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _DECODER.decode(line)
