"""Keeps what credit bureaus were told of loans, the notice that came before, and what has to be corrected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from spine.database import Tx
from stager.domain.clock_policy import CorrectionGround
from stager.store.rows import Rows
from stager.tables.clocks import CREDIT_CORRECTION, CREDIT_ENTRY

EntryKind = Literal["notice", "report"]
_ENTRIES: Final = Rows(CREDIT_ENTRY)
_CORRECTIONS: Final = Rows(CREDIT_CORRECTION)


@dataclass(frozen=True, slots=True)
class CreditEntry:
    """An advance notice that arrived `on_date`, or an adverse report of that date; `reference` proves it."""

    entry_id: str
    kind: EntryKind
    loan_id: str
    episode: int
    borrower_id: str
    case_id: str
    on_date: date
    reference: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """What showed that a report of a loan may be wrong, and the task to correct it."""

    correction_id: str
    loan_id: str
    borrower_id: str
    ground: CorrectionGround
    origin: str
    task_id: str
    found_at: datetime


async def insert_entry(tx: Tx, entry: CreditEntry) -> None:
    """Keeps a notice or a report."""
    await tx.execute(
        f"INSERT INTO credit_entry ({_ENTRIES.columns})"  # noqa: S608 (column names of our own tables)
        f" SELECT {_ENTRIES.selected} FROM {_ENTRIES.source}",
        **_ENTRIES.parameters([entry]),
    )


async def entry_by_id(tx: Tx, entry_id: str) -> CreditEntry | None:
    """What was recorded under this id."""
    row = (
        await tx.execute(
            f"SELECT {_ENTRIES.columns} FROM credit_entry WHERE entry_id = :id",  # noqa: S608
            id=entry_id,
        )
    ).one_or_none()
    return CreditEntry(**row._mapping) if row is not None else None


async def entries_of(tx: Tx, loan_ids: Collection[str]) -> list[CreditEntry]:
    """Notices and reports of these loans, in order."""
    rows = await tx.execute(
        f"SELECT {_ENTRIES.columns} FROM credit_entry"  # noqa: S608
        " JOIN unnest(CAST(:loans AS text[])) AS u(loan_id) USING (loan_id) ORDER BY on_date, entry_id",
        loans=sorted(loan_ids),
    )
    return [CreditEntry(**row._mapping) for row in rows]


async def notice_arrived_on(tx: Tx, loan_id: str, episode: int, case_id: str, zone: str) -> date | None:
    """The first day on which an advance notice of this episode had reached the person."""
    row = (
        await tx.execute(
            """
            SELECT least(
                (SELECT min(on_date) FROM credit_entry
                 WHERE loan_id = :loan AND episode = :episode AND kind = 'notice'),
                (SELECT min(CAST(v.delivered_at AT TIME ZONE :zone AS date))
                 FROM document AS d JOIN document_delivery AS v USING (document_id)
                 WHERE d.case_id = :case AND d.loan_id = :loan AND d.episode = :episode
                   AND d.kind = 'credit_report_notice')) AS arrived_on
            """,
            loan=loan_id,
            episode=episode,
            case=case_id,
            zone=zone,
        )
    ).one()
    arrived_on: date | None = row.arrived_on
    return arrived_on


async def insert_corrections(tx: Tx, corrections: Sequence[Correction]) -> set[str]:
    """Keeps what is to be corrected; returns the ids that were not there before."""
    rows = await tx.execute(
        f"""
        INSERT INTO credit_correction ({_CORRECTIONS.columns})
        SELECT {_CORRECTIONS.selected} FROM {_CORRECTIONS.source}
        ON CONFLICT (loan_id, origin) DO NOTHING RETURNING correction_id
        """,  # noqa: S608
        **_CORRECTIONS.parameters(corrections),
    )
    return {row.correction_id for row in rows}


async def corrections_of(tx: Tx, loan_ids: Collection[str]) -> list[Correction]:
    """What is or was to be corrected of these loans, in order."""
    rows = await tx.execute(
        f"SELECT {_CORRECTIONS.columns} FROM credit_correction"  # noqa: S608
        " JOIN unnest(CAST(:loans AS text[])) AS u(loan_id) USING (loan_id) ORDER BY found_at, correction_id",
        loans=sorted(loan_ids),
    )
    return [Correction(**row._mapping) for row in rows]
