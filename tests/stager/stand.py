"""A stager on its own database, driven as its worker would drive it: batches in, timers, events out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import text

from spine.business_days import business_date, local_instant
from spine.clock import FixedClock
from spine.database import Runtime, Tx
from spine.events.ledger import BusinessDateClosed, LoanOverdue
from spine.events.notifier import PartyChanged
from spine.events.registry import Event
from spine.service import Received, Service
from spine.topics import partition_of
from stager.app import build
from stager.store.preparations import close_books
from tests.runtimes import emitted, received, service_runtime


@dataclass
class Stand:
    """A stager under test. Facts get a number per loan, as the ledger numbers them.

    The notifier has told of every borrower before the ledger does, unless `strangers`. The books of the day before
    are known to be closed whenever timers run, also where a test jumps over days, unless `open_books`.
    """

    runtime: Runtime
    service: Service
    told: int = 0
    numbers: Counter[str] = field(default_factory=Counter)
    strangers: bool = False
    open_books: bool = False
    known: set[str] = field(default_factory=set)

    def set_time(self, instant: datetime) -> None:
        """Moves the business clock."""
        cast(FixedClock, self.runtime.clock).instant = instant

    def local(self, day: date, hour: int, minute: int = 0) -> datetime:
        """A local time in the lender's zone."""
        at = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour, minutes=minute)
        return local_instant(day, at.time(), self.runtime.zone)

    def fact(self, event: Event) -> Received:
        """The event as the consumer would hand it on."""
        self.told += 1
        key = event.key
        seq = None
        if event.subject is not None:
            self.numbers[event.subject] += 1
            seq = self.numbers[event.subject]
        partition = partition_of(key, self.runtime.partitions) if key is not None else 0
        return received(event, id=f"e{self.told}", position=self.told, loan_seq=seq, partition=partition)

    def closes(self, day: date) -> list[Received]:
        """The close of a date as every partition hears it."""
        self.told += 1
        return [
            received(BusinessDateClosed(date=day), id=f"e{self.told}-{p}", position=self.told, partition=p)
            for p in range(self.runtime.partitions)
        ]

    async def take(self, batch: list[Received], *, early: bool = False) -> None:
        """Hands a batch of one topic to its handler, in one transaction."""
        self.known |= {one.event.borrower_id for one in batch if isinstance(one.event, PartyChanged)}
        await self._introduce({one.event.borrower_id for one in batch if isinstance(one.event, LoanOverdue)})
        await self._hand_over(batch, early=early)

    async def _introduce(self, borrowers: set[str]) -> None:
        unknown = sorted(borrowers - self.known) if not self.strangers else []
        self.known |= set(unknown)
        if unknown:
            parties = [PartyChanged(borrower_id=id_, locale="zh-CN", timezone=None) for id_ in unknown]
            await self._hand_over(
                [received(party, id=f"party-{party.borrower_id}", position=0) for party in parties]
            )

    async def _hand_over(self, batch: list[Received], *, early: bool = False) -> None:
        consume = next(c for c in self.service.consumes if c.topic == batch[0].topic)
        handler = consume.early if early else consume.handler
        assert handler is not None
        handle = handler

        async def work(tx: Tx) -> None:
            await handle(tx, batch)

        await self.runtime.run(work)

    async def tell(self, *events: Event) -> list[Received]:
        """Hands events to their handler and returns them as they were handed over."""
        batch = [self.fact(event) for event in events]
        await self.take(batch)
        return batch

    async def close(self, day: date) -> None:
        """Closes a business date shortly after its midnight."""
        self.set_time(self.local(day + timedelta(days=1), 0, 10))
        await self.take(self.closes(day))

    async def run_timers(self) -> int:
        """Runs every schedule until nothing is due."""
        done = 0
        while did := sum([await schedule.run() for schedule in self.service.schedules]):
            done += did
        return done

    async def at(self, instant: datetime) -> int:
        """Moves the clock and runs what is due."""
        self.set_time(instant)
        if not self.open_books:
            yesterday = business_date(instant, self.runtime.zone) - timedelta(days=1)
            async with self.runtime.transaction() as tx:
                await close_books(tx, dict.fromkeys(range(self.runtime.partitions), yesterday))
        return await self.run_timers()

    async def said(self, *types: str) -> list[dict[str, Any]]:
        """The data of all events told so far, of these types when some are given."""
        return [data for type_, data in await emitted(self.runtime) if not types or type_ in types]

    async def types(self) -> list[str]:
        """The types of all events told so far, in order."""
        return [type_ for type_, _ in await emitted(self.runtime)]

    async def rows(self, sql: str, **parameters: object) -> list[Any]:
        """Rows of the stager's database."""
        async with self.runtime.engine.connect() as connection:
            return list(await connection.execute(text(sql), parameters))


@asynccontextmanager
async def stand(make_database: Callable[[], Awaitable[str]], **options: Any) -> AsyncIterator[Stand]:
    """A new stager on a new database."""
    async with service_runtime(make_database, "stager", **options) as runtime:
        yield Stand(runtime, build(runtime))
