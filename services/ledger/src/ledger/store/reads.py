"""Reads for the REST door: lists by keyset, never by offset."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from spine.database import Tx

_LOANS: Final = """
    SELECT loan_id, borrower_id, product, currency, status, dpd_zero_on, oldest_unpaid_due_on,
           overdue_principal_minor, overdue_interest_minor, overdue_fee_minor, outstanding_principal_minor,
           as_of, version
    FROM loan
    WHERE """


async def list_loans(
    tx: Tx, *, status: str | None, dpd_zero_by: date | None, after: str | None, limit: int
) -> list[Any]:
    """Loans in order of their ids, with what does not change from day to day.

    Only what is asked for stands in the statement, so that each filter finds its index.
    """
    asked: dict[str, Any] = {"limit": limit}
    clauses = ["true"]
    if status is not None:
        clauses.append("status = :status")
        asked["status"] = status
    if dpd_zero_by is not None:
        clauses.append("status IN ('overdue', 'written_off') AND dpd_zero_on <= :dpd_zero_by")
        asked["dpd_zero_by"] = dpd_zero_by
    if after is not None:
        clauses.append("loan_id > :after")
        asked["after"] = after
    result = await tx.execute(_LOANS + " AND ".join(clauses) + " ORDER BY loan_id LIMIT :limit", **asked)
    return list(result)


async def list_repayments(tx: Tx, loan_id: str, *, after: tuple[date, str] | None, limit: int) -> list[Any]:
    """Money of a loan in order of value date and id."""
    result = await tx.execute(
        """
        SELECT repayment_id, amount_minor, value_date, posted_at, channel, recorded_at, reversed_on,
               reversal_reason, reversal_recorded_at
        FROM repayment
        WHERE loan_id = :loan_id
          AND (CAST(:value_date AS date) IS NULL OR (value_date, repayment_id) > (:value_date, :repayment_id))
        ORDER BY value_date, repayment_id LIMIT :limit
        """,
        loan_id=loan_id,
        value_date=after[0] if after else None,
        repayment_id=after[1] if after else "",
        limit=limit,
    )
    return list(result)


async def list_quarantine(tx: Tx, *, after: tuple[datetime, str] | None, limit: int) -> list[Any]:
    """Open dead letters, oldest first, without their bodies."""
    result = await tx.execute(
        """
        SELECT id, topic, partition, "offset" AS record_offset, key, subject, type, code, message, opened_at
        FROM dead_letter
        WHERE resolved_at IS NULL
          AND (CAST(:opened_at AS timestamptz) IS NULL OR (opened_at, id) > (:opened_at, :id))
        ORDER BY opened_at, id LIMIT :limit
        """,
        opened_at=after[0] if after else None,
        id=after[1] if after else "",
        limit=limit,
    )
    return list(result)
