"""When what the stager does by itself comes due next, of every kind, asked in one statement."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from spine.database import Tx

#: By kind of timer, the instant its next one is due; what only waits for a worker is due now.
_NEXT_AT: Final = {
    "starts": "SELECT CAST(:now AS timestamptz) FROM episode WHERE awaits_start LIMIT 1",
    "steps": "SELECT min(due_at) FROM step_timer",
    "promises": "SELECT min(due_at) FROM promise_reminder",
    "plans": "SELECT min(due_at) FROM plan_reminder",
    "waivers": "SELECT min(expires_at) FROM waiver WHERE state = 'proposed'",
    "holds": "SELECT min(until) FROM hold WHERE lifted_at IS NULL",
    "claims": """
        SELECT min(CASE WHEN h.lifted_at IS NOT NULL THEN CAST(:now AS timestamptz) ELSE c.check_at END)
        FROM payment_claim AS c JOIN hold AS h USING (hold_id) WHERE c.status = 'open'""",
    "claims_of_others": """
        SELECT CAST(:now AS timestamptz) FROM hold AS h
        WHERE h.kind = 'payment_claim' AND h.ledger_seq IS NULL AND h.lifted_at IS NULL
          AND NOT EXISTS (SELECT FROM payment_claim AS c WHERE c.hold_id = h.hold_id) LIMIT 1""",
    "clocks": "SELECT min(look_at) FROM limitation",
    "absences": "SELECT min(from_at) FROM member_absence WHERE moved_at IS NULL",
    "leases": "SELECT min(lease_until) FROM task WHERE status = 'open' AND lease_until IS NOT NULL",
    "appointments": """
        SELECT min(greatest(sla_at, lease_until)) FROM task WHERE status = 'open' AND kind = 'call_back'""",
    "deadlines": """
        SELECT sla_at FROM task
        WHERE status = 'open' AND escalated_at IS NULL AND kind <> 'call_back' AND sla_at IS NOT NULL
        ORDER BY sla_at LIMIT 1""",
    "assignments": """
        SELECT retry_at FROM task WHERE status = 'open' AND assignee IS NULL ORDER BY retry_at LIMIT 1""",
}
_ALL: Final = "SELECT " + ", ".join(f"({sql}) AS {kind}" for kind, sql in _NEXT_AT.items())


async def next_by_kind(tx: Tx) -> dict[str, datetime]:
    """By kind of timer, when the next is due, whether that is past or to come; without those that have none."""
    row = (await tx.execute(_ALL, now=tx.now)).one()
    return {kind: at for kind, at in row._mapping.items() if at is not None}
