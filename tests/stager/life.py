"""A borrower's life as it reaches the stager: the ledger's facts, what is said, what people do, and time."""

from __future__ import annotations

from asyncio import Runner
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

import httpx
from sqlalchemy import text

from spine.business_days import business_date
from spine.events.ledger import ArrearsChanged, LoanOverdue, Overdue
from spine.events.registry import Event
from spine.http import create_api
from spine.service import Received
from tests.databases import DatabaseServer, fresh_database
from tests.stager.figures import OVERDUE
from tests.stager.promising import TOKEN, team
from tests.stager.reference import Reference
from tests.stager.stand import Stand, stand
from tests.stager.watcher import Watcher

T = TypeVar("T")
OWNERS: Final = {"L1": "B1", "L2": "B1", "L3": "B2"}
#: A Monday; within a month comes National Day.
FIRST: Final = date(2026, 9, 7)
#: Below what anybody is contacted about.
_SMALL: Final = Overdue(
    principal="4.00", interest="1.00", fee="0.00", penalty="0.00", compound="0.00", total="5.00"
)
#: What stays: policies are kept once, and a document is never taken away.
_KEPT: Final = (
    "alembic_version",
    "policy",
    "team_member",
    "document",
    "document_delivery",
    "document_number",
)


class How(NamedTuple):
    """How a fact of the ledger comes: with others in a batch, `twice`, ahead of its turn, or only `late`."""

    last: bool = True
    twice: bool = False
    early: bool = False
    late: bool = False


@dataclass
class House:
    """A stager on a database, its REST door, and a team: anna and ben collect, lena leads, carl is compliance."""

    runner: Runner
    stand: Stand
    client: httpx.AsyncClient
    #: Whether all pieces of work of this life came to their end.
    in_order: bool = True

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a piece of work."""
        before, self.in_order = self.in_order, False
        result = self.runner.run(work)
        self.in_order = before
        return result

    async def clear(self) -> None:
        """The database as it was before anything happened; what policies were kept stays."""
        async with self.stand.runtime.engine.begin() as connection:
            rows = await connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            )
            names = [f'"{row.tablename}"' for row in rows if row.tablename not in _KEPT]
            await connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))


@contextmanager
def house_on(server: DatabaseServer) -> Iterator[House]:
    """A stager by the shipped rules on a database of its own."""
    with Runner() as runner:
        doors = AsyncExitStack()

        async def make() -> str:
            return await doors.enter_async_context(fresh_database(server))

        async def move_in() -> House:
            made = await doors.enter_async_context(stand(make))
            await team(made, anna=["collector"], ben=["collector"], lena=["lead"], carl=["compliance"])
            async with made.runtime.engine.begin() as connection:
                await connection.execute(
                    text("UPDATE team_member SET capacity = 1000, skills = '{visit,vulnerable,fraud,legal}'")
                )
            app = create_api(made.service, made.runtime, token=TOKEN)
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app),
                base_url="http://stager",
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
            return House(runner, made, await doors.enter_async_context(client))

        try:
            yield runner.run(move_in())
        finally:
            runner.run(doors.aclose())


class Life:
    """Facts are gathered and handed over in batches; after each thing that happens the watcher looks."""

    def __init__(self, house: House) -> None:
        house.in_order = True
        house.run(house.clear())
        self.house = house
        # Dates close as they do in life, and not because a test jumps over days.
        self.stand = Stand(house.stand.runtime, house.stand.service, open_books=True)
        self.reference = Reference(OWNERS)
        self.watcher = Watcher(self.stand, self.reference)
        #: The business date that is open in the ledger's books.
        self.open_on = FIRST
        self.now = self.stand.local(FIRST, 9)
        self.stand.set_time(self.now)
        self.history: list[Received] = []
        self.batch: list[Received] = []
        self.late: list[Received] = []
        self.names = 0

    def name(self, kind: str) -> str:
        """A name that was not used before."""
        self.names += 1
        return f"{kind}{self.names}"

    @property
    def today(self) -> date:
        """The local date of the clock; the books may be behind."""
        return business_date(self.now, self.stand.runtime.zone)

    def look(self, facts: list[Received] | None = None) -> None:
        """Everything must be as it must be."""
        self.house.run(self.watcher.look(self.now, facts))

    # -- the ledger ------------------------------------------------------------------------------------

    def state(self, event: Event, how: How = How()) -> None:
        """A fact of the ledger comes in, one way or another."""
        fact = self.stand.fact(event)
        if how.late:
            self.late.append(fact)
            return
        self.batch += [fact, fact] if how.twice else [fact]
        if how.early:
            self.ahead(fact)
        if how.last:
            self.hand_over()

    def ahead(self, fact: Received) -> None:
        """Of a fact ahead of its turn only what stops is heard."""
        consume = next(c for c in self.stand.service.consumes if c.topic == fact.topic)
        if isinstance(fact.event, consume.early_types):
            self.house.run(self.stand.take([fact], early=True))
            self.reference.ahead(fact)
            self.look()

    def hand_over(self) -> None:
        """The batch gathered so far."""
        batch, self.batch = self.batch, []
        if batch:
            self.history += batch
            self.house.run(self.stand.take(batch))
            self.look(batch)

    def overdue(
        self, loan_id: str, days: int, *, small: bool = False, came_over: bool = False
    ) -> LoanOverdue:
        """A loan so many days past due on the open date."""
        return LoanOverdue(
            **self._arrears(loan_id, days, small), taken_over_on=self.open_on if came_over else None
        )

    def changed(self, loan_id: str, days: int, *, small: bool = False) -> ArrearsChanged:
        """The same loan is so many days past due now; with none nothing counts."""
        return ArrearsChanged(**self._arrears(loan_id, days, small))

    def _arrears(self, loan_id: str, days: int, small: bool) -> dict[str, Any]:
        zero_on = self.open_on - timedelta(days=days) if days else None
        return {
            "borrower_id": OWNERS[loan_id],
            "loan_id": loan_id,
            "product": "consumer",
            "currency": "CNY",
            "as_of": self.open_on,
            "dpd": days,
            "dpd_zero_on": zero_on,
            "oldest_unpaid_due_on": zero_on,
            "overdue": _SMALL if small else OVERDUE,
            "outstanding_principal": "9000.00",
        }

    # -- time ------------------------------------------------------------------------------------------

    def close(self, days: int) -> None:
        """So many business dates are closed in one batch, as soon as the last of them is over."""
        if days == 0:
            return
        facts = []
        for _ in range(days):
            facts += self.stand.closes(self.open_on)
            self.open_on += timedelta(days=1)
        self.go_to(max(self.now, self.stand.local(self.open_on, 0, 10)))
        self.batch += facts
        self.hand_over()

    def go_to(self, instant: datetime) -> None:
        """Time passes, and nobody looks at what comes due."""
        self.now = instant
        self.stand.set_time(instant)

    def day_goes_by(self) -> None:
        """The dates that are over are closed, what is due is done slot by slot, and the day ends."""
        if self.open_on < self.today:
            self.close((self.today - self.open_on).days)
        for hour in (10, 14, 19):
            self.go_to(max(self.now, self.stand.local(self.open_on, hour, 5)))
            self.run_timers()
        self.close(1)

    def wait(self, length: timedelta) -> None:
        """Time passes, then all that came due is done."""
        self.go_to(self.now + length)
        self.run_timers()

    def run_timers(self) -> None:
        """All that is due is done."""
        self.house.run(self.stand.at(self.now))
        self.look()

    def wait_for_what_is_next(self) -> None:
        """Time passes until something comes due by itself, at most ten days."""
        [row] = self.house.run(
            self.stand.rows(
                "SELECT min(due_at) AS at FROM (SELECT due_at FROM step_timer"
                " UNION SELECT due_at FROM promise_reminder UNION SELECT due_at FROM plan_reminder"
                " UNION SELECT until FROM hold WHERE lifted_at IS NULL) AS t"
                " WHERE due_at > :now",
                now=self.now,
            )
        )
        self.go_to(min(row.at or self.now, self.now + timedelta(days=10)))
        self.run_timers()

    # -- people ----------------------------------------------------------------------------------------

    def tell(self, event: Event, *, early: bool = False) -> Received:
        """A fact of the notifier or the contact log."""
        fact = self.stand.fact(event)
        if early:
            self.ahead(fact)
        self.house.run(self.stand.take([fact]))
        self.look()
        return fact

    def post(self, path: str, body: dict[str, Any], *allowed: int) -> tuple[int, Any]:
        """What a person asks for over REST; it is done or refused."""
        response = self.house.run(self.house.client.post(path, json=body))
        assert response.status_code in (allowed or (200, 201, 403, 404, 409, 422)), response.text
        self.look()
        return response.status_code, response.json()

    def rows(self, sql: str, **parameters: object) -> list[Any]:
        """Rows of the stager's tables."""
        return self.house.run(self.stand.rows(sql, **parameters))

    def case_of(self, loan_id: str) -> str | None:
        """The newest case of the loan's borrower."""
        rows = self.rows(
            "SELECT case_id FROM collection_case WHERE borrower_id = :b ORDER BY case_no DESC LIMIT 1",
            b=OWNERS[loan_id],
        )
        return rows[0].case_id if rows else None

    def finish(self) -> None:
        """What is gathered is handed over, a last date is closed, and every decision is made again."""
        self.hand_over()
        self.close(1)
        self.run_timers()
        self.house.run(self.watcher.finish())
        for loan_id in ("L1", "L3"):
            case_id = self.case_of(loan_id)
            if case_id is not None:
                response = self.house.run(self.house.client.get(f"/v1/cases/{case_id}/why?limit=100"))
                assert response.json()["agrees"], response.text
