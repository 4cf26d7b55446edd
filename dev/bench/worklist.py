"""A page of the worklist among a million open cases: over REST, beside the bare SQL that reads the same rows."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg
import httpx

from dev.bench.machine import PARTITIONS, Place
from dev.bench.result import Result
from spine.clock import FixedClock
from spine.database import Runtime, create_engine, plain_url
from spine.http import create_api
from stager.app import build

CASES: Final = 1_000_000
MEMBERS: Final = 2_000
PAGES: Final = 600
LIMIT: Final = 50
TARGET_MS: Final = 50.0
NOW: Final = datetime(2026, 11, 16, 2, tzinfo=UTC)
_TODAY: Final = date(2026, 11, 16)
_TOKEN: Final = "b" * 32
_PORTION: Final = 100_000
#: One open task per case; two of five have somebody who does them, one in a hundred is a visit or late.
_FILL: Final = """
    INSERT INTO task (task_id, kind, borrower_id, loan_id, case_id, due_at, sla_at, stage, people, priority, rank,
                      policy_digest, opened_at, status, assignee, escalated_at, retry_at)
    SELECT gen_random_uuid()::text, CASE WHEN n % 100 = 0 THEN 'visit' ELSE 'call' END, 'B' || n, 'L' || n,
           'C' || n,
           $3::timestamptz + make_interval(mins => ((n * 7919::bigint) % 20160 - 14400)::int),
           $3::timestamptz + interval '1 day', 'S1', 1, 0,
           -((n * 104729::bigint) % 5000), '', $3, 'open',
           CASE WHEN n % 5 < 2 THEN 'M' || (n / 5) % $4::int END,
           CASE WHEN n % 100 = 1 THEN $3::timestamptz END, $3::timestamptz + interval '1 day'
    FROM generate_series($1::int, $2::int) AS n
"""
#: What the views show, read as plainly as can be.
_COLUMNS: Final = """
    task_id, kind, borrower_id, loan_id, case_id, due_at, sla_at, stage, step, people, skill, region, locale,
    priority, rank, reason, origin, policy_digest, opened_at, status, assignee, agency_id, claimed_by, lease_until,
    escalated_at, notice_at, closed_at, closed_by, end_reason, completion
"""


async def fill(connection: asyncpg.Connection, cases: int) -> None:
    """Open tasks for so many cases, and what the planner should know of them."""
    for begin in range(1, cases + 1, _PORTION):
        end = min(begin + _PORTION - 1, cases)
        await connection.execute(_FILL, begin, end, NOW, MEMBERS, timeout=600)
    await connection.execute("VACUUM ANALYZE task", timeout=600)


async def measure(place: Place, cases: int = CASES, pages: int = PAGES) -> list[Result]:
    """The 99th percentile of a page's time in milliseconds, of each kind of list, in turn with the bare SQL."""
    connection = await asyncpg.connect(plain_url(place.urls["stager"]))
    engine = create_engine(place.urls["stager"], name="bench")
    runtime = Runtime("stager", engine, FixedClock(NOW), ZoneInfo("Asia/Shanghai"), PARTITIONS)
    try:
        await fill(connection, cases)
        app = create_api(build(runtime), runtime, token=_TOKEN)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://stager",
            headers={"Authorization": f"Bearer {_TOKEN}"},
        ) as client:
            return [await _list(client, connection, name, *asked, pages) for name, asked in _LISTS.items()]
    finally:
        await connection.close()
        await engine.dispose()


#: By name: the query of the list, and the same as a condition. {member} is another member each time.
_LISTS: Final[dict[str, tuple[str, str]]] = {
    "of a member": ("member={member}", "assignee = '{member}'"),
    "of a member, due": (
        f"member={{member}}&due={_TODAY}",
        "assignee = '{member}' AND due_at < '2026-11-16T16:00Z'",
    ),
    "of all": ("state=open", "TRUE"),
    "of all, due": (f"due={_TODAY}", "due_at < '2026-11-16T16:00Z'"),
    "nobody's": ("state=unassigned", "assignee IS NULL"),
    "late": ("state=escalated", "escalated_at IS NOT NULL"),
    "visits": ("kind=visit", "kind = 'visit'"),
}


async def _list(
    client: httpx.AsyncClient,
    connection: asyncpg.Connection,
    name: str,
    query: str,
    condition: str,
    pages: int,
) -> Result:
    """Pages of one list: half of them first pages, half of them somewhere behind."""
    chance = random.Random(name)
    ours, bare = [], []
    for number in range(pages):
        member = f"M{chance.randrange(MEMBERS)}"
        rank = -chance.randrange(5_000)
        after = f"&cursor={rank}~{'0' * 36}" if number % 2 else ""
        began = time.perf_counter()
        response = await client.get(f"/v1/tasks?limit={LIMIT}&{query.format(member=member)}{after}")
        ours.append(time.perf_counter() - began)
        response.raise_for_status()
        where = condition.format(member=member)
        if after:
            where += f" AND (rank, task_id) > ({rank}, '{'0' * 36}')"
        sql = (
            f"SELECT {_COLUMNS} FROM task WHERE status = 'open' AND {where}"  # noqa: S608 (of our own making)
            f" ORDER BY rank, task_id LIMIT {LIMIT + 1}"
        )
        began = time.perf_counter()
        rows = await connection.fetch(sql)
        bare.append(time.perf_counter() - began)
        shown = [item["task_id"] for item in response.json()["items"]]
        if shown != [row["task_id"] for row in rows][:LIMIT]:
            raise AssertionError(f"worklist {name}: the page differs from the rows")
    return Result(
        f"worklist page {name}, p99",
        "ms",
        _percentile(ours),
        "SQL of the same rows",
        _percentile(bare),
        TARGET_MS,
    )


def _percentile(seconds: Sequence[float]) -> float:
    """The 99th percentile in milliseconds."""
    return sorted(seconds)[int(len(seconds) * 0.99) - 1] * 1_000
