"""Facts of every kind in any order of arrival and any batches come to what they come to in order of their days."""

from __future__ import annotations

from asyncio import Runner
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from ledger.domain.facts import LoanFacts
from ledger.domain.position import position
from spine.events.registry import Event
from spine.money import format_minor
from spine.service import Received
from tests.databases import DatabaseServer, fresh_database
from tests.ledger.desk import NOON, Desk, open_desk
from tests.ledger.events import (
    arriving,
    at,
    charge,
    charged_back,
    claimed,
    closed,
    debit,
    debit_failed,
    due,
    held,
    lifted,
    opened,
    paused,
    pending,
    posted,
    rate,
    rescheduled,
    resumed,
    reversed_,
    stated,
)

#: In the order of their days. The opening is always there; of the others any may be missing.
FACTS: Final[tuple[Event, ...]] = (
    opened(),
    rate("09-20", "0.18"),
    charge("12.00", "09-25", id="CH-1"),
    posted("1115.00", "10-01", id="R-1"),
    reversed_("R-1", "10-05"),
    posted("700.00", "10-06", id="R-2"),
    charged_back("200.00", "10-08", id="R-2"),
    paused("10-12", "10-20"),
    paused("10-15"),
    resumed("10-22"),
    charge("8.00", "10-25", "penalty", id="CH-2"),
    rescheduled("11-01", due(4, "11-15", "1000.00", "90.00"), keep=(1, 2)),
    rescheduled("11-12", due(5, "12-15", "900.00", "80.00"), keep=(1, 2)),
    posted("333.33", "11-16", id="R-3"),
    pending("50.00", "11-24", id="R-4"),
    posted("50.00", "11-22", id="R-4"),
    debit("75.00", at("11-23", "09:00"), id="D-1"),
    posted("75.00", "11-23", id="R-5"),
    debit("85.00", at("11-23", "10:00"), id="D-2"),
    debit_failed("limit", id="D-2"),
    debit("95.00", at("11-23", "20:00"), id="D-3"),
    reversed_("R-never", "11-23"),
    closed("11-23", "written_off"),
)
#: What people say and do comes once the loan is there: who says it knows it from the ledger.
SAID: Final[tuple[Any, ...]] = (
    claimed(at("11-22"), "333.33"),
    claimed(at("11-19"), "333.33", id="C-2"),
    held(at("11-02"), at("12-01")),
    lifted(at("11-10")),
)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]], list[Any]]:
    """Some of the facts in their order; the same in another and cut into batches; what was said."""
    kept = draw(st.lists(st.booleans(), min_size=len(FACTS) - 1, max_size=len(FACTS) - 1))
    orderly = [FACTS[0], *(fact for fact, is_kept in zip(FACTS[1:], kept, strict=True) if is_kept)]
    batches: list[list[Event]] = [[]]
    for fact in draw(st.permutations(orderly)):
        batches[-1].append(fact)
        if draw(st.booleans()):
            batches.append([])
    return orderly, [batch for batch in batches if batch], [each for each in SAID if draw(st.booleans())]


def alike(loan: LoanFacts) -> LoanFacts:
    """The facts in one order: the fold sorts them itself."""
    several: dict[str, Any] = {
        each.name: tuple(sorted(getattr(loan, each.name), key=repr))
        for each in fields(loan)
        if isinstance(getattr(loan, each.name), tuple)
    }
    return replace(loan, **several)


async def outcome(desk: Desk) -> list[Any]:
    """All that is kept of the loan, but for the times at which it came."""
    loan, standing, row = await desk.loan()
    transits = await desk.rows("SELECT transit_id, state, repayment_id, reason FROM transit ORDER BY 1")
    return [
        alike(loan),
        standing,
        position(loan, standing.as_of),
        row.next_transition_on,
        [tuple(each) for each in await desk.rows("SELECT event_id, waits_for FROM parked ORDER BY 1")],
        [tuple(each) for each in transits],
        [row.state for row in await desk.rows("SELECT state FROM statement_check")],
        await desk.rows("SELECT id FROM dead_letter"),
    ]


async def live(desk: Desk, batches: Sequence[Sequence[Received]], said: Sequence[Any]) -> list[Any]:
    """A life from an empty database to the outcome."""
    tables = "loan, instalment, repayment, loan_fact, transit, statement_check, parked, inbox, dead_letter"
    await desk.rows_changed(f"TRUNCATE {tables}, outbox")
    for batch in batches:
        await desk.take(*batch)
    await desk.hear(*said)
    return await outcome(desk)


def numbered(facts: Sequence[Event]) -> list[Received]:
    """The same fact is the same event in every life; core banking sent them in the order of their days."""
    return [
        arriving(fact, f"e-{FACTS.index(fact)}" if fact in FACTS else "s", sent_at=NOON) for fact in facts
    ]


async def check(desk: Desk, orderly: list[Event], batches: list[list[Event]], said: list[Any]) -> None:
    plain = await live(desk, [numbered(orderly)], said)
    due_now = plain[2]
    # A statement of the very figures that all of it comes to agrees in the end, whenever it came.
    figures = stated(
        str(due_now.as_of),
        due_now.dpd,
        format_minor(due_now.overdue.principal, "CNY"),
        format_minor(due_now.overdue.interest, "CNY"),
        format_minor(due_now.overdue.penalty, "CNY"),
    )
    plain[6] = ["matched"]
    for place in (0, len(batches)):
        life = [numbered(batch) for batch in batches]
        life.insert(place, numbered([figures]))
        found = await live(desk, life, said)
        assert found == plain


#: The orders are few of very many; the rest is the state machine's.
FEW: Final = settings(
    max_examples=max(15, settings().max_examples // 20),
    suppress_health_check=list(HealthCheck),
)


def test_any_order_and_any_batches_come_to_the_same(postgres_server: DatabaseServer) -> None:
    with Runner() as runner:
        doors = AsyncExitStack()

        async def make() -> str:
            return await doors.enter_async_context(fresh_database(postgres_server))

        desk = runner.run(doors.enter_async_context(open_desk(make)))

        @FEW
        @given(arrivals())
        def lives(drawn: tuple[list[Event], list[list[Event]], list[Any]]) -> None:
            runner.run(check(desk, *drawn))

        try:
            lives()
        finally:
            runner.run(doors.aclose())
