"""Portfolio files: one structured CloudEvent a line, written by the demo and read back by anyone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from spine.envelope import parse_structured
from spine.errors import EventRefused
from spine.events import decode, event_class
from tact.portfolio.errors import PortfolioFileUnreadable, PortfolioLineBad
from tact.portfolio.published import LocalInstants, PublishedEvent, topic_of

#: A line without `time` is published at the day its data names; these fields name it, in this order.
_DAY_FIELDS: Final = ("opened_on", "value_date", "reversed_on", "effective_on", "closed_on", "as_of", "on")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A refused line: its number from 1, a code of the contract (bad_json, bad_amount, ...) and words."""

    line: int
    code: str
    message: str


def write_events(path: Path, events: Iterable[PublishedEvent]) -> int:
    """Writes the events one a line, UTF-8, replacing the file; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for published in events:
            file.write(to_line(published) + "\n")
            count += 1
    return count


def to_line(published: PublishedEvent) -> str:
    """The event as one compact line of JSON without its end of line."""
    return json.dumps(published.event, ensure_ascii=False, separators=(",", ":"))


def scan_events(path: Path, *, zone: str = "Asia/Shanghai") -> Iterator[PublishedEvent | BadLine]:
    """Each line of the file in its order, checked by its type's schema; bad lines do not stop the others.

    `zone` is the lender's: an event without `time` is published at the midnight its data names.
    Raises PortfolioFileUnreadable when the file is missing; blank lines are passed over.
    """
    instants = LocalInstants(zone)
    try:
        file = path.open("rb")
    except OSError as error:
        raise PortfolioFileUnreadable(f"{path}: {error.strerror}", path=str(path)) from error
    with file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield _read_line(number, text, instants)


def load_events(path: Path, *, zone: str = "Asia/Shanghai") -> list[PublishedEvent]:
    """The whole file ordered by instant of publication; raises PortfolioLineBad for the first bad line."""
    events: list[PublishedEvent] = []
    for read in scan_events(path, zone=zone):
        if isinstance(read, BadLine):
            raise PortfolioLineBad(read.line, read.code, read.message)
        events.append(read)
    return sorted(events, key=lambda published: published.at)


def _read_line(number: int, line: bytes, instants: LocalInstants) -> PublishedEvent | BadLine:
    try:
        structured = parse_structured(line)
        type_ = structured.envelope.type
        decode(event_class(topic_of(type_), type_), structured.data)
        event: dict[str, Any] = json.loads(line)
        return PublishedEvent(structured.envelope.time or _published_at(event["data"], instants), event)
    except EventRefused as refused:
        return BadLine(number, refused.code, refused.detail)


def _published_at(data: dict[str, Any], instants: LocalInstants) -> datetime:
    """`posted_at` or the midnight of the business date; what names none comes first of all."""
    if "posted_at" in data:
        return datetime.fromisoformat(data["posted_at"]).astimezone(UTC)
    for field in _DAY_FIELDS:
        if field in data:
            return instants.midnight(date.fromisoformat(data[field]))
    return datetime(1970, 1, 1, tzinfo=UTC)
