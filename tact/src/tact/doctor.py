"""What runs, what lags, what is wrong and what to do about it: read from the services' own databases."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from rich.table import Column, Table
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from spine.broker.connect import connect
from spine.database import Runtime
from spine.deadletters import replay, resolve
from spine.errors import NotFound, TactError
from spine.health import readiness
from spine.process import build_runtime
from spine.service import Service
from spine.settings import Surroundings
from spine.topics import TOPICS
from tact.home import Home
from tact.services import NAMES, build_of

_LAG: Final = text("""
    SELECT topic, sum(greatest(coalesce(end_offset, next_offset) - next_offset, 0)) AS lag,
           max(extract(epoch FROM clock_timestamp() - caught_up_at)) AS age_s,
           count(*) FILTER (WHERE gap_since IS NOT NULL) AS gaps,
           string_agg(partition || '@' || (last_position + 1), ', ') FILTER (WHERE gap_since IS NOT NULL)
               AS missing,
           string_agg(stopped, '; ') AS stopped
    FROM consumer_progress GROUP BY topic ORDER BY topic
""")
_OUTBOX: Final = text("""
    SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE position IS NULL LIMIT 100000) AS waiting)
           + (SELECT coalesce(sum(last_position - published_position), 0) FROM outbox_mark) AS waiting
""")
_DEAD: Final = text("""
    SELECT id, topic, partition, "offset", subject, code, message, opened_at
    FROM dead_letter WHERE resolved_at IS NULL ORDER BY opened_at LIMIT 500
""")
_TRACE: Final = text("""
    SELECT occurred_at, topic, type, position, loan_seq, data FROM outbox WHERE subject = :loan_id ORDER BY id
""")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, and what mends it."""

    what: str
    mend: str


@asynccontextmanager
async def _runtimes(names: tuple[str, ...] = NAMES) -> AsyncIterator[Mapping[str, Runtime]]:
    surroundings = Surroundings.from_environment()
    runtimes = {name: build_runtime(name, surroundings, pool_size=1) for name in names}
    try:
        yield runtimes
    finally:
        for runtime in runtimes.values():
            await runtime.engine.dispose()


async def examine(home: Home) -> list[Finding]:
    """Everything that is wrong now. Raises BadSettings when there is no database to look at."""
    Surroundings.from_environment().database_url(NAMES[0])
    findings = _children(home) + await _broker()
    async with _runtimes() as runtimes:
        for name, runtime in runtimes.items():
            service = build_of(name)(runtime)
            findings += [
                Finding(f"{name}: {reason}", mend_of(name, reason))
                for reason in await readiness(service, runtime)
            ]
            findings += await _warnings(service, runtime)
            for close in service.closing:
                await close()
            findings += await _flow(name, runtime)
    return findings


def _children(home: Home) -> list[Finding]:
    try:
        state = json.loads(home.state_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [
        Finding(
            f"{name} refused to run too often and was left down", f"read {child['log']}, then `tact up` again"
        )
        for name, child in state["children"].items()
        if child["given_up"]
    ]


async def _broker() -> list[Finding]:
    surroundings = Surroundings.from_environment()
    broker = connect(surroundings, log_database_url=surroundings.database_urls.get("log", ""))
    try:
        await broker.start()
        wrong = await broker.health()
    except (TactError, OSError, TimeoutError) as error:
        wrong = str(error)
    finally:
        await broker.close()
    if wrong is None:
        return []
    return [Finding(f"the broker: {wrong}", "start it; events wait in the outboxes and sending has stopped")]


async def _warnings(service: Service, runtime: Runtime) -> list[Finding]:
    """What somebody should look into though the service works; nothing while its database is not up to date."""
    if service.warnings is None:
        return []
    try:
        async with runtime.transaction() as tx:
            told = await service.warnings(tx)
    except (TactError, SQLAlchemyError, OSError):
        return []
    return [Finding(f"{service.name}: {warning}", mend_of(service.name, warning)) for warning in told]


async def _flow(name: str, runtime: Runtime) -> list[Finding]:
    findings = []
    async with runtime.engine.connect() as connection:
        for row in await connection.execute(_LAG):
            if row.gaps:
                owner = TOPICS[row.topic].owner
                findings.append(
                    Finding(
                        f"{name}: records are missing from {row.topic} (partition@position {row.missing})",
                        f"`tact doctor --republish {row.topic}/PARTITION@POSITION` lets {owner} send again",
                    )
                )
        dead = len((await connection.execute(_DEAD)).all())
    if dead:
        findings.append(
            Finding(
                f"{name}: {dead} dead letter(s) hold loans",
                "`tact dlq list`, mend the cause, `tact dlq replay`",
            )
        )
    return findings


def mend_of(name: str, reason: str) -> str:
    """What to do about a reason or warning of a service."""
    for part, mend in (
        ("log epoch", f"check that nothing was lost, then `tact doctor --accept-epoch {name}:TOPIC`"),
        ("schema", "`tact migrate`"),
        ("banking's feed", "ask core banking's publisher; sending goes on by what was told before"),
        ("differ from the books", "`GET /v1/statements`: compare, then correct the core or resolve each one"),
        ("wait for a loan", "`GET /v1/parked`: ask core banking for the loans or repayments they are about"),
        ("does not run", f"`tact status`; start `tact work {name}`; is the broker up?"),
        ("database does not answer", "start PostgreSQL or correct the database URL"),
        ("gap", "see the missing position below"),
    ):
        if part in reason:
            return mend
    return f"see the log of {name}'s worker; it goes on by itself once what it waits for is back"


async def republish(where: str) -> str:
    """`TOPIC/PARTITION@POSITION`: the owner's relay publishes again from there; consumers drop twins."""
    try:
        place, _, position = where.partition("@")
        topic, _, partition = place.rpartition("/")
        owner, number, start = TOPICS[topic].owner, int(partition), int(position)
    except (KeyError, ValueError):
        raise TactError(f"{where!r} is not TOPIC/PARTITION@POSITION of a topic of ours") from None
    if owner not in NAMES:
        raise TactError(f"{topic} is published by {owner}, not by us")
    async with _runtimes((owner,)) as runtimes, runtimes[owner].engine.begin() as connection:
        result = await connection.execute(
            text(
                "UPDATE outbox_mark SET published_position = least(published_position, :start)"
                " WHERE topic = :topic AND partition = :partition"
            ),
            {"start": max(start - 1, 0), "topic": topic, "partition": number},
        )
    if result.rowcount == 0:
        raise NotFound(f"{owner} has published nothing on {topic}/{number}")
    return f"{owner} publishes {topic}/{number} again from position {start}"


async def new_epoch(name: str) -> str:
    """Begins a new run of a service's positions, as a database restored from a backup needs.

    Positions it gave after the backup are in the topic and unknown to it; under the old epoch new facts would
    look like twins. Readers stop at the first record of the new run until `accept_epoch`.
    """
    async with _runtimes((name,)) as runtimes, runtimes[name].engine.begin() as connection:
        row = await connection.execute(
            text(
                "UPDATE relay SET log_epoch = gen_random_uuid()::text, owner_epoch = owner_epoch + 1"
                " RETURNING log_epoch"
            )
        )
        epoch = row.scalar_one()
    return f"{name} goes on under log epoch {epoch}; its readers wait for `tact doctor --accept-epoch`"


async def accept_epoch(where: str) -> str:
    """`SERVICE:TOPIC`: the service goes on with the topic's new run of positions."""
    name, _, topic = where.partition(":")
    if name not in NAMES or topic not in TOPICS:
        raise TactError(f"{where!r} is not SERVICE:TOPIC")
    async with _runtimes((name,)) as runtimes, runtimes[name].engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE consumer_progress SET log_epoch = NULL, last_position = -1, stopped = NULL,"
                " owner_epoch = owner_epoch + 1 WHERE topic = :topic"
            ),
            {"topic": topic},
        )
    return f"{name} goes on with {topic} from the next record; its worker takes the partitions over again"


async def status_tables(home: Home) -> list[Table]:
    """Processes, and each service's flow."""
    tables = []
    try:
        state = json.loads(home.state_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        state = None
    if state:
        processes = Table("process", "pid", "restarts", "log", title="Processes")
        for name, child in state["children"].items():
            pid = "given up" if child["given_up"] else str(child["pid"] or "starting")
            processes.add_row(name, pid, str(child["restarts"]), child["log"])
        tables.append(processes)
    flow = Table("service", "url", "reads", "behind", "read to the end", "outbox", title="Flow")
    ports: dict[str, int] = state["ports"] if state else {}
    async with _runtimes() as runtimes:
        for name, runtime in runtimes.items():
            async with runtime.engine.connect() as connection:
                rows = (await connection.execute(_LAG)).all()
                waiting = (await connection.execute(_OUTBOX)).scalar_one()
            url = f"http://127.0.0.1:{ports[name]}" if name in ports else ""
            for number, row in enumerate(rows):
                age = "never" if row.age_s is None else f"{row.age_s:.1f} s ago"
                first = (name, url, str(waiting)) if number == 0 else ("", "", "")
                flow.add_row(first[0], first[1], row.topic, str(row.lag), age, first[2])
    tables.append(flow)
    return tables


async def dead_letter_table() -> Table:
    """Open dead letters of all services."""
    # An id is to be copied whole into `tact dlq replay`, however narrow the terminal is.
    whole = Column("id", overflow="fold", min_width=36)
    table = Table("service", whole, "topic", "loan", "code", "what", title="Open dead letters")
    async with _runtimes() as runtimes:
        for name, runtime in runtimes.items():
            async with runtime.engine.connect() as connection:
                for row in await connection.execute(_DEAD):
                    place = f"{row.topic}/{row.partition}@{row.offset}"
                    table.add_row(name, row.id, place, row.subject or "", row.code, row.message)
    return table


@asynccontextmanager
async def _service(name: str) -> AsyncIterator[tuple[Service, Runtime]]:
    async with _runtimes((name,)) as runtimes:
        service = build_of(name)(runtimes[name])
        try:
            yield service, runtimes[name]
        finally:
            for close in service.closing:
                await close()


async def replay_letter(name: str, letter: str) -> None:
    """Hands a dead letter to its handler again. Raises NotFound, Conflict, or why it still fails."""
    async with _service(name) as (service, runtime), runtime.transaction() as tx:
        await replay(tx, service, letter)


async def resolve_letter(name: str, letter: str, reason: str) -> None:
    """Releases what a dead letter holds. Raises NotFound or Conflict."""
    async with _service(name) as (service, runtime), runtime.transaction() as tx:
        await resolve(tx, service, letter, reason)


async def trace_table(loan_id: str) -> Table:
    """What each service said of a loan, in business time."""
    rows: list[Any] = []
    async with _runtimes() as runtimes:
        for runtime in runtimes.values():
            async with runtime.engine.connect() as connection:
                rows += (await connection.execute(_TRACE, {"loan_id": loan_id})).all()
    table = Table("when", "topic", "what", "seq", "data", title=f"Loan {loan_id}")
    for row in sorted(rows, key=lambda r: (r.occurred_at, r.topic, r.loan_seq)):
        data = msgspec.json.decode(row.data)
        shown = {k: v for k, v in data.items() if k not in ("borrower_id", "loan_id", "schedule")}
        table.add_row(
            row.occurred_at.isoformat(timespec="seconds"),
            row.topic,
            row.type,
            str(row.loan_seq),
            json.dumps(shown, ensure_ascii=False)[:160],
        )
    return table
