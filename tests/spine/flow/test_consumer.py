"""The consumer: effects once and in order, poison aside, gaps alarmed, zombies fenced."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import text

from spine.batches import MAX_DEAD_IN_A_ROW
from spine.topics import partition_of
from tests.spine.flow.probe import PARTITIONS, MakeDatabase, Probe, cured, probe, record, until


async def test_twins_are_dropped_and_order_kept(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p, p.consuming():
        sent = [record(cured(f"L{n}"), n) for n in (1, 2, 3)]
        await p.broker.publish([*sent, *sent, record(cured("L4"), 4)])

        async def all_seen() -> bool:
            return await p.seen() == ["L1", "L2", "L3", "L4"]

        await until(all_seen)


async def test_a_missing_record_stops_effects_and_alarms_while_stop_facts_apply(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("spine.consumer.GAP_ALARM_S", 0.3)
    async with probe(make_database) as p, p.consuming():
        await p.broker.publish([record(cured("L1"), 1), record(cured("L3"), 3)])

        async def gap_told() -> bool:
            rows = await p.fetch("SELECT gap_since FROM consumer_progress WHERE gap_since IS NOT NULL")
            return bool(rows) and p.early == ["L3"]

        await until(gap_told)
        assert await p.seen() == ["L1"]
        caught_up = "SELECT min(caught_up_at) AS at FROM consumer_progress WHERE gap_since IS NOT NULL"
        before = await p.fetch(caught_up)

        async def alarmed() -> bool:
            return "a record is missing" in capsys.readouterr().out

        await until(alarmed)
        assert await p.fetch(caught_up) == before, "behind a gap nothing counts as read to the end"
        await p.broker.publish([record(cured("L2"), 2)])

        async def released() -> bool:
            return await p.seen() == ["L1", "L2", "L3"]

        await until(released)


async def test_a_restart_behind_a_gap_reads_the_waiting_records_again(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        async with p.consuming():
            await p.broker.publish([record(cured("L1"), 1), record(cured("L3"), 3)])

            async def gap_told() -> bool:
                return p.early == ["L3"]

            await until(gap_told)
        async with p.consuming():
            await p.broker.publish([record(cured("L2"), 2)])

            async def released() -> bool:
                return await p.seen() == ["L1", "L2", "L3"]

            await until(released)


async def test_poison_goes_aside_and_the_rest_goes_on(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p, p.consuming():
        p.fail_on.add("L3")
        await p.broker.publish(
            [
                record(cured("L1"), 1),
                record(cured("L2"), 2, value=b"{not json"),
                record(cured("L3"), 3),
                record(cured("L4"), 4),
            ]
        )

        async def all_seen() -> bool:
            return await p.seen() == ["L1", "L4"]

        await until(all_seen)
        letters = await p.fetch('SELECT subject, code FROM dead_letter ORDER BY "offset"')
        assert letters == [
            {"subject": "L2", "code": "bad_json"},
            {"subject": "L3", "code": "handler_error"},
        ]
        told = await p.fetch("SELECT type, topic FROM outbox WHERE type LIKE 'dead_letter.%' ORDER BY id")
        assert [row["topic"] for row in told].count("stager.v1") == 2
        assert [row["topic"] for row in told].count("ledger.v1.dlq") == 2


async def test_too_many_dead_letters_in_a_row_stop_the_partition(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p, p.consuming():
        bad = [record(cured(f"L{n}"), n, value=b"{") for n in range(1, MAX_DEAD_IN_A_ROW + 2)]
        await p.broker.publish(bad)

        async def stopped() -> bool:
            return bool(await p.fetch("SELECT 1 FROM consumer_progress WHERE stopped IS NOT NULL"))

        await until(stopped)
        await p.broker.publish([record(cured("LX"), MAX_DEAD_IN_A_ROW + 2)])
    assert await p.seen() == []


async def test_another_log_epoch_stops_the_partition(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p, p.consuming():
        await p.broker.publish([record(cured("L1"), 1), record(cured("L2"), 2, epoch="e2")])

        async def stopped() -> bool:
            rows = await p.fetch("SELECT stopped FROM consumer_progress WHERE stopped IS NOT NULL")
            return bool(rows) and "log epoch e2" in str(rows[0]["stopped"])

        await until(stopped)
        assert await p.seen() == ["L1"]


async def test_a_zombie_commits_nothing_once_its_partitions_are_taken_over(
    make_database: MakeDatabase,
) -> None:
    async with probe(make_database) as p, p.consuming():
        await p.broker.publish([record(cured("L1"), 1)])

        async def first_seen() -> bool:
            return await p.seen() == ["L1"]

        await until(first_seen)
        async with p.runtime.engine.begin() as connection:
            await connection.execute(text("UPDATE consumer_progress SET owner_epoch = owner_epoch + 1"))
        await p.broker.publish([record(cured("L2"), 2)])

        async def taken_again() -> bool:
            return await p.seen() == ["L1", "L2"]

        await until(taken_again)
        epochs = await p.fetch("SELECT max(owner_epoch) AS epoch FROM consumer_progress")
        assert epochs == [{"epoch": 3}], "the fenced consumer had to take the partitions over anew"


async def test_a_batch_at_work_holds_up_its_own_partition_and_not_its_neighbour(
    make_database: MakeDatabase,
) -> None:
    borrowers = (f"B{n}" for n in range(2, 100))
    neighbour = next(b for b in borrowers if partition_of(b, PARTITIONS) != partition_of("B1", PARTITIONS))
    async with probe(make_database) as p, p.consuming():
        p.held["L1"] = asyncio.Event()
        await p.broker.publish([record(cured("L1"), 1)])
        await p.broker.publish([record(cured("L2"), 2), record(cured("N1", neighbour), 1)])

        async def neighbour_seen() -> bool:
            return await p.seen() == ["N1"]

        await until(neighbour_seen)
        p.held["L1"].set()

        async def all_seen() -> bool:
            return await p.seen() == ["N1", "L1", "L2"]

        await until(all_seen)


async def test_a_partition_that_is_never_idle_still_tells_by_when_it_was_read_to_its_end(
    make_database: MakeDatabase,
) -> None:
    async with probe(make_database) as p, p.consuming():
        partition = partition_of("B1", PARTITIONS)
        caught_up = f"SELECT caught_up_at AS at FROM consumer_progress WHERE partition = {partition}"

        async def taken() -> bool:
            return bool(await p.fetch(caught_up + " AND caught_up_at IS NOT NULL"))

        await until(taken)
        sent = 1
        p.held["L1"] = asyncio.Event()
        await p.broker.publish([record(cured("L1"), 1)])
        begun = await _instant(p, "SELECT clock_timestamp() AS at")

        async def goes_on() -> bool:
            """The next record is there before the batch that is at work ends, and after it began."""
            nonlocal sent
            await until(lambda: _at_work(p, f"L{sent}"))
            sent += 1
            p.held[f"L{sent}"] = asyncio.Event()
            await p.broker.publish([record(cured(f"L{sent}"), sent)])
            p.held[f"L{sent - 1}"].set()
            await until(lambda: _seen(p, sent - 1))
            return await _instant(p, caught_up) > begun

        await until(goes_on)
        p.held[f"L{sent}"].set()


async def _at_work(p: Probe, loan: str) -> bool:
    return loan in p.at_work


async def _seen(p: Probe, count: int) -> bool:
    return len(await p.seen()) >= count


async def _instant(p: Probe, sql: str) -> datetime:
    at = (await p.fetch(sql))[0]["at"]
    assert isinstance(at, datetime)
    return at
