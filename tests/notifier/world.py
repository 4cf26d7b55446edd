"""A notifier on a real database with a gateway on a real socket, and short words for what happens to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from notifier.app import assemble
from notifier.sending.reserve import Reservation, reserve
from notifier.sending.sender import Sender
from notifier.settings import NotifierSettings
from notifier.vault import KEY_BYTES, Vault
from spine.clock import FixedClock, wall_now
from spine.database import Runtime
from spine.events.contact_log import ContactLogTick
from spine.events.ledger import LedgerTick, LoanCured, LoanOverdue, LoanSettled, Overdue
from spine.events.parties import BorrowerUpdated, ContactPoint
from spine.events.registry import Event
from spine.events.stager import ContactRequested, ContactWithdrawn, StagerTick
from spine.service import Consume, Received, Schedule, Service
from spine.topics import partition_of
from tests.notifier.socket_gateway import SocketGateway, socket_gateway
from tests.runtimes import emitted, received, service_runtime

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0LWdhdGV3YXktMzItYnk="


def a_vault() -> Vault:
    """A vault whose keys are known."""
    return Vault({"k1": b"k" * KEY_BYTES, "index": b"i" * KEY_BYTES}, "k1")


@dataclass(slots=True)
class World:
    """One notifier. Its clock stands at `now` until `at` moves it."""

    runtime: Runtime
    service: Service
    gateway: SocketGateway
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def at(self, instant: datetime) -> None:
        """Moves the business clock."""
        clock = self.runtime.clock
        assert isinstance(clock, FixedClock)
        clock.instant = instant

    def of(self, topic: str) -> Consume:
        return next(consume for consume in self.service.consumes if consume.topic == topic)

    async def take(self, *events: Event, seq: int | None = None, early: bool = False) -> None:
        """Hands events to their handler in one transaction, as the consumer does."""
        batch = [self.received(event, seq=seq) for event in events]
        consume = self.of(events[0].TOPIC)
        handler = consume.early if early else consume.handler
        assert handler is not None
        await self.runtime.run(lambda tx: handler(tx, batch))

    def received(self, event: Event, *, seq: int | None = None, id: str | None = None) -> Received:
        number = next(self.numbers)
        named = getattr(event, "partition", None)
        partition = partition_of(event.key, self.runtime.partitions) if event.key else named or 0
        return received(event, id=id or f"event-{number}", position=number, loan_seq=seq, partition=partition)

    async def borrower(self, borrower_id: str, **changes: Any) -> None:
        await self.take(borrower(borrower_id, **changes))

    async def overdue(self, loan_id: str, borrower_id: str, *, seq: int = 1, total: str = "3259.52") -> None:
        await self.take(overdue(loan_id, borrower_id, total=total), seq=seq)

    async def ready(self, *loans: tuple[str, str]) -> None:
        """Borrowers with an address, their loans overdue, and every tick fresh."""
        for borrower_id in dict.fromkeys(borrower_id for _, borrower_id in loans):
            await self.borrower(borrower_id)
        for loan_id, borrower_id in loans:
            await self.overdue(loan_id, borrower_id)
        await self.tick()

    async def request(self, request_id: str, loan_id: str, borrower_id: str, **changes: Any) -> None:
        await self.take(request(request_id, loan_id, borrower_id, await self.runtime.clock.now(), **changes))

    async def tick(self, *, age_s: float = 0.0, topics: Sequence[str] = ("ledger", "stager", "log")) -> None:
        """A tick of each topic in every partition, so old by the wall clock."""
        at = wall_now() - timedelta(seconds=age_s)
        kinds = {"ledger": LedgerTick, "stager": StagerTick, "log": ContactLogTick}
        for name in topics:
            await self.take(*(kinds[name](partition=p, at=at) for p in range(self.runtime.partitions)))

    def schedule(self, name: str) -> Schedule:
        return next(schedule for schedule in self.service.schedules if schedule.name == name)

    @property
    def sender(self) -> Sender:
        sender = getattr(self.schedule("send").run, "__self__", None)
        assert isinstance(sender, Sender)
        return sender

    async def reserve(self) -> Reservation:
        """The first half of a send: committed, and no byte has left."""
        pace = self.sender.pace
        return await self.runtime.run(
            lambda tx: reserve(tx, self.sender.desk, fresh_within_s=pace.fresh_within_s, batch=pace.batch)
        )

    async def send_after_its_pause(self) -> int:
        """Runs the sender when it has stopped waiting for the gateway."""
        await asyncio.sleep(self.sender.paused_s())
        return await self.send()

    async def send(self) -> int:
        """Runs the sender until nothing is due any more, or it waits."""
        return await self._until_idle("send")

    async def reconcile(self) -> int:
        return await self._until_idle("reconcile")

    async def _until_idle(self, name: str) -> int:
        done = 0
        while count := await self.schedule(name).run():
            done += count
        return done

    async def facts(self) -> list[tuple[str, dict[str, Any]]]:
        """What was told of messages: (accepted, fact) and the like, in order."""
        told = await emitted(self.runtime)
        return [(t.split(".")[1], dict(fact)) for t, fact in told if t.startswith("message.")]

    async def words(self) -> list[str]:
        return [word for word, _ in await self.facts()]

    async def rules(self) -> list[list[str]]:
        """The rules of every fact about a message, by their ids."""
        return [[rule["id"] for rule in fact.get("rules", ())] for _, fact in await self.facts()]


@asynccontextmanager
async def notifier(
    make_database: Callable[[], Awaitable[str]],
    *,
    now: datetime = NOON,
    policy_dir: Path | None = None,
    secret_file: Path,
    **changes: Any,
) -> AsyncIterator[World]:
    """A notifier of which nothing but its settings is special."""
    quick = {"settle_s": 0.0, "ask_again_s": 0.0, "lease_s": 30.0, "lanes": 1, "http_timeout_s": 5.0}
    quick["opening_spread_s"] = 0.0
    async with service_runtime(make_database, "notifier", now=now) as runtime, socket_gateway() as gateway:
        settings = replace(
            NotifierSettings(gateway_url=gateway.url, gateway_secret_file=secret_file),
            **{**quick, **changes},
        )
        service = assemble(runtime, settings, a_vault(), policy_dir)
        try:
            yield World(runtime, service, gateway)
        finally:
            for close in service.closing:
                await close()


def borrower(borrower_id: str, *, phone: str | None = None, **changes: Any) -> BorrowerUpdated:
    """A borrower in Shanghai with one phone number for texts."""
    number = phone or f"138{crc32(borrower_id.encode()) % 10**8:08d}"
    points = (ContactPoint(id="mobile", channel="sms", address=number, consent="given"),)
    given = {"name": "王小明", "timezone": "Asia/Shanghai", "contact_points": points, **changes}
    return BorrowerUpdated(borrower_id=borrower_id, **given)


def overdue(loan_id: str, borrower_id: str, *, total: str = "3259.52") -> LoanOverdue:
    """A loan whose instalment of 20 November is unpaid."""
    amounts = Overdue(
        principal=total, interest="0.00", fee="0.00", penalty="0.00", compound="0.00", total=total
    )
    return LoanOverdue(
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="consumer",
        currency="CNY",
        as_of=date(2026, 11, 24),
        dpd=4,
        dpd_zero_on=date(2026, 11, 20),
        oldest_unpaid_due_on=date(2026, 11, 20),
        overdue=amounts,
        outstanding_principal=total,
    )


def cured(loan_id: str, borrower_id: str) -> LoanCured:
    return LoanCured(
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="consumer",
        currency="CNY",
        as_of=date(2026, 11, 24),
        outstanding_principal="0.00",
    )


def settled(loan_id: str, borrower_id: str) -> LoanSettled:
    return LoanSettled(
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="consumer",
        currency="CNY",
        as_of=date(2026, 11, 24),
    )


def request(
    request_id: str, loan_id: str, borrower_id: str, now: datetime, **changes: Any
) -> ContactRequested:
    """The first text of stage S1, to be sent within three days."""
    given = {
        "channel": "sms",
        "template": "s1-warm-sms",
        "purpose": "collection",
        "expires_at": now + timedelta(days=3),
        **changes,
    }
    return ContactRequested(
        borrower_id=borrower_id,
        loan_id=loan_id,
        case_id=f"case-{borrower_id}",
        request_id=request_id,
        stage="S1",
        step="first-sms",
        episode=1,
        entry_no=1,
        requested_at=now,
        policy="strategy 1",
        **given,
    )


def withdrawn(request_id: str, loan_id: str, borrower_id: str) -> ContactWithdrawn:
    return ContactWithdrawn(
        borrower_id=borrower_id, loan_id=loan_id, request_id=request_id, reason="stage left"
    )
