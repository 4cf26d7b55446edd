"""The ledger on a database of its own, as its handlers and timers see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import text

from ledger import closing
from ledger.books import Answer
from ledger.domain.facts import LoanFacts
from ledger.handlers.core_facts import Intake, take
from ledger.handlers.people_facts import take_claims, take_decisions
from ledger.handlers.transits import take_due_transits
from ledger.policy import House
from ledger.standing import Standing
from ledger.store import loans
from spine.clock import FixedClock
from spine.database import Runtime
from spine.events.agreements import WaiverApproved, WaiverLapsed
from spine.events.contact_log import PaymentClaimed
from spine.events.registry import Event
from spine.events.stager import HoldLifted, HoldPlaced
from spine.service import Received
from tests.ledger.events import arriving
from tests.runtimes import SHANGHAI, emitted, service_runtime

#: Noon in Shanghai on the day that is open when a test begins.
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


@dataclass(slots=True)
class Desk:
    runtime: Runtime
    intake: Intake
    _count: int = 0

    async def take(self, *events: Event | Received) -> list[Answer]:
        """Takes events in as one batch; bare ones get ids of their own."""
        batch = [event if isinstance(event, Received) else self._next(event) for event in events]
        return await self.runtime.run(lambda tx: take(tx, batch, to=self.intake))

    async def hear(
        self, *events: HoldPlaced | HoldLifted | WaiverApproved | WaiverLapsed | PaymentClaimed
    ) -> None:
        """Takes in what people did and said, as from the topics of the stager and the contact log."""
        for event in events:
            handler = take_claims if isinstance(event, PaymentClaimed) else take_decisions
            batch = [self._next(event)]
            await self.runtime.run(partial(handler, events=batch, to=self.intake))

    async def move_transits(self) -> int:
        """Runs the timer of payments in transit until nothing is due; returns of how many loans."""
        moved = 0
        while batch := await take_due_transits(self.runtime, self.intake):
            moved += batch
        return moved

    def _next(self, event: Event) -> Received:
        self._count += 1
        return arriving(event, f"e-{self._count}", offset=self._count)

    def go_to(self, on: date, at: time = time(12)) -> None:
        """Sets the business clock to a local time."""
        cast(FixedClock, self.runtime.clock).instant = datetime.combine(on, at, SHANGHAI).astimezone(UTC)

    def wait(self, *, minutes: int) -> None:
        """Lets business time pass."""
        cast(FixedClock, self.runtime.clock).instant += timedelta(minutes=minutes)

    async def close_through(self, on: date) -> None:
        """Closes every business date up to and including `on`."""
        self.go_to(on + timedelta(days=1))
        async with self.runtime.transaction() as tx:
            open_on = (await tx.execute("SELECT open_on FROM business_date")).scalar_one_or_none()
        while (open_on := open_on or NOON.date()) <= on:
            await closing.close(self.runtime, self.intake, open_on)
            open_on += timedelta(days=1)

    async def said(self, *, of: str | None = None) -> list[str]:
        """Types of all the events said, in order, of one loan or of all."""
        return [type_.removesuffix(".v1") for type_, body in await self.events(of=of)]

    async def events(self, *, of: str | None = None) -> list[tuple[str, dict[str, Any]]]:
        return [
            (type_, body)
            for type_, body in await emitted(self.runtime)
            if of is None or body.get("loan_id") == of
        ]

    async def told(self, type_: str, *, of: str = "L-1") -> list[dict[str, Any]]:
        """What the events of one type say of a loan."""
        return [body for name, body in await self.events(of=of) if name == f"{type_}.v1"]

    async def loan(self, loan_id: str = "L-1") -> tuple[LoanFacts, Standing, Any]:
        """A loan's facts, its kept standing and its row."""
        async with self.runtime.transaction() as tx:
            row = await loans.find(tx, loan_id)
            assert row is not None
            account = (await loans.accounts(tx, [row], self.intake.terms))[loan_id]
        return account.facts, account.standing, row

    async def facts_known_at(self, instant: datetime, loan_id: str = "L-1") -> LoanFacts:
        """A loan's facts as the ledger knew them at an instant."""
        async with self.runtime.transaction() as tx:
            row = await loans.find(tx, loan_id)
            assert row is not None
            found = await loans.accounts(tx, [row], self.intake.terms, known_at=instant)
        return found[loan_id].facts

    async def rows_changed(self, sql: str) -> None:
        """Changes kept rows as nobody should: mends what a test needs mended."""
        async with self.runtime.engine.begin() as connection:
            await connection.execute(text(sql))

    async def rows(self, sql: str, **parameters: Any) -> Sequence[Any]:
        async with self.runtime.engine.connect() as connection:
            return list(await connection.execute(text(sql), parameters))


@asynccontextmanager
async def open_desk(
    make_database: Callable[[], Awaitable[str]], *, now: datetime = NOON, first: date | None = None
) -> AsyncIterator[Desk]:
    """A desk whose first business date is that of `now`, or `first`."""
    async with service_runtime(make_database, "ledger", now=now) as runtime:
        yield Desk(runtime, Intake(House.load(SHANGHAI, first_business_date=first)))
