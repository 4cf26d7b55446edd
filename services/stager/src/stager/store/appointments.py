"""Appointments: while a call-back is agreed, other contact with the person waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from spine.database import Tx


@dataclass(frozen=True, slots=True)
class Appointment:
    """An agreed call-back that was neither made nor missed yet."""

    task_id: str
    borrower_id: str
    loan_id: str
    at: datetime


async def open_appointments(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, list[Appointment]]:
    """The open appointments of these borrowers, the next first; who has none is missing."""
    rows = await tx.execute(
        """
        SELECT t.task_id, t.borrower_id, t.loan_id, t.due_at AS at
        FROM unnest(CAST(:ids AS text[])) AS u(borrower_id) JOIN task AS t USING (borrower_id)
        WHERE t.status = 'open' AND t.kind = 'call_back' ORDER BY t.due_at, t.task_id
        """,
        ids=sorted(set(borrower_ids)),
    )
    found: dict[str, list[Appointment]] = defaultdict(list)
    for row in rows:
        found[row.borrower_id].append(Appointment(**row._mapping))
    return dict(found)
