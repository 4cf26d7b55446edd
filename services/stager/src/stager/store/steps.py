"""Keeps the timers of steps, and loads those that are due with the facts they are decided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from spine.database import Tx
from stager.domain.cases import StepTimer
from stager.domain.scopes import Subject
from stager.store.parties import traits, zone_of
from stager.store.rows import Rows
from stager.tables.cases import STEP_TIMER

_TIMERS: Final = Rows(STEP_TIMER)
_INSERT_AGAIN: Final = f"""
    INSERT INTO step_timer ({_TIMERS.columns})
    SELECT u.loan_id, u.episode, u.entry_no, u.step, u.borrower_id,
           coalesce((SELECT max(r.occurrence) + 1 FROM contact_request AS r
                     WHERE (r.loan_id, r.episode, r.entry_no, r.step)
                         = (u.loan_id, u.episode, u.entry_no, u.step)), 0), u.due_at
    FROM {_TIMERS.source}
    ON CONFLICT (loan_id, episode, entry_no, step) DO UPDATE SET due_at = excluded.due_at
"""  # noqa: S608 (column names of our own tables)
_MOVE: Final = f"""
    UPDATE step_timer AS t SET occurrence = u.occurrence, due_at = u.due_at
    FROM {_TIMERS.source}
    WHERE (t.loan_id, t.episode, t.entry_no, t.step) = (u.loan_id, u.episode, u.entry_no, u.step)
"""  # noqa: S608 (column names of our own tables)
_DROP: Final = f"""
    DELETE FROM step_timer AS t USING {_TIMERS.source}
    WHERE (t.loan_id, t.episode, t.entry_no, t.step) = (u.loan_id, u.episode, u.entry_no, u.step)
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A timer and the loan it belongs to. `stage` is None when the loan has left the stage of the timer.

    `subject` and `entered_on`, the day from which it is in its stage, tell which strategy is the loan's.
    """

    timer: StepTimer
    case_id: str
    stage: str | None
    steps_from_on: date
    entered_on: date
    stopped: bool
    zone: ZoneInfo
    subject: Subject


async def lock_due_borrowers(tx: Tx, limit: int) -> list[str]:
    """Locks the borrowers of the first `limit` due timers, leaving out those whom others work on."""
    rows = await tx.execute(
        """
        SELECT p.borrower_id FROM step_timer AS t JOIN party AS p USING (borrower_id)
        WHERE t.due_at <= :now ORDER BY t.due_at LIMIT :limit FOR UPDATE OF p SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    return sorted({row.borrower_id for row in rows})


async def due_steps(tx: Tx, borrower_ids: Sequence[str], lender_zone: ZoneInfo) -> list[PlannedStep]:
    """The timers of these locked borrowers that are due now."""
    return await _planned(tx, borrower_ids, lender_zone, due_by=tx.now)


async def planned_steps(tx: Tx, borrower_ids: Sequence[str], lender_zone: ZoneInfo) -> list[PlannedStep]:
    """All timers of these borrowers."""
    return await _planned(tx, borrower_ids, lender_zone, due_by=None)


async def _planned(
    tx: Tx, borrower_ids: Sequence[str], lender_zone: ZoneInfo, due_by: datetime | None
) -> list[PlannedStep]:
    rows = await tx.execute(
        """
        SELECT t.loan_id, t.episode, t.entry_no, t.step, t.borrower_id, t.occurrence, t.due_at, e.case_id,
               CASE WHEN e.closed_on IS NULL AND e.entry_no = t.entry_no THEN e.stage END AS stage,
               coalesce(e.steps_from_on, e.opened_on) AS steps_from_on,
               coalesce(e.entered_on, e.opened_on) AS entered_on, e.stop_seq > e.ledger_seq AS stopped,
               p.zone, e.product, p.region, p.segment
        FROM unnest(CAST(:borrowers AS text[])) AS u(borrower_id)
        JOIN party AS p ON p.borrower_id = u.borrower_id
        JOIN episode AS e ON e.borrower_id = u.borrower_id
        JOIN step_timer AS t ON t.loan_id = e.loan_id AND t.episode = e.episode
        WHERE t.due_at <= coalesce(CAST(:due_by AS timestamptz), 'infinity')
        ORDER BY t.due_at, t.loan_id, t.step
        """,
        borrowers=list(borrower_ids),
        due_by=due_by,
    )
    return [_planned_step(row, lender_zone) for row in rows]


def _planned_step(row: Any, lender_zone: ZoneInfo) -> PlannedStep:
    return PlannedStep(
        timer=StepTimer(
            loan_id=row.loan_id,
            episode=row.episode,
            entry_no=row.entry_no,
            step=row.step,
            borrower_id=row.borrower_id,
            occurrence=row.occurrence,
            due_at=row.due_at,
        ),
        case_id=row.case_id,
        stage=row.stage,
        steps_from_on=row.steps_from_on,
        entered_on=row.entered_on,
        stopped=row.stopped,
        zone=zone_of(row.zone, lender_zone),
        subject=Subject(row.product, row.region, traits(row.segment)),
    )


async def insert_timers(tx: Tx, timers: Sequence[StepTimer]) -> None:
    """Keeps the first occurrences of steps of loans that have no timers."""
    await _TIMERS.copy(tx, timers)


async def insert_again(tx: Tx, timers: Sequence[StepTimer]) -> None:
    """Plans steps of loans that are in their stage: each under the next number that was not decided yet. A step
    that is planned already moves to the new time."""
    if timers:
        await tx.execute(_INSERT_AGAIN, **_TIMERS.parameters(timers))


async def done_in_episode(tx: Tx, timers: Sequence[StepTimer]) -> set[tuple[str, str]]:
    """The (loan, step) of these that were asked for in this episode before, or given to a person."""
    rows = await tx.execute(
        f"""
        SELECT DISTINCT r.loan_id, r.step FROM {_TIMERS.source}
        JOIN contact_request AS r ON r.loan_id = u.loan_id AND r.episode = u.episode AND r.step = u.step
        WHERE r.status <> 'skipped'
        """,  # noqa: S608
        **_TIMERS.parameters(timers),
    )
    return {(row.loan_id, row.step) for row in rows}


async def move_timers(tx: Tx, timers: Sequence[StepTimer]) -> None:
    """Sets timers to their next occurrence."""
    if timers:
        await tx.execute(_MOVE, **_TIMERS.parameters(timers))


async def drop_timers(tx: Tx, timers: Sequence[StepTimer]) -> None:
    """Forgets timers that have nothing left to do."""
    if timers:
        await tx.execute(_DROP, **_TIMERS.parameters(timers))


async def stop_steps(tx: Tx, loan_seqs: Sequence[tuple[str, int]]) -> list[str]:
    """Notes stop facts of the ledger known ahead of their turn; returns the loans they were new to."""
    rows = await tx.execute(
        """
        UPDATE episode AS e SET stop_seq = u.seq
        FROM unnest(CAST(:loans AS text[]), CAST(:seqs AS bigint[])) AS u(loan_id, seq)
        WHERE e.loan_id = u.loan_id AND e.closed_on IS NULL AND e.ledger_seq < u.seq AND e.stop_seq < u.seq
        RETURNING e.loan_id
        """,
        loans=[loan for loan, _ in loan_seqs],
        seqs=[seq for _, seq in loan_seqs],
    )
    return [row.loan_id for row in rows]
