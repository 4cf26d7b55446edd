"""What crossed with the money: messages handed over before the end of arrears became known, and closure texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from notifier.domain.closing import SERVICE
from notifier.sending.states import AttemptState
from spine.database import Tx


@dataclass(frozen=True, slots=True)
class Crossed:
    """A message that a later fact about its loan answers to: the newest of its kind per loan."""

    client_ref: str
    loan_id: str
    borrower_id: str
    stage: str


async def overtaken(tx: Tx, closed: Mapping[str, int], since: datetime, step: str) -> list[Crossed]:
    """The newest message about each loan that may have reached the person since then, of loans whose arrears
    gates this very number closed and that were not answered by a message of this `step` since. The caller holds
    those gates: whatever was reserved before is seen."""
    rows = await tx.execute(
        """
        SELECT DISTINCT ON (u.loan_id) a.client_ref, u.loan_id, a.borrower_id, m.stage
        FROM unnest(CAST(:loans AS text[]), CAST(:seqs AS bigint[])) AS u(loan_id, seq)
        JOIN loan_gate g ON g.loan_id = u.loan_id AND g.reason = 'arrears' AND g.closed AND g.seq = u.seq
        JOIN message m ON m.loan_id = u.loan_id OR u.loan_id = ANY(m.covers)
        JOIN attempt a ON a.message_id = m.id
        WHERE a.purpose IN ('collection', 'reminder_due') AND a.at >= :since
          AND a.state NOT IN ('rejected', 'not_sent', 'failed')
          -- Cured and then settled is one end: what was planned at the first is not planned again.
          AND NOT EXISTS (SELECT 1 FROM message o
                          WHERE (o.loan_id = u.loan_id OR u.loan_id = ANY(o.covers))
                            AND o.step = :step AND o.received_at >= g.changed_at)
        ORDER BY u.loan_id, a.at DESC, a.client_ref
        """,
        loans=list(closed),
        seqs=list(closed.values()),
        since=since,
        step=step,
    )
    return [Crossed(**row._mapping) for row in rows]


async def disproved(
    tx: Tx, owed_since: Mapping[str, date], texts: Sequence[str], zone: str, since: datetime
) -> list[Crossed]:
    """The newest closure text about each loan that is not true: what is owed was due before the day it was sent.

    A later instalment that is not paid makes nothing of it untrue.
    """
    rows = await tx.execute(
        """
        SELECT DISTINCT ON (u.loan_id) a.client_ref, u.loan_id, a.borrower_id, m.stage
        FROM unnest(CAST(:loans AS text[]), CAST(:dues AS date[])) AS u(loan_id, due_on)
        JOIN message m ON m.loan_id = u.loan_id OR u.loan_id = ANY(m.covers)
        JOIN attempt a ON a.message_id = m.id
        WHERE m.purpose = :service AND m.template = ANY(CAST(:texts AS text[])) AND a.at >= :since
          AND a.state NOT IN ('rejected', 'not_sent', 'failed')
          AND u.due_on < CAST(a.at AT TIME ZONE :zone AS date)
        ORDER BY u.loan_id, a.at DESC, a.client_ref
        """,
        loans=list(owed_since),
        dues=list(owed_since.values()),
        service=SERVICE,
        texts=list(texts),
        zone=zone,
        since=since,
    )
    return [Crossed(**row._mapping) for row in rows]


async def loans_thanked(tx: Tx, loan_ids: Sequence[str], texts: Sequence[str]) -> set[str]:
    """Loans of which a closure text was handed over, or may have been, since their arrears ended. The persons are
    locked before, so no other one is under way."""
    rows = await tx.execute(
        """
        SELECT g.loan_id FROM loan_gate g
        WHERE g.loan_id = ANY(CAST(:loans AS text[])) AND g.reason = 'arrears' AND g.closed AND EXISTS (
            SELECT 1 FROM message m JOIN attempt a ON a.message_id = m.id
            WHERE (m.loan_id = g.loan_id OR g.loan_id = ANY(m.covers)) AND m.purpose = :service
              AND m.template = ANY(CAST(:texts AS text[])) AND a.state NOT IN ('rejected', 'not_sent')
              AND a.first_sending_at >= g.changed_at)
        """,
        loans=sorted(set(loan_ids)),
        service=SERVICE,
        texts=list(texts),
    )
    return {row.loan_id for row in rows}


async def states_of(tx: Tx, client_refs: Sequence[str]) -> dict[str, AttemptState]:
    """What is known of attempts."""
    rows = await tx.execute(
        "SELECT client_ref, state FROM attempt WHERE client_ref = ANY(CAST(:refs AS text[]))",
        refs=sorted(set(client_refs)),
    )
    return {row.client_ref: AttemptState(row.state) for row in rows}
