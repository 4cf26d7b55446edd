"""The shape in which core banking publishes: a structured CloudEvent and the business instant it goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

COREBANKING: Final = "corebanking.v1"
PARTIES: Final = "corebanking.parties.v1"
_PARTY_TYPES: Final = frozenset({"borrower.updated.v1", "borrower.merged.v1"})


def topic_of(type_: str) -> str:
    """The topic of a core-banking event type: what carries personal data goes to the parties' topic."""
    return PARTIES if type_ in _PARTY_TYPES else COREBANKING


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """`event` is a structured CloudEvents 1.0 object; `at` (UTC) is when core banking publishes it."""

    at: datetime
    event: Mapping[str, Any]

    @property
    def topic(self) -> str:
        return topic_of(self.event["type"])

    @property
    def key(self) -> str | None:
        """The partition key: the borrower's id; None for a heartbeat, which is about no one."""
        borrower_id: str | None = self.event["data"].get("borrower_id")
        return borrower_id


@dataclass(frozen=True, slots=True)
class Publisher:
    """Core banking's pen: wraps data as structured CloudEvents with one source and ids made of `prefix`."""

    source: str
    prefix: str

    def publish(self, at: datetime, type_: str, id_: str, data: dict[str, Any]) -> PublishedEvent:
        """`id_` must be unique among the source's events; the subject is the loan, else the borrower."""
        return PublishedEvent(
            at,
            {
                "specversion": "1.0",
                "id": f"{self.prefix}-{id_}",
                "source": self.source,
                "type": type_,
                "time": at.isoformat(),
                "subject": data.get("loan_id") or data["borrower_id"],
                "datacontenttype": "application/json",
                "data": data,
            },
        )


class LocalInstants:
    """Instants by business date and local time of one zone, in UTC; remembers midnights to stay cheap."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._known: dict[tuple[date, time], datetime] = {}

    def at(self, on: date, local: time) -> datetime:
        key = (on, local)
        found = self._known.get(key)
        if found is None:
            found = datetime.combine(on, local, self._zone).astimezone(UTC)
            self._known[key] = found
        return found

    def midnight(self, on: date) -> datetime:
        return self.at(on, time())


def add_months(on: date, months: int) -> date:
    """The same day of a later (or earlier) month; `on.day` must be at most 28."""
    years, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(years, month + 1, on.day)
