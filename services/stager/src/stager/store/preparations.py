"""Keeps where the preparation of first contacts stands, what was waived, and which business dates are closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from spine.database import Tx
from stager.domain.preparation import Preparation, PreparationStatus, PreparationWaiver
from stager.store.rows import Rows
from stager.tables.actions import PREPARATION, PREPARATION_WAIVER

_PREPARATIONS: Final = Rows(PREPARATION)
_WAIVERS: Final = Rows(PREPARATION_WAIVER)
_KEYS: Final = ("loan_id", "episode")
_SAVE: Final = f"""
    INSERT INTO preparation ({_PREPARATIONS.columns})
    SELECT {_PREPARATIONS.selected} FROM {_PREPARATIONS.source}
    ON CONFLICT (loan_id, episode) DO UPDATE SET {_PREPARATIONS.assignments(_KEYS)}
"""  # noqa: S608 (column names of our own tables)
_SAVE_WAIVERS: Final = f"""
    INSERT INTO preparation_waiver ({_WAIVERS.columns}) SELECT {_WAIVERS.selected} FROM {_WAIVERS.source}
    ON CONFLICT (loan_id, episode, item) DO NOTHING
"""  # noqa: S608


async def preparations_of(tx: Tx, episodes: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Preparation]:
    """The preparations of these (loan, episode) that have one."""
    rows = await tx.execute(
        f"""
        SELECT {_PREPARATIONS.columns}
        FROM unnest(CAST(:loans AS text[]), CAST(:episodes AS int[])) AS u(loan_id, episode)
        JOIN preparation USING (loan_id, episode)
        """,  # noqa: S608
        loans=[loan for loan, _ in episodes],
        episodes=[episode for _, episode in episodes],
    )
    return {(row.loan_id, row.episode): _preparation(row) for row in rows}


async def save_preparations(tx: Tx, preparations: Sequence[Preparation]) -> None:
    """Keeps preparations as they are now."""
    if preparations:
        await tx.execute(_SAVE, **_PREPARATIONS.parameters(preparations))


async def waivers_of(
    tx: Tx, episodes: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], list[PreparationWaiver]]:
    """What was waived of the preparation of these (loan, episode), in the order of the items."""
    rows = await tx.execute(
        f"""
        SELECT {_WAIVERS.columns}
        FROM unnest(CAST(:loans AS text[]), CAST(:episodes AS int[])) AS u(loan_id, episode)
        JOIN preparation_waiver USING (loan_id, episode) ORDER BY loan_id, episode, item
        """,  # noqa: S608
        loans=[loan for loan, _ in episodes],
        episodes=[episode for _, episode in episodes],
    )
    found: dict[tuple[str, int], list[PreparationWaiver]] = {}
    for row in rows:
        found.setdefault((row.loan_id, row.episode), []).append(PreparationWaiver(**row._mapping))
    return found


async def save_waivers(tx: Tx, waivers: Sequence[PreparationWaiver]) -> None:
    """Keeps what a person waived; waived once is waived."""
    if waivers:
        await tx.execute(_SAVE_WAIVERS, **_WAIVERS.parameters(waivers))


async def close_books(tx: Tx, dates: Mapping[int, date]) -> None:
    """Keeps the newest business date closed, by partition."""
    if not dates:
        return
    await tx.execute(
        """
        INSERT INTO closed_books AS c (partition, closed_through)
        SELECT u.partition, u.day FROM unnest(CAST(:partitions AS int[]), CAST(:days AS date[]))
               AS u(partition, day) ORDER BY u.partition
        ON CONFLICT (partition) DO UPDATE SET closed_through = excluded.closed_through
        WHERE c.closed_through < excluded.closed_through
        """,
        partitions=list(dates),
        days=list(dates.values()),
    )


async def closed_through(tx: Tx) -> dict[int, date]:
    """The newest business date closed, by partition."""
    rows = await tx.execute("SELECT partition, closed_through FROM closed_books")
    return {row.partition: row.closed_through for row in rows}


def _preparation(row: Any) -> Preparation:
    return Preparation(
        **{**row._mapping, "status": PreparationStatus(row.status), "missing": tuple(row.missing)}
    )
