"""Keeps on which day each borrower of a portfolio taken over starts, and who still waits for a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from spine.database import Tx
from stager.domain.cases import Episode, StageEntry
from stager.store.episodes import EPISODE_COLUMNS, episode_of
from stager.store.rows import Rows
from stager.tables.cases import STAGE_ENTRY

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('stager.cutover_start'))"
_ENTRIES: Final = Rows(STAGE_ENTRY)


@dataclass(frozen=True, slots=True)
class StartRow:
    """The day of one borrower, and the policy version that gave it."""

    borrower_id: str
    starts_on: date
    policy_digest: str


async def lock_starts(tx: Tx) -> None:
    """One at a time gives days. Taken before any borrower's lock, and by nobody who holds one."""
    await tx.execute(_LOCK)


async def awaiting_borrowers(tx: Tx, today: date, limit: int) -> list[str]:
    """Who waits for a day, most days past due first."""
    rows = await tx.execute(
        """
        SELECT borrower_id FROM episode WHERE awaits_start GROUP BY borrower_id
        ORDER BY max(CASE WHEN dpd_zero_on IS NULL THEN dpd ELSE CAST(:today AS date) - dpd_zero_on END) DESC,
                 borrower_id
        LIMIT :limit
        """,
        today=today,
        limit=limit,
    )
    return [row.borrower_id for row in rows]


async def awaiting_episodes(tx: Tx, borrower_ids: Sequence[str]) -> list[tuple[Episode, StageEntry]]:
    """The loans of these locked borrowers that wait, each with its newest entry into a stage."""
    rows = await tx.execute(
        f"""
        SELECT {EPISODE_COLUMNS} FROM unnest(CAST(:borrowers AS text[])) AS u(borrower_id)
        JOIN episode AS e ON e.borrower_id = u.borrower_id AND e.awaits_start ORDER BY e.loan_id
        """,  # noqa: S608 (column names of our own tables)
        borrowers=list(borrower_ids),
    )
    episodes = [episode_of(row) for row in rows]
    entries = await tx.execute(
        f"""
        SELECT {_ENTRIES.columns}
        FROM unnest(CAST(:loans AS text[]), CAST(:episodes AS int[]), CAST(:numbers AS int[]))
             AS u(loan_id, episode, entry_no) JOIN stage_entry USING (loan_id, episode, entry_no)
        """,  # noqa: S608
        loans=[episode.loan_id for episode in episodes],
        episodes=[episode.episode for episode in episodes],
        numbers=[episode.entry_no for episode in episodes],
    )
    entered = {row.loan_id: StageEntry(**row._mapping) for row in entries}
    return [(episode, entered[episode.loan_id]) for episode in episodes]


async def places_taken(tx: Tx, first_on: date) -> dict[date, int]:
    """How many start on each day from `first_on` on."""
    rows = await tx.execute(
        "SELECT starts_on, count(*) AS taken FROM cutover_start WHERE starts_on >= :day GROUP BY starts_on",
        day=first_on,
    )
    return {row.starts_on: row.taken for row in rows}


async def starts_of(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, StartRow]:
    """The day of each of these borrowers that has one."""
    rows = await tx.execute(
        """
        SELECT borrower_id, starts_on, policy_digest
        FROM unnest(CAST(:borrowers AS text[])) AS u(borrower_id) JOIN cutover_start USING (borrower_id)
        """,
        borrowers=list(borrower_ids),
    )
    return {row.borrower_id: StartRow(**row._mapping) for row in rows}


async def save_starts(tx: Tx, days: Mapping[str, date], policy_digest: str) -> None:
    """Gives borrowers their days, once."""
    await tx.execute(
        """
        INSERT INTO cutover_start (borrower_id, starts_on, policy_digest, assigned_at)
        SELECT u.borrower_id, u.starts_on, :digest, :now
        FROM unnest(CAST(:borrowers AS text[]), CAST(:days AS date[])) AS u(borrower_id, starts_on)
        """,
        digest=policy_digest,
        now=tx.now,
        borrowers=list(days),
        days=list(days.values()),
    )
