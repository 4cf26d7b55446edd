"""The relay: every committed row gets a gapless position and is published in that order, whatever happens."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from spine.broker.port import Broker, OutRecord, PublishFailed
from spine.errors import Fenced
from spine.outbox import emit
from spine.relay import Relay
from tests.spine.flow.probe import MakeDatabase, Probe, cured, probe, topic_positions, until


async def published(p: Probe) -> bool:
    rows = await p.fetch(
        "SELECT 1 FROM outbox WHERE position IS NULL UNION ALL"
        " SELECT 1 FROM outbox_mark WHERE published_position < last_position"
    )
    return not rows


async def test_rows_are_published_in_order_with_gapless_positions(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p, p.relaying():
        loans = [f"L{n}" for n in range(1, 2301)]
        await p.emit(*loans)
        await until(lambda: published(p))
        found = await topic_positions(p.broker, "ledger.v1")
        assert [item for part in found.values() for item in part] == list(enumerate(loans, 1))


async def test_a_row_that_becomes_visible_late_is_published_all_the_same(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p, p.relaying():
        slow = p.runtime.transaction()
        tx = await slow.__aenter__()
        emit(tx, cured("LATE", "B1"))
        from spine.outbox import flush

        await flush(tx)  # has a lower id than all that follow, and is not visible yet
        await p.emit("L1", "L2")
        await until(lambda: published(p))
        await slow.__aexit__(None, None, None)

        async def late_too() -> bool:
            rows = await p.fetch("SELECT position FROM outbox WHERE subject = 'LATE'")
            return rows[0]["position"] == 3 and await published(p)

        await until(late_too)
        found = await topic_positions(p.broker, "ledger.v1")
        assert [item for part in found.values() for item in part] == [(1, "L1"), (2, "L2"), (3, "LATE")]


async def test_an_unconfirmed_batch_is_published_again_with_the_same_positions(
    make_database: MakeDatabase,
) -> None:
    async with probe(make_database) as p:
        flaky = _Flaky(p.broker)
        p.broker = flaky  # type: ignore[assignment]
        async with p.relaying():
            await p.emit("L1", "L2")
            await until(lambda: published(p))
        found = await topic_positions(flaky.inner, "ledger.v1")
        flat = [item for part in found.values() for item in part]
        assert flat == [(1, "L1"), (2, "L2"), (1, "L1"), (2, "L2")], "twins, for consumers to drop"


class _Flaky:
    """Stores the first batch and then says it failed, as a lost reply does."""

    def __init__(self, inner: Broker) -> None:
        self.inner = inner
        self._failed = False

    async def publish(self, batch: list[OutRecord]) -> None:
        await self.inner.publish(batch)
        if not self._failed and batch and batch[0].key is not None:
            self._failed = True
            raise PublishFailed("the reply was lost")


async def test_ticks_wait_for_all_inputs(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        async with p.relaying():
            await asyncio.sleep(1.3)
            assert await p.fetch("SELECT ticked_at FROM relay") == [{"ticked_at": None}]
        async with p.consuming(), p.relaying():

            async def ticked() -> bool:
                return (await p.fetch("SELECT ticked_at FROM relay"))[0]["ticked_at"] is not None

            await until(ticked)
        rows = await p.fetch("SELECT ticked_at <= clock_timestamp() AS past FROM relay")
        assert rows == [{"past": True}]


async def test_one_relay_leads_and_a_fenced_one_stops(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        first = Relay(p.service, p.runtime, p.broker, member="first", outbox_woken=asyncio.Event())
        stopping = asyncio.Event()
        task = asyncio.create_task(first.run(stopping))

        async def leads() -> bool:
            return (await p.fetch("SELECT owner FROM relay"))[0]["owner"] == "first"

        await until(leads)
        async with p.runtime.engine.begin() as connection:
            await connection.execute(text("UPDATE relay SET owner_epoch = owner_epoch + 1"))
        with pytest.raises(Fenced):
            await asyncio.wait_for(task, 10)


async def test_loan_seq_counts_each_loans_events_without_gap(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        await p.emit("L1", "L2", "L1")
        await asyncio.gather(*(p.emit("L1", "L2") for _ in range(5)))
        rows = await p.fetch("SELECT subject, loan_seq FROM outbox ORDER BY id")
        for loan, count in (("L1", 7), ("L2", 6)):
            assert [r["loan_seq"] for r in rows if r["subject"] == loan] == list(range(1, count + 1))


async def test_a_failed_transaction_emits_nothing(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        with pytest.raises(ZeroDivisionError):
            async with p.runtime.transaction() as tx:
                emit(tx, cured("L1"))
                raise ZeroDivisionError
        assert await p.fetch("SELECT * FROM outbox") == []
