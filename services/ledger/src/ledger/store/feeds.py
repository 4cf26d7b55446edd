"""Keeps when each publisher of core banking was last heard."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from spine.database import Tx


@dataclass(frozen=True, slots=True)
class Feed:
    """A publisher; `heartbeat_at` is the instant its last heartbeat named, None if it never sent one."""

    source: str
    last_seen_at: datetime
    heartbeat_at: datetime | None


async def heard(tx: Tx, sources: Collection[str], heartbeats: Mapping[str, datetime]) -> None:
    """Notes that publishers were heard just now, and what their heartbeats said."""
    named = sorted({*sources, *heartbeats})
    if named:
        await tx.execute(
            "INSERT INTO feed AS f (source, last_seen_at, heartbeat_at) "
            "SELECT u.source, :now, u.at FROM unnest(CAST(:sources AS text[]), CAST(:ats AS timestamptz[]))"
            " AS u(source, at) ON CONFLICT (source) DO UPDATE"
            " SET last_seen_at = greatest(f.last_seen_at, excluded.last_seen_at),"
            " heartbeat_at = greatest(f.heartbeat_at, excluded.heartbeat_at)",
            now=tx.now,
            sources=named,
            ats=[heartbeats.get(source) for source in named],
        )


async def feeds(tx: Tx) -> list[Feed]:
    """All publishers ever heard, by name."""
    result = await tx.execute("SELECT source, last_seen_at, heartbeat_at FROM feed ORDER BY source")
    return [Feed(row.source, row.last_seen_at, row.heartbeat_at) for row in result]


async def silent(tx: Tx, after: timedelta) -> list[Feed]:
    """Publishers that send heartbeats and have not been heard for longer than `after`."""
    return [
        feed
        for feed in await feeds(tx)
        if feed.heartbeat_at is not None and tx.now - feed.last_seen_at > after
    ]
