"""A notifier with people, overdue loans and a simulated gateway in a process of its own, to measure sends on."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import text

from dev.bench.machine import PARTITIONS, Place
from notifier.app import assemble
from notifier.gateways.signatures import new_secret
from notifier.sending.sender import Sender
from notifier.settings import NotifierSettings
from notifier.store.gates import TICKING, save_ticks
from notifier.vault import KEY_BYTES, Vault
from spine.clock import wall_now
from spine.database import Runtime, create_engine
from spine.envelope import Envelope
from spine.events.ledger import LoanOverdue, Overdue
from spine.events.parties import BorrowerUpdated, ContactPoint
from spine.events.registry import Event, encode
from spine.events.stager import ContactRequested
from spine.service import Received, Service
from spine.topics import partition_of

_PORTION: Final = 500
_SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


@dataclass(slots=True)
class ShiftedClock:
    """Business time that runs as wall time does, so far ahead of it."""

    ahead: timedelta

    async def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def shanghai(hour: int) -> datetime:
    """The next time it is so late in Shanghai, at least an hour from now."""
    local = datetime.now(_SHANGHAI) + timedelta(hours=1)
    at = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (at if at > local else at + timedelta(days=1)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Mailing:
    """A notifier that can send, and the record of its gateway."""

    runtime: Runtime
    service: Service
    record: Path
    url: str
    secret: str

    @property
    def sender(self) -> Sender:
        [send] = [schedule for schedule in self.service.schedules if schedule.name == "send"]
        sender = getattr(send.run, "__self__", None)
        assert isinstance(sender, Sender)
        return sender

    async def take(self, topic: str, events: Sequence[Event]) -> None:
        """Hands events to their handler, a portion a transaction."""
        consume = next(consume for consume in self.service.consumes if consume.topic == topic)
        for start in range(0, len(events), _PORTION):
            batch = [_received(event, start + n) for n, event in enumerate(events[start : start + _PORTION])]
            await self.runtime.run(lambda tx, batch=batch: consume.handler(tx, batch))  # type: ignore[misc]

    async def people(self, count: int) -> None:
        """So many borrowers in Shanghai, each with a phone and a loan four days overdue."""
        await self.take("corebanking.parties.v1", [_borrower(n) for n in range(count)])
        await self.take("ledger.v1", [_overdue(n) for n in range(count)])

    async def ask(self, name: str, count: int, **changes: Any) -> None:
        """One text for each of so many borrowers."""
        now = await self.runtime.clock.now()
        await self.take("stager.v1", [_request(name, n, now, **changes) for n in range(count)])

    async def analyze(self) -> None:
        async with self.runtime.engine.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))

    async def states(self) -> dict[str, int]:
        """How many messages are in each state."""
        async with self.runtime.engine.connect() as connection:
            rows = await connection.execute(text("SELECT state, count(*) AS n FROM message GROUP BY state"))
            return {row.state: row.n for row in rows}


@asynccontextmanager
async def mailing(
    place: Place, ahead: timedelta, *, pool: int = 8, **settings: Any
) -> AsyncIterator[Mailing]:
    """A notifier on the place's database whose business clock is so far ahead, ticked every half second."""
    engine = create_engine(place.urls["notifier"], name="bench", pool_size=pool)
    clock = ShiftedClock(ahead)
    runtime = Runtime("notifier", engine, clock, _SHANGHAI, PARTITIONS)
    vault = Vault({"k1": b"k" * KEY_BYTES, "index": b"i" * KEY_BYTES}, "k1")
    with tempfile.TemporaryDirectory(prefix="tact-bench-") as folder:
        home = Path(folder)
        (home / "secret").write_text(new_secret(), encoding="ascii")
        async with _gateway(home) as url:
            given = NotifierSettings(gateway_url=url, gateway_secret_file=home / "secret")
            service = assemble(runtime, replace(given, **settings), vault)
            secret = (home / "secret").read_text(encoding="ascii")
            ticking = asyncio.create_task(_tick(runtime))
            try:
                yield Mailing(runtime, service, home / "gateway.ndjson", url, secret)
            finally:
                ticking.cancel()
                with suppress(asyncio.CancelledError):
                    await ticking
                for close in service.closing:
                    await close()
                await engine.dispose()


@asynccontextmanager
async def _gateway(home: Path) -> AsyncIterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tact.simulator", "--port", str(port)]
    command += ["--record", str(home / "gateway.ndjson"), "--secret-file", str(home / "secret")]
    process = await asyncio.create_subprocess_exec(*command)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(30):
            while True:
                with suppress(httpx.HTTPError):
                    await client.get(f"{url}/healthz")
                    break
                await asyncio.sleep(0.05)
        yield url
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _tick(runtime: Runtime) -> None:
    places = [(topic, partition) for topic in TICKING for partition in range(PARTITIONS)]
    while True:
        at = wall_now()
        await runtime.run(lambda tx, at=at: save_ticks(tx, [(*place, at) for place in places]))  # type: ignore[misc]
        await asyncio.sleep(0.5)


def _received(event: Event, number: int) -> Received:
    partition = partition_of(event.key, PARTITIONS) if event.key else 0
    envelope = Envelope(
        id=f"{event.TYPE}-{event.subject}-{number}",
        source="bench",
        type=event.TYPE,
        subject=event.subject,
        position=number + 1,
        loan_seq=1,
        log_epoch="bench",
    )
    return Received(event.TOPIC, partition, number, envelope, event, encode(event))


def _borrower(number: int) -> BorrowerUpdated:
    phone = ContactPoint(id="mobile", channel="sms", address=f"138{number:08d}", consent="given")
    return BorrowerUpdated(
        borrower_id=f"B{number}", name="王小明", timezone="Asia/Shanghai", contact_points=(phone,)
    )


def _overdue(number: int) -> LoanOverdue:
    return LoanOverdue(
        borrower_id=f"B{number}",
        loan_id=f"L{number}",
        product="consumer-loan",
        currency="CNY",
        as_of=date(2026, 11, 24),
        dpd=4,
        dpd_zero_on=date(2026, 11, 20),
        oldest_unpaid_due_on=date(2026, 11, 20),
        overdue=Overdue(
            principal="950.00", interest="50.00", fee="0.00", penalty="1.90", compound="0.00", total="1001.90"
        ),
        outstanding_principal="9500.00",
    )


def _request(name: str, number: int, now: datetime, **changes: Any) -> ContactRequested:
    given = {"purpose": "collection", "template": "s1-warm-sms", **changes}
    return ContactRequested(
        borrower_id=f"B{number}",
        loan_id=f"L{number}",
        case_id=f"case-B{number}",
        request_id=f"{name}-{number}",
        stage="S1",
        step="first-sms",
        channel="sms",
        episode=1,
        entry_no=1,
        requested_at=now,
        expires_at=now + timedelta(days=3),
        policy="strategy 1",
        **given,
    )
