"""Whether anything is still going on: what the stepped clock must wait for before it may jump."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from spine.database import Runtime
from spine.service import Service
from spine.topics import TOPICS

_FLOW = text("""
    SELECT EXISTS (SELECT 1 FROM outbox WHERE position IS NULL)
           OR EXISTS (SELECT 1 FROM outbox_mark WHERE published_position < last_position) AS busy
""")
_MARKS = text("SELECT topic, partition, last_position FROM outbox_mark")
_PROGRESS = text("SELECT topic, partition, next_offset, last_position FROM consumer_progress")
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
        verdict = self._judge(*first)
        if isinstance(verdict, Busy):
            return verdict
        if await self._pending_receipts():
            return Busy("receipts of the gateway")
        second = await self._once()
        if second != first:
            return Busy("something moved between two looks")
        return verdict

    async def _once(self) -> tuple[list[_Seen], dict[Place, int]]:
        seen = await asyncio.gather(*(self._see(*pair) for pair in self._services.values()))
        ends = await self._external_ends()
        return list(seen), ends

    async def _see(self, service: Service, runtime: Runtime) -> _Seen:
        async with runtime.transaction() as tx:
            due = await service.due(tx)
            flow = (await tx.connection.execute(_FLOW)).one()
            marks = (await tx.connection.execute(_MARKS)).all()
            progress = (await tx.connection.execute(_PROGRESS)).all()
        external = {name for name, topic in TOPICS.items() if not topic.positioned}
        return _Seen(
            service=service.name,
            busy=flow.busy,
            open=due.open,
            next_at=due.next_at,
            marks={(row.topic, row.partition): row.last_position for row in marks if row.topic in TOPICS},
            positions={(r.topic, r.partition): r.last_position for r in progress if r.topic not in external},
            offsets={(r.topic, r.partition): r.next_offset for r in progress if r.topic in external},
        )

    def _judge(self, seen: list[_Seen], ends: dict[Place, int]) -> Quiet | Busy:
        marks = {place: position for one in seen for place, position in one.marks.items()}
        reads = {
            name: {consume.topic for consume in service.consumes}
            for name, (service, _) in self._services.items()
        }
        for one in seen:
            if one.busy:
                return Busy(f"outbox of {one.service}")
            if one.open:
                return Busy(f"{one.open} due in {one.service}")
            for place, position in marks.items():
                if place[0] in reads[one.service] and one.positions.get(place, 0) < position:
                    return Busy(f"{one.service} reads {place[0]}")
            for place, end in ends.items():
                if place[0] in reads[one.service] and one.offsets.get(place, 0) < end:
                    return Busy(f"{one.service} reads {place[0]}")
        return Quiet(min((one.next_at for one in seen if one.next_at is not None), default=None))
