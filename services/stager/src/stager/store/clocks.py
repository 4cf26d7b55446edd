"""Reads what the clocks of claims rest on, and keeps how they stand and what people recorded about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from spine.database import Tx
from stager.domain.cases import Episode
from stager.domain.clock_policy import Ground
from stager.domain.clocks import Restart
from stager.store.episodes import EPISODE_COLUMNS, episode_of
from stager.store.rows import Rows
from stager.tables.clocks import LIMITATION, LIMITATION_RESTART

_CLOCKS: Final = Rows(LIMITATION)
_RESTARTS: Final = Rows(LIMITATION_RESTART)
# Everything that may begin limitation anew, wherever it is kept. A promise of someone who was not verified is no
# acknowledgement; money that was taken back was never paid.
_RESTARTED: Final = """
    WITH u AS (SELECT unnest(CAST(:loans AS text[])) AS loan_id)
    SELECT m.loan_id, m.value_date AS "on", 'payment' AS ground, m.repayment_id AS reference
    FROM u JOIN money AS m USING (loan_id) WHERE m.value_date IS NOT NULL AND m.reversed_on IS NULL
      AND m.amount_minor > (SELECT coalesce(sum(c.amount_minor), 0) FROM charge_back AS c
                            WHERE c.loan_id = m.loan_id AND c.repayment_id = m.repayment_id)
    UNION ALL
    SELECT p.loan_id, CAST(p.made_at AT TIME ZONE :zone AS date), 'acknowledgement', p.promise_id
    FROM u JOIN promise AS p USING (loan_id) WHERE p.verified
    UNION ALL
    SELECT p.loan_id, p.signed_on, 'acknowledgement', p.plan_id
    FROM u JOIN plan AS p USING (loan_id) WHERE p.signed_on IS NOT NULL
    UNION ALL
    SELECT r.loan_id, CAST(r.outcome_at AT TIME ZONE :zone AS date), 'delivered_demand', r.request_id
    FROM u JOIN contact_request AS r USING (loan_id)
    WHERE r.outcome = 'delivered' AND r.step = ANY(CAST(:steps AS text[]))
    UNION ALL
    SELECT d.loan_id, CAST(v.delivered_at AT TIME ZONE :zone AS date), 'delivered_demand', d.document_id
    FROM u JOIN episode AS e USING (loan_id)
    JOIN document AS d ON d.case_id = e.case_id AND d.loan_id = e.loan_id
    JOIN document_delivery AS v USING (document_id) WHERE d.kind = 'overdue_notice'
    UNION ALL
    SELECT s.loan_id, s.restarted_on, s.ground, s.reference FROM u JOIN limitation_restart AS s USING (loan_id)
"""


@dataclass(frozen=True, slots=True)
class LoanClock:
    """How the clocks of a loan stand; `ends_on` is None while nothing of it is overdue."""

    loan_id: str
    borrower_id: str
    ends_on: date | None = None
    barred: bool = False
    guarantee_ends_on: date | None = None
    guarantee_reference: str | None = None
    guarantee_by: str | None = None
    look_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordedRestart:
    """What a member of the team recorded as beginning limitation anew."""

    restart_id: str
    loan_id: str
    borrower_id: str
    case_id: str
    restarted_on: date
    ground: Ground
    reference: str
    recorded_by: str
    recorded_at: datetime


async def restarts_of(
    tx: Tx, loan_ids: Collection[str], zone: str, steps: Sequence[str]
) -> dict[str, tuple[Restart, ...]]:
    """What may have begun limitation anew, by loan, in order; `steps`: whose delivered message is the demand."""
    rows = await tx.execute(_RESTARTED, loans=sorted(loan_ids), zone=zone, steps=list(steps))
    found: dict[str, set[tuple[date, Ground, str]]] = defaultdict(set)
    for row in rows:
        found[row.loan_id].add((row.on, row.ground, row.reference))
    return {
        loan: tuple(Restart(on=on, ground=ground, reference=ref) for on, ground, ref in sorted(all_of_it))
        for loan, all_of_it in found.items()
    }


async def loans_demanded(tx: Tx, request_ids: Collection[str], steps: Sequence[str]) -> set[str]:
    """Of which loans these requests were a demand: those of the steps named."""
    if not request_ids:
        return set()
    rows = await tx.execute(
        "SELECT DISTINCT r.loan_id FROM unnest(CAST(:ids AS text[])) AS u(request_id)"
        " JOIN contact_request AS r USING (request_id) WHERE r.step = ANY(CAST(:steps AS text[]))",
        ids=sorted(request_ids),
        steps=list(steps),
    )
    return {row.loan_id for row in rows}


async def latest_episodes(tx: Tx, loan_ids: Collection[str]) -> dict[str, Episode]:
    """The newest episode of each of these loans."""
    rows = await tx.execute(
        f"""
        SELECT {EPISODE_COLUMNS} FROM unnest(CAST(:loans AS text[])) AS u(loan_id) CROSS JOIN LATERAL (
            SELECT * FROM episode AS x WHERE x.loan_id = u.loan_id ORDER BY x.episode DESC LIMIT 1) AS e
        """,  # noqa: S608 (column names of our own tables)
        loans=sorted(loan_ids),
    )
    return {episode.loan_id: episode for episode in map(episode_of, rows)}


async def clocks_of(tx: Tx, loan_ids: Collection[str]) -> dict[str, LoanClock]:
    """How the clocks of these loans stand, of those that have any."""
    rows = await tx.execute(
        f"SELECT {_CLOCKS.columns} FROM limitation"  # noqa: S608 (column names of our own tables)
        " JOIN unnest(CAST(:loans AS text[])) AS u(loan_id) USING (loan_id)",
        loans=sorted(loan_ids),
    )
    return {row.loan_id: LoanClock(**row._mapping) for row in rows}


async def add_clocks(tx: Tx, clocks: Sequence[LoanClock]) -> None:
    """Keeps the clocks of loans that had none, whose borrowers are locked."""
    await _CLOCKS.copy(tx, clocks)


async def save_clocks(tx: Tx, clocks: Sequence[LoanClock]) -> None:
    """Keeps the clocks of loans whose borrowers are locked."""
    if clocks:
        await tx.execute(
            f"""
            INSERT INTO limitation ({_CLOCKS.columns}) SELECT {_CLOCKS.selected} FROM {_CLOCKS.source}
            ON CONFLICT (loan_id) DO UPDATE SET {_CLOCKS.assignments(("loan_id",))}
            """,  # noqa: S608
            **_CLOCKS.parameters(clocks),
        )


async def insert_restart(tx: Tx, restart: RecordedRestart) -> None:
    """Keeps what began limitation anew."""
    await tx.execute(
        f"INSERT INTO limitation_restart ({_RESTARTS.columns})"  # noqa: S608
        f" SELECT {_RESTARTS.selected} FROM {_RESTARTS.source}",
        **_RESTARTS.parameters([restart]),
    )


async def restart_by_id(tx: Tx, restart_id: str) -> RecordedRestart | None:
    """What was recorded under this id."""
    row = (
        await tx.execute(
            f"SELECT {_RESTARTS.columns} FROM limitation_restart WHERE restart_id = :id",  # noqa: S608
            id=restart_id,
        )
    ).one_or_none()
    return RecordedRestart(**row._mapping) if row is not None else None


async def lock_clocks_to_look_at(tx: Tx, limit: int) -> list[str]:
    """Loans whose clocks time alone has moved, their borrowers locked; those others work on are left out."""
    rows = await tx.execute(
        """
        SELECT l.loan_id FROM limitation AS l JOIN party AS p USING (borrower_id)
        WHERE l.look_at <= :now ORDER BY l.look_at, l.loan_id LIMIT :limit FOR UPDATE OF p SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    return [row.loan_id for row in rows]
