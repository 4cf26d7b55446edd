"""The kill switch: rows read inside every reservation; an absent row means stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from spine.database import Tx

#: The scope of the switch for everything; the others are channels.
ALL = "all"
#: Not a row lock: senders that share a row, one after the other, would keep a stop waiting for ever. The queue
#: of an advisory lock is fair.
_LOCK: Final = 0x7AC7_0003


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch; `changed_at` is wall time."""

    scope: str
    stopped: bool
    changed_by: str | None
    approved_by: str | None
    changed_at: datetime


async def switches(tx: Tx) -> list[Switch]:
    """Every switch, by scope."""
    rows = await tx.execute(
        "SELECT scope, stopped, changed_by, approved_by, changed_at FROM kill_switch ORDER BY scope"
    )
    return [_switch(row) for row in rows]


def _switch(row: Any) -> Switch:
    return Switch(row.scope, row.stopped, row.changed_by, row.approved_by, row.changed_at)


async def stopped_scopes(tx: Tx, *, hold: bool) -> tuple[str, ...]:
    """What is stopped. With `hold` no switch changes before this transaction ends."""
    if hold:
        await tx.execute("SELECT pg_advisory_xact_lock_shared(:lock)", lock=_LOCK)
    rows = await tx.execute("SELECT scope, stopped FROM kill_switch ORDER BY scope")
    states = {row.scope: row.stopped for row in rows}
    stopped = tuple(scope for scope, is_stopped in states.items() if is_stopped)
    return stopped if ALL in states else (ALL, *stopped)


async def under_way(tx: Tx) -> dict[str, int]:
    """How many messages of each scope are being handed over just now: reserved before any stop, not settled."""
    rows = await tx.execute(
        "SELECT channel, count(*) AS n FROM attempt WHERE state = 'sending' GROUP BY channel"
    )
    counts = {row.channel: row.n for row in rows}
    return {**counts, ALL: sum(counts.values())}


async def lock(tx: Tx, scope: str) -> Switch | None:
    """Locks the switches, waiting for reservations that hold them; later ones wait behind this."""
    await tx.execute("SELECT pg_advisory_xact_lock(:lock)", lock=_LOCK)
    row = (
        await tx.execute(
            "SELECT scope, stopped, changed_by, approved_by, changed_at FROM kill_switch"
            " WHERE scope = :scope",
            scope=scope,
        )
    ).one_or_none()
    return None if row is None else _switch(row)


async def write(tx: Tx, scope: str, *, stopped: bool, by: str, approved_by: str | None) -> None:
    """Turns a switch."""
    await tx.execute(
        "UPDATE kill_switch SET stopped = :stopped, changed_by = :by, approved_by = :approved_by,"
        " changed_at = clock_timestamp() WHERE scope = :scope",
        scope=scope,
        stopped=stopped,
        by=by,
        approved_by=approved_by,
    )
