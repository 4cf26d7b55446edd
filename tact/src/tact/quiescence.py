"""Whether anything is still going on: what the stepped clock must wait for before it may jump."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import text

from spine.database import Runtime
from spine.service import Service
from spine.topics import TOPICS

#: One round trip for all of it: it is asked many times at each stop of the clock.
_FLOW = text("""
    SELECT EXISTS (SELECT 1 FROM outbox WHERE position IS NULL)
           OR EXISTS (SELECT 1 FROM outbox_mark WHERE published_position < last_position) AS busy,
           (SELECT CAST(json_agg(json_build_array(topic, partition, last_position)) AS text)
            FROM outbox_mark) AS marks,
           (SELECT CAST(json_agg(json_build_array(topic, partition, next_offset, last_position)) AS text)
            FROM consumer_progress) AS progress
""")
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One look at one service."""

    service: str
    busy: bool
    open: int
    next_at: datetime | None
    marks: dict[Place, int]
    positions: dict[Place, int]
    offsets: dict[Place, int]


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing is pending at this business instant; the next timer of any service is due at `next_at`."""

    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Busy:
    """What is pending, in words."""

    what: str


class Quiescence:
    """Looks at all services' databases, the ends of the external topics, and the gateway's receipts."""

    def __init__(
        self,
        services: Mapping[str, tuple[Service, Runtime]],
        external_ends: Callable[[], Awaitable[dict[Place, int]]],
        pending_receipts: Callable[[], Awaitable[int]],
    ) -> None:
        self._services = services
        self._external_ends = external_ends
        self._pending_receipts = pending_receipts

    async def look(self) -> Quiet | Busy:
        """Two looks must agree: between the first and the second nothing may have moved anywhere."""
        first = await self._once()
        if isinstance(first, Busy):
            return first
        verdict = self._judge(*first)
        if isinstance(verdict, Busy):
            return verdict
        if await self._pending_receipts():
            return Busy("receipts of the gateway")
        if await self._once() != first:
            return Busy("something moved between two looks")
        return verdict

    async def _once(self) -> tuple[list[_Seen], dict[Place, int]] | Busy:
        """All services, in the order of the flow; the first that has something to do is answer enough."""
        seen = []
        for service, runtime in self._services.values():
            one = await self._see(service, runtime)
            if one.busy:
                return Busy(f"outbox of {one.service}")
            if one.open:
                return Busy(f"{one.open} due in {one.service}")
            seen.append(one)
        return seen, await self._external_ends()

    async def _see(self, service: Service, runtime: Runtime) -> _Seen:
        async with runtime.transaction() as tx:
            due = await service.due(tx)
            flow = (await tx.connection.execute(_FLOW)).one()
        marks = msgspec.json.decode(flow.marks or "[]", type=list[tuple[str, int, int]])
        progress = msgspec.json.decode(flow.progress or "[]", type=list[tuple[str, int, int, int]])
        return _Seen(
            service=service.name,
            busy=flow.busy,
            open=due.open,
            next_at=due.next_at,
            marks={(topic, n): position for topic, n, position in marks if topic in TOPICS},
            positions={(topic, n): position for topic, n, _, position in progress if _is_ours(topic)},
            offsets={(topic, n): offset for topic, n, offset, _ in progress if not _is_ours(topic)},
        )

    def _judge(self, seen: list[_Seen], ends: dict[Place, int]) -> Quiet | Busy:
        marks = {place: position for one in seen for place, position in one.marks.items()}
        reads = {
            name: {consume.topic for consume in service.consumes}
            for name, (service, _) in self._services.items()
        }
        for one in seen:
            for place, position in marks.items():
                if place[0] in reads[one.service] and one.positions.get(place, 0) < position:
                    return Busy(f"{one.service} reads {place[0]}")
            for place, end in ends.items():
                if place[0] in reads[one.service] and one.offsets.get(place, 0) < end:
                    return Busy(f"{one.service} reads {place[0]}")
        return Quiet(min((one.next_at for one in seen if one.next_at is not None), default=None))


def _is_ours(topic: str) -> bool:
    """Whether a topic's records have positions; dead letters and the like have none that count."""
    return topic not in TOPICS or TOPICS[topic].positioned
