"""The lives of the state machine on a real database: the tables keep all that the books need."""

from __future__ import annotations

from asyncio import Runner
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.databases import DatabaseServer, fresh_database
from tests.ledger.desk import Desk, open_desk
from tests.ledger.domain.strategies import FIRST
from tests.ledger.keepers import InMemory, Keeper, OnPostgres, empty
from tests.ledger.test_state_machine import HOUSE, IN_MEMORY, Ledger


@pytest.mark.timeout(900)
def test_the_ledger_on_tables_says_what_the_books_in_memory_say(postgres_server: DatabaseServer) -> None:
    few = settings(
        IN_MEMORY,
        max_examples=max(8, IN_MEMORY.max_examples // 50),
        suppress_health_check=list(HealthCheck),
        # A failure is shown as it is: to make it small would take longer than to read it.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    with Runner() as runner:
        doors = AsyncExitStack()

        async def make() -> str:
            return await doors.enter_async_context(fresh_database(postgres_server))

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
            run_state_machine_as_test(OnTables, settings=few)
        finally:
            runner.run(doors.aclose())
