"""Facts about messages and reports as the tests need them: everything has a default."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from contact_log.app import build
from contact_log.handlers import keep_told
from spine.database import Runtime, Tx
from spine.events.notifier import MessageFact
from spine.events.registry import Event
from spine.http import create_api
from spine.service import Received
from tests.runtimes import received, service_runtime

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
TOKEN = "t" * 40

MakeDatabase = Callable[[], Awaitable[str]]


def fact(cls: type[MessageFact], message_id: str = "m-1", **changes: Any) -> MessageFact:
    """A fact about a warm reminder of stage S1 to borrower b-1."""
    given: dict[str, Any] = {
        "borrower_id": "b-1",
        "loan_id": "l-1",
        "message_id": message_id,
        "request_id": f"r-{message_id}",
        "channel": "sms",
        "purpose": "collection",
        "stage": "S1",
        "step": "warm-sms",
        "template": "s1-warm-sms",
        "at": NOON,
        "policy": "cn 1 0123456789ab",
    }
    return cls(**{**given, **changes})


def report(**changes: Any) -> dict[str, Any]:
    """The body of a reported call to borrower b-1 that nobody answered."""
    given = {
        "borrower_id": "b-1",
        "loan_id": "l-1",
        "channel": "call",
        "direction": "outbound",
        "outcome": "no_answer",
        "at": "2026-11-23T11:58:00+08:00",
        "by": "agent-7",
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


async def keep(runtime: Runtime, facts: Sequence[Event], *, first_id: int = 1) -> None:
    """Hands facts to the handler in one batch, as the consumer does; event ids are e-1, e-2, ..."""
    batch: list[Received] = [received(f, id=f"e-{first_id + n}") for n, f in enumerate(facts)]

    async def work(tx: Tx) -> None:
        await keep_told(tx, batch)

    await runtime.run(work)


@asynccontextmanager
async def contact_log(make_database: MakeDatabase) -> AsyncIterator[tuple[Runtime, httpx.AsyncClient]]:
    """A contact log on a fresh database, and a client of its REST door."""
    async with service_runtime(make_database, "contact-log", now=NOON) as runtime:
        app = create_api(build(runtime), runtime, token=TOKEN)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://contact-log",
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as client:
            yield runtime, client
