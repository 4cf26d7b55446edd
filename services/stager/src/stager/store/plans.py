"""Keeps repayment plans and their reminders, and finds those that a close or new money concerns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import msgspec

from spine.database import Tx
from stager.domain.plans import JUDGED, Plan, PlanState, PlanTerms
from stager.store.rows import Rows
from stager.tables.plans import PLAN, PLAN_REMINDER

_PLANS: Final = Rows(PLAN, paths={"terms": "terms_text"})
_REMINDERS: Final = Rows(PLAN_REMINDER)
_COLUMNS: Final = ", ".join(f"p.{name}" for name in _PLANS.names)
_SELECT: Final = f"SELECT {_COLUMNS} FROM plan AS p"  # noqa: S608 (column names of our own tables)
_SAVE: Final = f"""
    INSERT INTO plan ({_PLANS.columns}) SELECT {_PLANS.selected} FROM {_PLANS.source}
    ON CONFLICT (plan_id) DO UPDATE SET {_PLANS.assignments(("plan_id",))}
"""  # noqa: S608
_REMIND: Final = f"""
    INSERT INTO plan_reminder ({_REMINDERS.columns}) SELECT {_REMINDERS.selected} FROM {_REMINDERS.source}
    ON CONFLICT DO NOTHING
"""  # noqa: S608
_JUDGED: Final = sorted(JUDGED)


@dataclass(frozen=True, slots=True)
class PlanReminder:
    """A reminder of an instalment of a plan, to be decided when it is due."""

    plan_id: str
    seq: int
    days_before: int
    borrower_id: str
    due_at: datetime


def _plan(row: Any) -> Plan:
    values = dict(row._mapping)
    terms = msgspec.json.decode(values["terms"], type=PlanTerms)
    return Plan(
        **{
            **values,
            "terms": terms,
            "state": PlanState(values["state"]),
            "approvers": tuple(values["approvers"]),
        }
    )


async def save_plans(tx: Tx, plans: Sequence[Plan]) -> None:
    """Keeps plans of locked borrowers as they stand; those not in force first, as a loan has one that is."""
    for some in (
        [each for each in plans if each.state is not PlanState.ACTIVE],
        [each for each in plans if each.state is PlanState.ACTIVE],
    ):
        if some:
            await tx.execute(_SAVE, **_PLANS.parameters(some))


async def plan_by_id(tx: Tx, plan_id: str) -> Plan | None:
    """A plan."""
    row = (await tx.execute(f"{_SELECT} WHERE p.plan_id = :id", id=plan_id)).one_or_none()
    return _plan(row) if row is not None else None


async def plans_of_case(tx: Tx, case_id: str) -> list[Plan]:
    """All plans drawn up in a case, newest first."""
    rows = await tx.execute(
        f"{_SELECT} WHERE p.case_id = :case ORDER BY p.proposed_at DESC, p.plan_id",
        case=case_id,
    )
    return [_plan(row) for row in rows]


async def plans_of_loans(tx: Tx, loan_ids: Iterable[str], states: Collection[PlanState]) -> list[Plan]:
    """The plans of these loans that stand at one of these."""
    rows = await tx.execute(
        f"{_SELECT} JOIN unnest(CAST(:loans AS text[])) AS u(loan_id) USING (loan_id)"
        " WHERE p.state = ANY(CAST(:states AS text[])) ORDER BY p.plan_id",
        loans=sorted(set(loan_ids)),
        states=sorted(states),
    )
    return [_plan(row) for row in rows]


async def due_plans(tx: Tx, partition: int, day: date) -> list[Plan]:
    """The plans of a partition that the close of `day` judges: their time has come, or their loan has ended."""
    rows = await tx.execute(
        f"""
        {_SELECT} WHERE p.partition = :partition AND p.state = ANY(CAST(:states AS text[])) AND p.judge_on <= :day
        UNION ALL
        {_SELECT} WHERE p.partition = :partition AND p.state = 'active' AND p.judge_on > :day
          AND (SELECT e.close_reason FROM episode AS e WHERE e.loan_id = p.loan_id
               ORDER BY e.episode DESC LIMIT 1) IN ('settled', 'closed', 'sold')
        ORDER BY 1
        """,  # noqa: S608
        partition=partition,
        day=day,
        states=_JUDGED,
    )
    return [_plan(row) for row in rows]


async def borrowers_planning(tx: Tx, loan_ids: Iterable[str]) -> set[str]:
    """Whose plans of these loans money decides about."""
    rows = await tx.execute(
        "SELECT DISTINCT p.borrower_id FROM unnest(CAST(:loans AS text[])) AS u(loan_id)"
        " JOIN plan AS p USING (loan_id) WHERE p.state = ANY(CAST(:states AS text[]))",
        loans=sorted(set(loan_ids)),
        states=_JUDGED,
    )
    return {row.borrower_id for row in rows}


async def keep_reminders(tx: Tx, reminders: Sequence[PlanReminder]) -> None:
    """Keeps reminders to come."""
    if reminders:
        await tx.execute(_REMIND, **_REMINDERS.parameters(reminders))


async def forget_reminders(tx: Tx, plan_ids: Collection[str]) -> None:
    """Drops the reminders of plans that do not run any more."""
    if plan_ids:
        await tx.execute(
            "DELETE FROM plan_reminder AS r USING unnest(CAST(:ids AS text[])) AS u(plan_id)"
            " WHERE r.plan_id = u.plan_id",
            ids=sorted(plan_ids),
        )


async def take_due_reminders(tx: Tx, limit: int) -> list[tuple[PlanReminder, Plan]]:
    """Takes some reminders that are due and locks their borrowers; those whom others work on are left out."""
    rows = await tx.execute(
        """
        SELECT r.plan_id, r.seq, r.days_before, r.borrower_id, r.due_at
        FROM plan_reminder AS r JOIN party AS b USING (borrower_id)
        WHERE r.due_at <= :now ORDER BY r.due_at LIMIT :limit FOR UPDATE OF b SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    reminders = [PlanReminder(**row._mapping) for row in rows]
    if not reminders:
        return []
    taken = await tx.execute(
        """
        DELETE FROM plan_reminder AS r
        USING unnest(CAST(:ids AS text[]), CAST(:seqs AS int[]), CAST(:days AS int[])) AS u(id, seq, days)
        WHERE r.plan_id = u.id AND r.seq = u.seq AND r.days_before = u.days
        RETURNING r.plan_id, r.seq, r.days_before
        """,
        ids=[each.plan_id for each in reminders],
        seqs=[each.seq for each in reminders],
        days=[each.days_before for each in reminders],
    )
    mine = {(row.plan_id, row.seq, row.days_before) for row in taken}
    rows = await tx.execute(
        f"{_SELECT} JOIN unnest(CAST(:ids AS text[])) AS u(plan_id) USING (plan_id)",
        ids=sorted({id_ for id_, _, _ in mine}),
    )
    by_id = {each.plan_id: each for each in map(_plan, rows)}
    return [
        (each, by_id[each.plan_id])
        for each in reminders
        if (each.plan_id, each.seq, each.days_before) in mine
    ]
