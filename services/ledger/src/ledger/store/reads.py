"""Reads for the REST door: lists by keyset, never by offset."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from spine.database import Tx

_LOANS: Final = """
    SELECT loan_id, borrower_id, product, currency, status, dpd_zero_on, oldest_unpaid_due_on,
           overdue_principal_minor, overdue_interest_minor, overdue_fee_minor, outstanding_principal_minor,
           as_of, dpd_anchor_on, version
    FROM loan
    WHERE """


async def list_loans(
    tx: Tx, *, status: str | None, borrower_id: str | None, after: str | None, limit: int
) -> list[Any]:
    """Loans in order of their ids, with what does not change from day to day.

    Only what is asked for stands in the statement, so that each filter finds its index.
    """
    asked: dict[str, Any] = {"limit": limit}
    clauses = ["true"]
    if status is not None:
        clauses.append("status = :status")
        asked["status"] = status
    if borrower_id is not None:
        clauses.append("borrower_id = :borrower_id")
        asked["borrower_id"] = borrower_id
    if after is not None:
        clauses.append("loan_id > :after")
        asked["after"] = after
    result = await tx.execute(_LOANS + " AND ".join(clauses) + " ORDER BY loan_id LIMIT :limit", **asked)
    return list(result)


async def list_arrears(
    tx: Tx,
    *,
    open_on: date,
    dpd_min: int,
    status: str | None,
    borrower_id: str | None,
    after: tuple[date, str] | None,
    limit: int,
) -> list[Any]:
    """Loans that are at least so many days past due on the open date, the longest past due first.

    The index is on days past due as if no pause ran; those whose days stand still are looked at one by one.
    """
    asked: dict[str, Any] = {"by": open_on - timedelta(days=dpd_min), "dpd_min": dpd_min, "limit": limit}
    clauses = [
        "dpd_anchor_on <= :by",
        "(dpd_zero_on IS NOT NULL OR as_of - dpd_anchor_on >= :dpd_min)",
    ]
    if status is not None:
        clauses.append("status = :status")
        asked["status"] = status
    if borrower_id is not None:
        clauses.append("borrower_id = :borrower_id")
        asked["borrower_id"] = borrower_id
    if after is not None:
        clauses.append("(dpd_anchor_on, loan_id) > (:anchor, :after)")
        asked |= {"anchor": after[0], "after": after[1]}
    order = " ORDER BY dpd_anchor_on, loan_id LIMIT :limit"
    return list(await tx.execute(_LOANS + " AND ".join(clauses) + order, **asked))


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


_QUARANTINE: Final = """
    SELECT id, topic, partition, "offset" AS record_offset, key, subject, type, code, message, opened_at,
           resolved_at, resolution, NULL AS body
    FROM dead_letter
    WHERE """


async def list_quarantine(
    tx: Tx, *, loan_id: str | None, code: str | None, after: tuple[datetime, str] | None, limit: int
) -> list[Any]:
    """Open dead letters, oldest first, without their bodies."""
    asked: dict[str, Any] = {"limit": limit}
    clauses = ["resolved_at IS NULL"]
    for name, value in (("subject", loan_id), ("code", code)):
        if value is not None:
            clauses.append(f"{name} = :{name}")
            asked[name] = value
    if after is not None:
        clauses.append("(opened_at, id) > (:opened_at, :id)")
        asked |= {"opened_at": after[0], "id": after[1]}
    order = " ORDER BY opened_at, id LIMIT :limit"
    return list(await tx.execute(_QUARANTINE + " AND ".join(clauses) + order, **asked))


async def find_quarantined(tx: Tx, letter_id: str) -> Any | None:
    """One dead letter with its body, open or resolved."""
    statement = _QUARANTINE.replace("NULL AS body", "body") + "id = :id"
    return (await tx.execute(statement, id=letter_id)).one_or_none()


async def list_parked(tx: Tx, *, loan_id: str | None, after: int | None, limit: int) -> list[Any]:
    """Events that wait for what they are about, in the order of arrival."""
    result = await tx.execute(
        """
        SELECT id, source, event_id, loan_id, waits_for, parked_at, headers
        FROM parked
        WHERE id > :after AND (CAST(:loan_id AS text) IS NULL OR loan_id = :loan_id)
        ORDER BY id LIMIT :limit
        """,
        after=after or 0,
        loan_id=loan_id,
        limit=limit,
    )
    return list(result)


async def list_amendments(tx: Tx, loan_id: str, *, after: int | None, limit: int) -> list[Any]:
    """The facts that changed a loan, as they were stated, in the order of arrival."""
    result = await tx.execute(
        """
        SELECT id, type, source, event_id, stated_at, recorded_at, body
        FROM loan_fact WHERE loan_id = :loan_id AND id > :after ORDER BY id LIMIT :limit
        """,
        loan_id=loan_id,
        after=after or 0,
        limit=limit,
    )
    return list(result)


async def list_mismatches(tx: Tx, *, after: str | None, limit: int) -> list[Any]:
    """Loans whose newest statement differs from the books, by loan id."""
    result = await tx.execute(
        """
        SELECT s.loan_id, l.currency FROM statement_check AS s JOIN loan AS l USING (loan_id)
        WHERE s.state = 'mismatch' AND s.loan_id > :after ORDER BY s.loan_id LIMIT :limit
        """,
        after=after or "",
        limit=limit,
    )
    return list(result)
