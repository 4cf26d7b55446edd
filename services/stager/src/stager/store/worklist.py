"""Reads what the worklist is made of: facts of cases, who works, what waits for somebody, and pages of tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from spine.database import Tx
from spine.money import decimals_of
from stager.domain.shifts import Absence
from stager.domain.tasks import TaskState
from stager.domain.worklist import Worker
from stager.store.tasks import SELECT, task_of
from stager.store.team import list_members

#: A promise due longer ago, and broken, does not count any more: as conditions count them.
_BROKEN_FOR: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """What of a borrower decides how urgent their tasks are. `stages`: of the loans in arrears."""

    region: str | None
    locale: str | None
    zone: str | None
    dpd_zero_on: date | None = None
    stages: tuple[str, ...] = ()
    overdue_minor: int = 0
    exponent: int = 2
    broken_promises: int = 0


#: Of whom nothing is known yet.
UNKNOWN: Final = WorkFacts(None, None, None)


async def work_facts(tx: Tx, borrower_ids: Sequence[str], today: date) -> dict[str, WorkFacts]:
    """The facts of borrowers that are known; of several currencies the one with the largest sum counts."""
    ids = sorted(set(borrower_ids))
    parties = await tx.execute(
        """
        SELECT p.borrower_id, p.region, p.locale, p.zone
        FROM unnest(CAST(:ids AS text[])) AS u(borrower_id) JOIN party AS p USING (borrower_id)
        """,
        ids=ids,
    )
    episodes = await tx.execute(
        """
        SELECT e.borrower_id, e.dpd_zero_on, e.stage, e.currency, e.total_minor
        FROM unnest(CAST(:ids AS text[])) AS u(borrower_id) JOIN episode AS e USING (borrower_id)
        WHERE e.closed_on IS NULL
        """,
        ids=ids,
    )
    broken = await tx.execute(
        """
        SELECT p.borrower_id, count(*) AS broken
        FROM unnest(CAST(:ids AS text[])) AS u(borrower_id) JOIN promise AS p USING (borrower_id)
        WHERE p.status = 'broken' AND p.due_on >= :since GROUP BY p.borrower_id
        """,
        ids=ids,
        since=today - _BROKEN_FOR,
    )
    count = {row.borrower_id: row.broken for row in broken}
    totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    zero: dict[str, date] = {}
    stages: dict[str, set[str]] = defaultdict(set)
    for row in episodes:
        totals[row.borrower_id][row.currency] += row.total_minor
        if row.dpd_zero_on is not None:
            zero[row.borrower_id] = min(row.dpd_zero_on, zero.get(row.borrower_id, date.max))
        if row.stage is not None:
            stages[row.borrower_id].add(row.stage)
    facts = {}
    for row in parties:
        currency, total = max(totals[row.borrower_id].items(), key=lambda one: one[1], default=("CNY", 0))
        facts[row.borrower_id] = WorkFacts(
            region=row.region,
            locale=row.locale,
            zone=row.zone,
            dpd_zero_on=zero.get(row.borrower_id),
            stages=tuple(sorted(stages[row.borrower_id])),
            overdue_minor=total,
            exponent=decimals_of(currency),
            broken_promises=count.get(row.borrower_id, 0),
        )
    return facts


async def lock_assignment(tx: Tx) -> None:
    """One at a time gives out work: loads are counted before, and nobody gets more than they can do."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('stager.assignment'))")


async def lock_unassigned(tx: Tx, limit: int) -> list[TaskState]:
    """Tasks that are nobody's and whose time to be given out has come, of one time the most urgent first.

    One index, read forward: what waits for a later time is not looked at, however much it is.
    """
    rows = await tx.execute(
        f"""
        {SELECT} WHERE t.status = 'open' AND t.assignee IS NULL AND t.retry_at <= :now
        ORDER BY t.retry_at, t.rank, t.task_id LIMIT :limit FOR UPDATE SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    return sorted((task_of(row) for row in rows), key=lambda state: (state.rank, state.task.task_id))


async def save_assigned(
    tx: Tx, given: Sequence[tuple[str, str]], left: Sequence[str], retry_at: datetime
) -> None:
    """Keeps who got which task: (task, member); what nobody got is tried again later."""
    await tx.execute(
        """
        UPDATE task AS t SET assignee = u.member_id, retry_at = NULL
        FROM unnest(CAST(:tasks AS text[]), CAST(:members AS text[])) AS u(task_id, member_id)
        WHERE t.task_id = u.task_id
        """,
        tasks=[task for task, _ in given],
        members=[member for _, member in given],
    )
    await tx.execute(
        """
        UPDATE task AS t SET retry_at = :retry FROM unnest(CAST(:tasks AS text[])) AS u(task_id)
        WHERE t.task_id = u.task_id
        """,
        tasks=list(left),
        retry=retry_at,
    )


async def offer_waiting(tx: Tx, limit: int) -> None:
    """Somebody has room again: the most urgent of what waits is looked at now."""
    await tx.execute(
        """
        UPDATE task AS t SET retry_at = :now
        FROM (SELECT task_id FROM task
              WHERE status = 'open' AND assignee IS NULL AND retry_at > :now
              ORDER BY rank, task_id LIMIT :limit FOR UPDATE SKIP LOCKED) AS waiting
        WHERE t.task_id = waiting.task_id
        """,
        now=tx.now,
        limit=limit,
    )


async def workers(tx: Tx) -> list[Worker]:
    """The active team with how much each has to do, and who is away now."""
    loads = {
        row.assignee: row.load
        for row in await tx.execute(
            "SELECT assignee, count(*) AS load FROM task WHERE status = 'open' AND assignee IS NOT NULL"
            " GROUP BY assignee"
        )
    }
    away = {
        row.member_id
        for row in await tx.execute(
            "SELECT DISTINCT member_id FROM member_absence WHERE from_at <= :now AND to_at > :now", now=tx.now
        )
    }
    return [
        Worker(member, loads.get(member.member_id, 0), member.member_id in away)
        for member in await list_members(tx, active_only=True)
    ]


async def take_from(tx: Tx, member_id: str, until: datetime | None) -> list[str]:
    """What a member had to do, due before `until` (None: all of it), is nobody's again; returns the tasks."""
    rows = await tx.execute(
        """
        UPDATE task SET assignee = NULL, retry_at = :now,
            claimed_by = array_remove(claimed_by, CAST(:member AS text)),
            lease_until = CASE WHEN array_remove(claimed_by, CAST(:member AS text)) = '{}' THEN NULL
                               ELSE lease_until END
        WHERE status = 'open' AND assignee = :member
          AND (CAST(:until AS timestamptz) IS NULL OR due_at < CAST(:until AS timestamptz))
        RETURNING task_id
        """,
        member=member_id,
        until=until,
        now=tx.now,
    )
    return sorted(row.task_id for row in rows)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tasks a page shows. `after`: (rank, task) of the last one seen."""

    member: str | None = None
    agency: str | None = None
    kind: str | None = None
    state: str = "open"
    due_before: datetime | None = None
    after: tuple[int, str] | None = None
    limit: int = 100


_STATES: Final = {
    "open": "",
    "unassigned": "AND t.assignee IS NULL",
    "claimed": "AND t.lease_until > :now",
    "escalated": "AND t.escalated_at IS NOT NULL",
}


def page_sql(asked: Asked) -> str:
    """The statement of a page: only what is asked for is in it, so that each is one index read forward."""
    where = [
        "t.status = 'open'",
        _STATES[asked.state].removeprefix("AND "),
        "t.assignee = :member" if asked.member is not None else "",
        "t.agency_id = :agency" if asked.agency is not None else "",
        "t.kind = :kind" if asked.kind is not None else "",
        "t.due_at < :due_before" if asked.due_before is not None else "",
        "(t.rank, t.task_id) > (:rank, :task)" if asked.after is not None else "",
    ]
    conditions = " AND ".join(condition for condition in where if condition)
    return f"{SELECT} WHERE {conditions} ORDER BY t.rank, t.task_id LIMIT :limit"


async def page(tx: Tx, asked: Asked) -> list[TaskState]:
    """Open tasks by score, highest first; one more than the limit when there are more."""
    values = {
        "now": tx.now if asked.state == "claimed" else None,
        "member": asked.member,
        "agency": asked.agency,
        "kind": asked.kind,
        "due_before": asked.due_before,
        "rank": asked.after[0] if asked.after is not None else None,
        "task": asked.after[1] if asked.after is not None else None,
    }
    given = {name: value for name, value in values.items() if value is not None}
    rows = await tx.execute(page_sql(asked), **given, limit=asked.limit + 1)
    return [task_of(row) for row in rows]


async def absences_of_team(tx: Tx) -> list[Absence]:
    """Who is away now or will be."""
    rows = await tx.execute(
        "SELECT absence_id, member_id, from_at, to_at, reason, recorded_by, recorded_at, moved_at"
        " FROM member_absence WHERE to_at > :now ORDER BY from_at, absence_id",
        now=tx.now,
    )
    return [Absence(**row._mapping) for row in rows]
