"""What happened to a borrower's loans as the stager knows it, newest first: the collector's memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from spine.database import Tx

#: Each part reads the newest of its own through an index of the borrower or the case.
_PARTS: Final = (
    """
    SELECT entered_at AS at, 'stage_entered' AS what, loan_id,
           jsonb_build_object('from', from_stage, 'to', to_stage, 'dpd', dpd, 'first_time', first_time) AS detail
    FROM stage_entry WHERE loan_id = ANY(CAST(:loans AS text[]))
    """,
    """
    SELECT coalesce(outcome_at, decided_at), 'message', loan_id,
           jsonb_build_object('channel', channel, 'template', template, 'stage', stage, 'status', status,
                              'outcome', outcome, 'reason', reason)
    FROM contact_request WHERE loan_id = ANY(CAST(:loans AS text[])) AND status IN ('open', 'done', 'withdrawn')
    """,
    """
    SELECT closed_at, 'task_closed', loan_id,
           jsonb_build_object('task_id', task_id, 'kind', kind, 'end', status, 'by', to_jsonb(closed_by),
                              'reason', end_reason, 'completion', CAST(completion AS jsonb))
    FROM task WHERE case_id = :case AND closed_at IS NOT NULL
    """,
    """
    SELECT placed_at, 'hold_placed', loan_id, jsonb_build_object('kind', kind, 'until', until, 'by', placed_by)
    FROM hold WHERE borrower_id = :borrower AND loan_id = ANY(CAST(:loans AS text[]))
    """,
    """
    SELECT lifted_at, 'hold_ended', loan_id, jsonb_build_object('kind', kind, 'by', coalesce(lifted_by, ended_by))
    FROM hold
    WHERE borrower_id = :borrower AND loan_id = ANY(CAST(:loans AS text[])) AND lifted_at IS NOT NULL
    """,
    """
    SELECT made_at, 'promise_made', loan_id,
           jsonb_build_object('promise_id', promise_id, 'kind', kind, 'amount_minor', amount_minor,
                              'currency', currency, 'promised_on', promised_on)
    FROM promise WHERE borrower_id = :borrower AND loan_id = ANY(CAST(:loans AS text[]))
    """,
    """
    SELECT changed_at, 'promise_' || status, loan_id,
           jsonb_build_object('promise_id', promise_id, 'amount_minor', amount_minor, 'currency', currency,
                              'received_minor', received_minor)
    FROM promise
    WHERE borrower_id = :borrower AND loan_id = ANY(CAST(:loans AS text[])) AND status <> 'open'
    """,
    """
    SELECT coalesce(ended_at, activated_at, signed_at, proposed_at), 'plan_' || state, loan_id,
           jsonb_build_object('plan_id', plan_id)
    FROM plan WHERE case_id = :case
    """,
    """
    SELECT coalesce(ended_at, approved_at, proposed_at), 'waiver_' || state, loan_id,
           jsonb_build_object('waiver_id', waiver_id, 'kind', kind)
    FROM waiver WHERE case_id = :case
    """,
    """
    SELECT posted_at, 'money_received', loan_id,
           jsonb_build_object('amount_minor', amount_minor, 'currency', currency, 'value_date', value_date,
                              'reversed_on', reversed_on,
                              'charged_back_minor', (SELECT sum(b.amount_minor) FROM charge_back AS b
                                WHERE b.loan_id = money.loan_id AND b.repayment_id = money.repayment_id))
    FROM money WHERE loan_id = ANY(CAST(:loans AS text[])) AND posted_at IS NOT NULL
    """,
)
_TOGETHER: Final = " UNION ALL ".join(f"({part} ORDER BY 1 DESC LIMIT :limit)" for part in _PARTS)
_NEWEST: Final = f"""
    SELECT at, what, loan_id, detail FROM ({_TOGETHER}) AS t ORDER BY at DESC, what, loan_id LIMIT :limit
"""  # noqa: S608 (parts of this module)


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened. `detail` depends on `what`; amounts in it are in minor units."""

    at: datetime
    what: str
    loan_id: str
    detail: dict[str, Any]


async def timeline(
    tx: Tx, *, case_id: str, borrower_id: str, loan_ids: list[str], limit: int
) -> list[Happened]:
    """The newest things that happened to these loans of a case, newest first."""
    rows = await tx.execute(_NEWEST, case=case_id, borrower=borrower_id, loans=loan_ids, limit=limit)
    return [Happened(**row._mapping) for row in rows]
