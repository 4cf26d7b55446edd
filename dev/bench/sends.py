"""Sends: messages a second through the gateway simulator, reserved and settled, beside the same rows and bytes."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import httpx

from dev.bench.machine import Place
from dev.bench.mailing import Mailing, mailing, shanghai
from dev.bench.result import Result
from notifier.gateways.port import OutMessage
from notifier.gateways.signatures import sign
from notifier.gateways.wire import request_body
from spine.clock import wall_now
from spine.database import plain_url

MESSAGES: Final = 10_000
ONE_BY_ONE: Final = 4_000
_BATCH: Final = 100
_TARGETS: Final = {True: 1_000, False: 500}
_BARE_LANES: Final = 4


async def measure(place: Place, *, batched: bool) -> Result:
    """Sends one text to each of many people at noon, in batches or one message a transaction and request."""
    count = MESSAGES if batched else ONE_BY_ONE
    ahead = shanghai(12) - datetime.now(UTC)
    pace = {"batch": _BATCH, "lanes": 4} if batched else {"batch": 1, "lanes": 16}
    async with mailing(place, ahead, pool=16, **pace) as it:
        await it.people(count)
        await it.ask("first", count)
        await it.analyze()
        started = time.perf_counter()
        await send_all(it)
        elapsed_s = time.perf_counter() - started
        states = await it.states()
        assert states == {"accepted": count}, states
        bare_s = await _bare(it, place, count, _BATCH if batched else 1)
    name = f"sends in batches of {_BATCH}" if batched else "sends one by one"
    bare = "the same commits and requests, nothing decided"
    return Result(name, "messages/s", count / elapsed_s, bare, count / bare_s, _TARGETS[batched])


async def send_all(it: Mailing) -> None:
    """Runs the sender until nothing is due."""
    while await it.sender.run():
        pass


async def _bare(it: Mailing, place: Place, count: int, batch: int) -> float:
    """Writes the rows that were written and posts bodies as large, two commits and a request for each batch."""
    pool = await asyncpg.create_pool(plain_url(place.urls["notifier"]), min_size=4, max_size=16)
    lanes = _BARE_LANES if batch > 1 else 16
    async with pool, httpx.AsyncClient(trust_env=False, timeout=10) as client:
        for table in ("attempt", "decision", "outbox"):
            await pool.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
        await pool.execute("CREATE TABLE bare_message (LIKE message INCLUDING ALL)")
        await pool.execute("INSERT INTO bare_message SELECT * FROM message")
        work = await _work(pool, count, batch)
        started = time.perf_counter()
        await asyncio.gather(*(_lane(it, pool, client, work) for _ in range(lanes)))
        return time.perf_counter() - started


async def _work(
    pool: asyncpg.Pool, count: int, batch: int
) -> Iterator[tuple[list[asyncpg.Record], list[asyncpg.Record], list[asyncpg.Record]]]:
    attempts = await pool.fetch("SELECT * FROM attempt ORDER BY client_ref")
    decisions = await pool.fetch(f"SELECT {_DECIDED} FROM decision ORDER BY message_id")  # noqa: S608
    told = await pool.fetch(f"SELECT {_TOLD} FROM outbox WHERE type = 'message.accepted.v1' ORDER BY id")  # noqa: S608
    return iter(
        [
            (attempts[at : at + batch], decisions[at : at + batch], told[at : at + batch])
            for at in range(0, count, batch)
        ]
    )


_DECIDED: Final = (
    "message_id, attempt_no, at, judged_at, verdict, rules, policy, facts_cipher, facts_digest, engine"
)
_TOLD: Final = (
    "event_id, topic, partition, type, key, subject, loan_seq, occurred_at, data, correlation_id,"
    " causation_id"
)


async def _lane(
    it: Mailing,
    pool: asyncpg.Pool,
    client: httpx.AsyncClient,
    work: Iterator[tuple[list[asyncpg.Record], list[asyncpg.Record], list[asyncpg.Record]]],
) -> None:
    async with pool.acquire() as connection:
        for attempts, decisions, told in work:
            ids = [attempt["message_id"] for attempt in attempts]
            async with connection.transaction():
                await _copy(connection, "attempt", attempts)
                await _copy(connection, "decision", decisions)
                await connection.execute(_MOVE, ids, "sending")
            await _post(it, client, [attempt["client_ref"] for attempt in attempts])
            async with connection.transaction():
                await connection.execute(
                    "UPDATE bare_attempt SET state = 'accepted' WHERE client_ref = ANY($1)",
                    [attempt["client_ref"] for attempt in attempts],
                )
                await connection.execute(_MOVE, ids, "accepted")
                await _copy(connection, "outbox", told)


_MOVE: Final = "UPDATE bare_message SET state = $2 WHERE id = ANY($1)"


async def _copy(
    connection: asyncpg.pool.PoolConnectionProxy, table: str, rows: Sequence[asyncpg.Record]
) -> None:
    if rows:
        columns = tuple(rows[0].keys())
        await connection.copy_records_to_table(f"bare_{table}", records=map(tuple, rows), columns=columns)


async def _post(it: Mailing, client: httpx.AsyncClient, refs: Sequence[str]) -> None:
    until = datetime.now(UTC) + timedelta(days=2)
    words = "【示例】您好，这是一条与测得的短信一样长的文字，用来比较同样大小的请求。" * 2
    messages = [OutMessage(f"bare-{ref}", "sms", "+8613800000000", words, None, until) for ref in refs]
    body = request_body(messages)
    key = uuid.uuid4().hex
    headers = {
        "content-type": "application/json",
        "idempotency-key": key,
        **sign(it.secret, key, wall_now(), body),
    }
    (await client.post(f"{it.url}/v1/messages", content=body, headers=headers)).raise_for_status()
