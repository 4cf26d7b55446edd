"""When the view may be stale, sending stops by itself, says why, and goes on by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from datetime import time as datetime_time
from pathlib import Path

import pytest
from sqlalchemy import text

from tact.doctor import examine
from tact.kafka_server import KafkaCluster
from tests.brokers import kafka_libs
from tests.databases import open_directory
from tests.system.invariants import accepted, check_all
from tests.system.portfolio import START, Small, at
from tests.system.world import World, world

X_S = 5.0
STORY = Small(loans=48, days=6)
STEP_AT = datetime_time(10)


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[World]:
    """One system for all faults: its clock stands just before the reminders of a day."""
    async with world() as w:
        await w.play(STORY.events(), 2)
        yield w


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def sends_stop(w: World, day: int, says: Callable[[str], bool]) -> None:
    """With a fault on: more than X later the day's reminders become due, and none reaches the gateway."""
    reasons = await w.until_ready("notifier", ready=False)
    assert any(says(reason) for reason in reasons), reasons
    await asyncio.sleep(X_S)
    before = len(w.gateway_record())
    await w.step(at(START + timedelta(days=day), STEP_AT))
    await asyncio.sleep(3)
    assert len(w.gateway_record()) == before, "a message left while the view was stale"


async def sends_resume(w: World, day: int) -> None:
    """Without the fault the same reminders go out by themselves."""
    before = len(accepted(w))
    await w.until_ready("notifier", ready=True)
    await w.play(STORY.events(), day + 1, start=day)
    assert len(accepted(w)) > before


@pytest.mark.parametrize(
    ("day", "child", "topic"),
    [
        (2, "ledger-worker", "ledger.v1"),
        (3, "contact-log-worker", "contact-log.v1"),
        (4, "stager-worker", "stager.v1"),
    ],
)
async def test_a_stopped_service_stops_sending(running: World, day: int, child: str, topic: str) -> None:
    with stopped(running.pid(child)):
        await sends_stop(running, day, lambda reason: topic in reason)
        findings = await examine(running.home)
        assert any(child.removesuffix("-worker") in finding.what for finding in findings), findings
    await sends_resume(running, day)


async def test_the_invariants_hold_after_all_of_it(running: World) -> None:
    await running.play(STORY.events(), STORY.days, start=5)
    await check_all(running)


async def test_a_stuck_intake_stops_sending() -> None:
    """Core banking's events wait unread: what the ledger says may be outdated, so its ticks stop."""
    async with world() as w:
        await w.play(STORY.events(), 2)
        async with w.stage.services["ledger"][1].engine.begin() as connection:
            # An open transaction that holds the books' open date: every intake waits behind it.
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            await connection.execute(text("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE"))
            await w.feed.publish(list(Small(loans=1, days=4, prefix="late").events())[:2])
            await sends_stop(w, 2, lambda reason: "ledger.v1" in reason)
        await w.until_ready("notifier", ready=True)


@pytest.mark.kafka
async def test_a_dead_broker_stops_sending() -> None:
    libs = kafka_libs()
    with open_directory("tact-kafka-") as home:
        cluster = KafkaCluster(Path(home), libs=libs)
        bootstrap = cluster.start()
        try:
            async with world(kafka_bootstrap=bootstrap) as w:
                await w.play(STORY.events(), 2)
                cluster.kill()
                await sends_stop(
                    w, 2, lambda reason: "stale" in reason or "tick" in reason or "behind" in reason
                )
                async with w.client("ledger") as client:
                    answer = await client.post("/v1/events", json=late_loan())
                    assert answer.status_code == 201, "what comes over REST is kept in the outbox"
                cluster.restart()
                await sends_resume(w, 2)
                rows = await w.fetch("notifier", "SELECT 1 FROM debt WHERE loan_id = 'rest-L0000'")
                assert rows, "and told once the broker is back"
        finally:
            cluster.stop()


def late_loan() -> dict[str, object]:
    """A loan that core banking posts over REST."""
    events = [e.event for e in Small(loans=1, days=4, prefix="rest").events()]
    loan = dict(next(event for event in events if event["type"] == "loan.opened.v1"))
    due = (START - timedelta(days=20)).isoformat()
    rows = [{**row, "due_on": due} if row["seq"] == 1 else row for row in loan["data"]["schedule"]]
    return {
        **loan,
        "data": {**loan["data"], "schedule": rows, "opened_on": (START - timedelta(days=60)).isoformat()},
    }


async def test_money_acknowledged_over_rest_stops_the_reminders_of_the_same_instant() -> None:
    async with world() as w:
        await w.play(STORY.events(), 2)
        due = await w.fetch(
            "stager", "SELECT loan_id, borrower_id FROM episode WHERE closed_on IS NULL LIMIT 10"
        )
        assert due
        acknowledged: dict[str, float] = {}
        async with w.client("ledger") as client:
            await w.step(at(START + timedelta(days=2), STEP_AT))
            for row in due:
                answer = await client.post("/v1/events", json=_settling(row["borrower_id"], row["loan_id"]))
                assert answer.status_code == 201, answer.text
                acknowledged[row["loan_id"]] = time.time()
        await w.play([], STORY.days, start=2)
        facts = {
            data["client_ref"]: data
            for _, data in await w.told("notifier", "message.%")
            if data.get("client_ref")
        }
        for entry in accepted(w):
            loan = facts[entry["client_ref"]]["loan_id"]
            if loan in acknowledged:
                late = datetime.fromisoformat(entry["received_wall"]).timestamp() - acknowledged[loan]
                assert late <= X_S, (loan, late)


def _settling(borrower: str, loan: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"settling-{loan}",
        "source": "urn:test:rest",
        "type": "repayment.posted.v1",
        "data": {
            "borrower_id": borrower,
            "loan_id": loan,
            "repayment_id": f"{loan}-S",
            "amount": "3000.00",
            "currency": "CNY",
            "value_date": (START + timedelta(days=2)).isoformat(),
            "posted_at": at(START + timedelta(days=2), STEP_AT).isoformat(),
        },
    }
