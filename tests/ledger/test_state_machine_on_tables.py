"""The lives of the state machine on a real database: the tables keep all that the books need."""

from __future__ import annotations

from asyncio import Runner
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger.domain.facts import Repayment
from tests.databases import DatabaseServer, fresh_database
from tests.ledger.desk import Desk, open_desk
from tests.ledger.domain.strategies import FIRST
from tests.ledger.keepers import InMemory, Keeper, OnPostgres, empty
from tests.ledger.test_state_machine import HOUSE, IN_MEMORY, Ledger
from tests.ledger.test_state_machine_cases import LATER, NOW, L, at, contract, day


@contextmanager
def on_tables(server: DatabaseServer) -> Iterator[tuple[type[Ledger], Runner, Desk]]:
    """The machine with a database that is emptied before each run, beside a ledger in memory."""
    with Runner() as runner:
        doors = AsyncExitStack()

        async def make() -> str:
            return await doors.enter_async_context(fresh_database(server))

        async def move_in() -> Desk:
            return await doors.enter_async_context(open_desk(make, first=FIRST))

        desk = runner.run(move_in())

        class OnTables(Ledger):
            most_dates = 3

            def keepers(self) -> Iterator[Keeper]:
                runner.run(empty(desk))
                yield OnPostgres(desk, runner)
                yield InMemory(HOUSE, FIRST)

        try:
            yield OnTables, runner, desk
        finally:
            runner.run(doors.aclose())


@pytest.mark.timeout(3600)
def test_the_ledger_on_tables_says_what_the_books_in_memory_say(postgres_server: DatabaseServer) -> None:
    few = settings(
        IN_MEMORY,
        max_examples=max(8, IN_MEMORY.max_examples // 50),
        suppress_health_check=list(HealthCheck),
        # A failure is shown as it is: to make it small would take longer than to read it.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    with on_tables(postgres_server) as (machine, _, _):
        run_state_machine_as_test(machine, settings=few)


@pytest.mark.parametrize("what", ["again", "other body"])
def test_an_event_that_waited_and_was_refused_may_come_again_in_the_same_batch(
    postgres_server: DatabaseServer, what: str
) -> None:
    """Found: the batch still took it for known, and put the corrected one aside."""
    with on_tables(postgres_server) as (machine, _, _):
        loan = machine()
        loan.state(L, Repayment("R0", 100, day(1), at(1)), LATER, borrower="B9")
        loan.a_loan(contract(0), LATER)
        loan.what_should_not_happen(L, 0, "R1", (100, day(1), day(1)), NOW, what)
        loan.teardown()


def test_another_body_is_put_aside_under_the_loans_own_borrower(postgres_server: DatabaseServer) -> None:
    """Found: alone in its batch it was put aside under the borrower it names, whom no one asks about the loan."""
    with on_tables(postgres_server) as (machine, runner, desk):
        loan = machine()
        loan.a_loan(contract(0), NOW)
        loan.state(L, Repayment("R0", 100, day(1), at(1)), NOW, borrower="B9", id="e-0")
        loan.teardown()
        letters = runner.run(desk.rows("SELECT key, subject FROM dead_letter"))
        assert [tuple(letter) for letter in letters] == [("B1", L)]
