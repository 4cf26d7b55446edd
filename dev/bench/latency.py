"""From a settlement acknowledged over REST to the notifier's gate closed, beside one record through the broker."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx

from dev.bench.result import Result
from spine.broker.connect import connect
from spine.broker.port import Broker, BrokerConsumer, OutRecord, TopicPartition
from spine.settings import Surroundings
from tact.home import Home
from tact.system import OneMachine, Options

SAMPLES = 200
_TOPIC = "corebanking.v1.dlq"


async def measure(kafka_bootstrap: str | None) -> list[Result]:
    """Runs the whole system as processes, settles SAMPLES overdue loans one by one, and reads the gates."""
    with _home() as home:
        machine = OneMachine(home, Options(own_database=True, kafka_bootstrap=kafka_bootstrap))
        try:
            await machine.start_infrastructure()
            await machine.start_services()
            await machine.wait_ready()
            latencies_s = await _settle(machine, home)
            bare_s = await _bare(machine)
        finally:
            await machine.stop()
            if machine.postgres is not None:
                machine.postgres.remove()
    name = "Kafka" if kafka_bootstrap else "embedded log"
    path = f"settlement acknowledged -> gate closed, {name}"
    bare = "one record published and polled"
    return [
        Result(f"{path}, p50", "ms", _part(latencies_s, 0.5), bare, _part(bare_s, 0.5)),
        Result(f"{path}, p99", "ms", _part(latencies_s, 0.99), bare, _part(bare_s, 0.99), 1_000),
    ]


@contextmanager
def _home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="tact-bench-") as folder:
        # PostgreSQL runs as another user when this one is root, and must get through.
        Path(folder).chmod(0o755)
        yield Home(Path(folder) / "home")


def _part(samples_s: list[float], share: float) -> float:
    return sorted(samples_s)[min(int(len(samples_s) * share), len(samples_s) - 1)] * 1_000


async def _settle(machine: OneMachine, home: Home) -> list[float]:
    token = (home.path / "token").read_text(encoding="ascii")
    base = f"http://127.0.0.1:{machine.ports['ledger']}"
    gates = await asyncpg.connect(machine.environment["TACT_NOTIFIER_DATABASE_URL"])
    headers = {"Authorization": f"Bearer {token}"}
    acknowledged: dict[str, datetime] = {}
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=10) as client:
        for number in range(SAMPLES):
            (await client.post("/v1/events", json=_opened(number))).raise_for_status()
        await _until(gates, "SELECT count(*) FROM loan_gate WHERE reason = 'arrears' AND NOT closed")
        for number in range(SAMPLES):
            (await client.post("/v1/events", json=_settled(number))).raise_for_status()
            acknowledged[f"L{number}"] = datetime.now(UTC)
        await _until(gates, "SELECT count(*) FROM loan_gate WHERE reason = 'arrears' AND closed")
    rows = await gates.fetch("SELECT loan_id, changed_at FROM loan_gate WHERE reason = 'arrears'")
    await gates.close()
    return [(row["changed_at"] - acknowledged[row["loan_id"]]).total_seconds() for row in rows]


async def _until(connection: asyncpg.Connection, count: str) -> None:
    async with asyncio.timeout(60):
        while await connection.fetchval(count) < SAMPLES:  # noqa: ASYNC110 - another process's work
            await asyncio.sleep(0.05)


async def _bare(machine: OneMachine) -> list[float]:
    surroundings = Surroundings.from_environment(machine.environment)
    broker = connect(surroundings, log_database_url=surroundings.database_url("log"))
    await broker.start()
    reader = broker.consumer("bare", [_TOPIC], "bare")
    await reader.start()
    tp = TopicPartition(_TOPIC, 0)
    while len(reader.assignment()) < surroundings.partitions:
        await reader.poll(0.05, 1)
    for other in reader.assignment():
        reader.seek(other, 0)
    try:
        return [await _once(broker, reader, tp) for _ in range(SAMPLES)]
    finally:
        await reader.stop()
        await broker.close()


async def _once(broker: Broker, consumer: BrokerConsumer, tp: TopicPartition) -> float:
    started = time.perf_counter()
    publishing = asyncio.create_task(
        broker.publish([OutRecord(tp.topic, tp.partition, b"k", b"v", [("ce_id", b"bare")])])
    )
    while not (await consumer.poll(1.0, 10)).get(tp):
        pass
    elapsed_s = time.perf_counter() - started
    await publishing
    return elapsed_s


def _event(id_: str, type_: str, data: dict[str, object]) -> dict[str, object]:
    return {"specversion": "1.0", "id": id_, "source": "urn:bench", "type": type_, "data": data}


def _opened(number: int) -> dict[str, object]:
    today = datetime.now(UTC).date()
    return _event(
        f"opened-{number}",
        "loan.opened.v1",
        {
            "borrower_id": f"B{number}",
            "loan_id": f"L{number}",
            "product": "consumer-loan",
            "currency": "CNY",
            "principal": "1000.00",
            "annual_rate": "0.12",
            "opened_on": (today - timedelta(days=60)).isoformat(),
            "schedule": [
                {"seq": 1, "due_on": _days_ago(today, 9), "principal": "1000.00", "interest": "10.00"}
            ],
        },
    )


def _settled(number: int) -> dict[str, object]:
    today = datetime.now(UTC).date()
    return _event(
        f"settled-{number}",
        "repayment.posted.v1",
        {
            "borrower_id": f"B{number}",
            "loan_id": f"L{number}",
            "repayment_id": f"R{number}",
            "amount": "1100.00",
            "currency": "CNY",
            "value_date": _days_ago(today, 1),
            "posted_at": datetime.now(UTC).isoformat(),
        },
    )


def _days_ago(today: date, days: int) -> str:
    return (today - timedelta(days=days)).isoformat()
