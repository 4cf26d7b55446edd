"""Keeps promises and their reminders, and finds those that a close or new money concerns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from spine.database import Tx
from stager.domain.cases import Case, Episode
from stager.domain.promises import Promise, PromiseKind, PromiseStatus
from stager.store.episodes import EPISODE_COLUMNS, episode_of
from stager.store.rows import Rows
from stager.tables.promises import PROMISE, PROMISE_REMINDER

_PROMISES: Final = Rows(PROMISE)
_REMINDERS: Final = Rows(PROMISE_REMINDER)
_COLUMNS: Final = ", ".join(f"p.{name}" for name in _PROMISES.names)
_SELECT: Final = f"SELECT {_COLUMNS} FROM promise AS p"  # noqa: S608 (column names of our own tables)
_SAVE: Final = f"""
    INSERT INTO promise ({_PROMISES.columns}) SELECT {_PROMISES.selected} FROM {_PROMISES.source}
    ON CONFLICT (promise_id) DO UPDATE
    SET status = excluded.status, received_minor = excluded.received_minor, reason = excluded.reason,
        hold_id = excluded.hold_id, changed_at = excluded.changed_at
"""  # noqa: S608
_REMIND: Final = f"""
    INSERT INTO promise_reminder ({_REMINDERS.columns}) SELECT {_REMINDERS.selected} FROM {_REMINDERS.source}
    ON CONFLICT DO NOTHING
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Reminder:
    """A courtesy reminder of an open promise, to be decided when it is due."""

    promise_id: str
    days_before: int
    borrower_id: str
    due_at: datetime


def _promise(row: Any) -> Promise:
    values = dict(row._mapping)
    return Promise(
        **{**values, "kind": PromiseKind(values["kind"]), "status": PromiseStatus(values["status"])}
    )


async def save_promises(tx: Tx, promises: Sequence[Promise]) -> None:
    """Keeps promises of locked borrowers as they stand; those no longer open first, as one may be open a loan."""
    for some in (
        [each for each in promises if not each.is_open],
        [each for each in promises if each.is_open],
    ):
        if some:
            await tx.execute(_SAVE, **_PROMISES.parameters(some))


async def promise_by_id(tx: Tx, promise_id: str) -> Promise | None:
    """A promise, whatever it stands at."""
    row = (await tx.execute(f"{_SELECT} WHERE p.promise_id = :id", id=promise_id)).one_or_none()
    return _promise(row) if row is not None else None


async def promises_of_case(tx: Tx, case: Case) -> list[Promise]:
    """The promises of a case, the newest first."""
    rows = await tx.execute(
        f"{_SELECT} WHERE p.borrower_id = :borrower AND p.case_id = :case ORDER BY p.made_at DESC, p.promise_id",
        borrower=case.borrower_id,
        case=case.case_id,
    )
    return [_promise(row) for row in rows]


async def promises_of_loans(
    tx: Tx, loan_ids: Iterable[str], statuses: Collection[PromiseStatus]
) -> list[Promise]:
    """The promises of these loans that stand at one of these, oldest first."""
    rows = await tx.execute(
        f"{_SELECT} JOIN unnest(CAST(:loans AS text[])) AS u(loan_id) USING (loan_id)"
        " WHERE p.status = ANY(CAST(:statuses AS text[])) ORDER BY p.made_at, p.promise_id",
        loans=sorted(loan_ids),
        statuses=sorted(statuses),
    )
    return [_promise(row) for row in rows]


async def contacts_promised_in(tx: Tx, loan_ids: Iterable[str]) -> set[tuple[str, str]]:
    """In which contacts something was promised of these loans: (loan, contact), whatever it stands at now."""
    rows = await tx.execute(
        "SELECT p.loan_id, p.contact_id FROM unnest(CAST(:loans AS text[])) AS u(loan_id)"
        " JOIN promise AS p USING (loan_id) WHERE p.contact_id IS NOT NULL",
        loans=sorted(loan_ids),
    )
    return {(row.loan_id, row.contact_id) for row in rows}


async def due_promises(tx: Tx, partition: int, day: date) -> list[Promise]:
    """The open promises that the close of `day` judges; those of an earlier day that was missed too."""
    rows = await tx.execute(
        f"{_SELECT} WHERE p.status = 'open' AND p.partition = :partition AND p.due_on <= :day"
        " ORDER BY p.promise_id",
        partition=partition,
        day=day,
    )
    return [_promise(row) for row in rows]


async def borrowers_promising(tx: Tx, loan_ids: Iterable[str]) -> set[str]:
    """Who has promised something about these loans that money can still change."""
    rows = await tx.execute(
        """
        SELECT DISTINCT p.borrower_id FROM unnest(CAST(:loans AS text[])) AS u(loan_id)
        JOIN promise AS p USING (loan_id) WHERE p.status NOT IN ('cancelled', 'superseded')
        """,
        loans=sorted(loan_ids),
    )
    return {row.borrower_id for row in rows}


async def broken_promises(
    tx: Tx, borrower_ids: Iterable[str], today: date, within_days: int
) -> Mapping[str, int]:
    """How many promises of these borrowers, over all their loans, were broken in the last days.

    A promise broken `within_days` ago counts, one broken a day earlier does not. Who broke none is missing.
    """
    rows = await tx.execute(
        """
        SELECT p.borrower_id, count(*) AS broken FROM unnest(CAST(:ids AS text[])) AS u(borrower_id)
        JOIN promise AS p USING (borrower_id)
        WHERE p.status = 'broken' AND p.due_on >= :since GROUP BY p.borrower_id
        """,
        ids=sorted(borrower_ids),
        since=today - timedelta(days=within_days),
    )
    return {row.borrower_id: row.broken for row in rows}


async def how_ended(tx: Tx, loan_ids: Iterable[str]) -> dict[str, str]:
    """Of those of these loans whose last episode is over: how it ended."""
    rows = await tx.execute(
        """
        SELECT DISTINCT ON (e.loan_id) e.loan_id, e.close_reason, e.closed_on
        FROM unnest(CAST(:loans AS text[])) AS u(loan_id) JOIN episode AS e USING (loan_id)
        ORDER BY e.loan_id, e.episode DESC
        """,
        loans=sorted(loan_ids),
    )
    return {row.loan_id: row.close_reason for row in rows if row.closed_on is not None}


async def planned_loans(tx: Tx, loan_ids: Iterable[str]) -> set[str]:
    """Those of these loans on which a repayment plan is in force."""
    rows = await tx.execute(
        """
        SELECT DISTINCT h.loan_id FROM unnest(CAST(:loans AS text[])) AS u(loan_id)
        JOIN episode AS e ON e.loan_id = u.loan_id AND e.closed_on IS NULL
        JOIN hold AS h ON h.borrower_id = e.borrower_id AND h.loan_id = e.loan_id
        WHERE h.kind = 'plan_active' AND h.lifted_at IS NULL
        """,
        loans=sorted(loan_ids),
    )
    return {row.loan_id for row in rows}


async def plan_reminders(tx: Tx, reminders: Sequence[Reminder]) -> None:
    """Keeps reminders to come."""
    if reminders:
        await tx.execute(_REMIND, **_REMINDERS.parameters(reminders))


async def forget_reminders(tx: Tx, promise_ids: Collection[str]) -> None:
    """Drops the reminders of promises that are not waited for any more."""
    if promise_ids:
        await tx.execute(
            "DELETE FROM promise_reminder AS r USING unnest(CAST(:ids AS text[])) AS u(promise_id)"
            " WHERE r.promise_id = u.promise_id",
            ids=sorted(promise_ids),
        )


async def take_due_reminders(tx: Tx, limit: int) -> list[tuple[Reminder, Promise]]:
    """Takes some reminders that are due and locks their borrowers; those whom others work on are left out."""
    rows = await tx.execute(
        """
        SELECT r.promise_id, r.days_before, r.borrower_id, r.due_at
        FROM promise_reminder AS r JOIN party AS b USING (borrower_id)
        WHERE r.due_at <= :now ORDER BY r.due_at LIMIT :limit FOR UPDATE OF b SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    reminders = [Reminder(**row._mapping) for row in rows]
    if not reminders:
        return []
    taken = await tx.execute(
        """
        DELETE FROM promise_reminder AS r USING unnest(CAST(:ids AS text[]), CAST(:days AS int[])) AS u(id, days)
        WHERE r.promise_id = u.id AND r.days_before = u.days RETURNING r.promise_id, r.days_before
        """,
        ids=[each.promise_id for each in reminders],
        days=[each.days_before for each in reminders],
    )
    mine = {(row.promise_id, row.days_before) for row in taken}
    promises = await tx.execute(
        f"{_SELECT} JOIN unnest(CAST(:ids AS text[])) AS u(promise_id) USING (promise_id)",
        ids=sorted({id_ for id_, _ in mine}),
    )
    by_id = {each.promise_id: each for each in map(_promise, promises)}
    return [
        (each, by_id[each.promise_id]) for each in reminders if (each.promise_id, each.days_before) in mine
    ]


async def open_episodes(tx: Tx, loan_ids: Iterable[str]) -> dict[str, Episode]:
    """The episodes of arrears that go on now, by loan."""
    rows = await tx.execute(
        f"""
        SELECT {EPISODE_COLUMNS} FROM unnest(CAST(:loans AS text[])) AS u(loan_id)
        JOIN episode AS e ON e.loan_id = u.loan_id AND e.closed_on IS NULL
        """,  # noqa: S608
        loans=sorted(loan_ids),
    )
    return {episode.loan_id: episode for episode in map(episode_of, rows)}


async def next_occurrences(tx: Tx, loan_ids: Iterable[str], step: str) -> dict[str, int]:
    """The number of the next occurrence of a step that is not of a strategy, by loan."""
    rows = await tx.execute(
        """
        SELECT u.loan_id, coalesce(max(r.occurrence) + 1, 0) AS next
        FROM unnest(CAST(:loans AS text[])) AS u(loan_id)
        LEFT JOIN contact_request AS r ON r.loan_id = u.loan_id AND r.step = :step
        GROUP BY u.loan_id
        """,
        loans=sorted(loan_ids),
        step=step,
    )
    return {row.loan_id: row.next for row in rows}
