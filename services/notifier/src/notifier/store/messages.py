"""Messages asked for: taken in once, claimed when due, withdrawn, and looked up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from notifier.domain.urgency import urgency
from notifier.sending.states import Message, MessageState
from spine.database import Tx
from spine.service import Due

_COLUMNS: Final = (
    "m.id, m.request_id, m.borrower_id, m.loan_id, m.partition, m.channel, m.purpose, m.stage, m.step,"
    " m.template, m.requested_at, m.expires_at, m.received_at, m.state, m.due_at, m.attempt_no, m.resume,"
    " m.policy, m.cause_id, m.cause_source, m.correlation_id, m.traceparent, m.covers,"
    " m.follows"
)


@dataclass(frozen=True, slots=True)
class MessageUpdate:
    """What becomes of a message; `due_at` and `policy` stay where None is given."""

    id: str
    state: MessageState
    due_at: datetime | None = None
    attempt_no: int | None = None
    resume: bool = False
    policy: str | None = None


def _message(row: Any) -> Message:
    return Message(
        id=row.id,
        request_id=row.request_id,
        borrower_id=row.borrower_id,
        loan_id=row.loan_id,
        partition=row.partition,
        channel=row.channel,
        purpose=row.purpose,
        stage=row.stage,
        step=row.step,
        template=row.template,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        received_at=row.received_at,
        state=MessageState(row.state),
        due_at=row.due_at,
        attempt_no=row.attempt_no,
        resume=row.resume,
        policy=row.policy,
        cause_id=row.cause_id,
        cause_source=row.cause_source,
        correlation_id=row.correlation_id,
        traceparent=row.traceparent,
        covers=tuple(row.covers),
        follows=row.follows,
    )


async def insert_requested(tx: Tx, messages: Iterable[Message]) -> None:
    """Takes requests in; one that was taken in before changes nothing."""
    rows = sorted(messages, key=lambda m: m.request_id)
    await tx.execute(
        """
        INSERT INTO message (id, request_id, borrower_id, loan_id, partition, channel, purpose, stage, step,
                             template, requested_at, expires_at, state, due_at, policy, changed_at, cause_id,
                             cause_source, correlation_id, traceparent, covers, follows, urgency)
        SELECT u.id, u.request_id, u.borrower_id, u.loan_id, u.partition, u.channel, u.purpose, u.stage, u.step,
               u.template, u.requested_at, u.expires_at, 'planned', :now, u.policy, :now, u.cause_id,
               u.cause_source, u.correlation_id, u.traceparent,
               ARRAY(SELECT jsonb_array_elements_text(CAST(u.covers AS jsonb))), u.follows, u.urgency
        FROM unnest(CAST(:ids AS text[]), CAST(:requests AS text[]), CAST(:borrowers AS text[]),
                    CAST(:loans AS text[]), CAST(:partitions AS int[]), CAST(:channels AS text[]),
                    CAST(:purposes AS text[]), CAST(:stages AS text[]), CAST(:steps AS text[]),
                    CAST(:templates AS text[]), CAST(:requested AS timestamptz[]),
                    CAST(:expires AS timestamptz[]), CAST(:policies AS text[]), CAST(:causes AS text[]),
                    CAST(:sources AS text[]), CAST(:correlations AS text[]), CAST(:traces AS text[]),
                    CAST(:covers AS text[]), CAST(:follows AS text[]), CAST(:urgencies AS int[]))
             AS u(id, request_id, borrower_id, loan_id, partition, channel, purpose, stage, step, template,
                  requested_at, expires_at, policy, cause_id, cause_source, correlation_id, traceparent, covers,
                  follows, urgency)
        ON CONFLICT (request_id) DO NOTHING
        """,
        now=tx.now,
        ids=[m.id for m in rows],
        requests=[m.request_id for m in rows],
        borrowers=[m.borrower_id for m in rows],
        loans=[m.loan_id for m in rows],
        partitions=[m.partition for m in rows],
        channels=[m.channel for m in rows],
        purposes=[m.purpose for m in rows],
        stages=[m.stage for m in rows],
        steps=[m.step for m in rows],
        templates=[m.template for m in rows],
        requested=[m.requested_at for m in rows],
        expires=[m.expires_at for m in rows],
        policies=[m.policy for m in rows],
        causes=[m.cause_id for m in rows],
        sources=[m.cause_source for m in rows],
        correlations=[m.correlation_id for m in rows],
        traces=[m.traceparent for m in rows],
        covers=[msgspec.json.encode(m.covers).decode() for m in rows],
        follows=[m.follows for m in rows],
        urgencies=[urgency(m.purpose) for m in rows],
    )


async def insert_withdrawals(tx: Tx, withdrawals: Iterable[tuple[str, str]]) -> None:
    """(request, reason): kept also for requests that have not come yet."""
    rows = dict(sorted(withdrawals))
    await tx.execute(
        "INSERT INTO withdrawal (request_id, reason, at)"
        " SELECT u.request_id, u.reason, :now FROM unnest(CAST(:requests AS text[]), CAST(:reasons AS text[]))"
        " AS u(request_id, reason) ON CONFLICT (request_id) DO NOTHING",
        now=tx.now,
        requests=list(rows),
        reasons=list(rows.values()),
    )


async def lock_withdrawn(tx: Tx, request_ids: Sequence[str]) -> list[tuple[Message, str]]:
    """The messages of these requests that are withdrawn and not sent yet, locked, with the reason."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS}, w.reason FROM message m JOIN withdrawal w USING (request_id)"  # noqa: S608
        " WHERE m.request_id = ANY(CAST(:requests AS text[])) AND m.state = 'planned'"
        " ORDER BY m.id FOR UPDATE OF m",
        requests=sorted(set(request_ids)),
    )
    return [(_message(row), row.reason) for row in rows]


async def claim_due(
    tx: Tx, *, partitions: Iterable[int], stopped: Sequence[str], shut: Sequence[str] = (), batch: int
) -> list[tuple[Message, str | None]]:
    """Locks due messages no one else has locked, with the reason of their withdrawal if there is one.

    Only of partitions whose ticks are fresh and channels that are not stopped, and not what must wait for a
    gateway that is `shut`; what has expired, always. The urgent first, then in the order in which they became due.
    """
    rows = await tx.execute(
        f"SELECT c.* FROM generate_series(0, 2) AS u(urgency) CROSS JOIN LATERAL ("  # noqa: S608
        f" SELECT {_COLUMNS}, w.reason FROM message m LEFT JOIN withdrawal w USING (request_id)"
        " WHERE m.urgency = u.urgency AND m.state = 'planned' AND m.due_at <= :now AND (m.expires_at <= :now OR"
        " (m.partition = ANY(CAST(:partitions AS int[])) AND m.channel <> ALL(CAST(:stopped AS text[]))"
        " AND NOT (CAST(:all_stopped AS boolean))"
        " AND (m.attempt_no = 0 OR NOT EXISTS (SELECT 1 FROM attempt a WHERE a.message_id = m.id"
        " AND a.unknown_at IS NOT NULL AND a.gateway = ANY(CAST(:shut AS text[]))))))"
        " ORDER BY m.due_at, m.id LIMIT :batch FOR UPDATE OF m SKIP LOCKED) AS c LIMIT :batch",
        now=tx.now,
        partitions=sorted(partitions),
        stopped=list(stopped),
        all_stopped="all" in stopped,
        shut=list(shut),
        batch=batch,
    )
    return [(_message(row), row.reason) for row in rows]


async def lock_messages(tx: Tx, message_ids: Iterable[str]) -> dict[str, Message]:
    """Locks messages in order of their ids."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM message m WHERE m.id = ANY(CAST(:ids AS text[]))"  # noqa: S608
        " ORDER BY m.id FOR UPDATE",
        ids=sorted(set(message_ids)),
    )
    return {row.id: _message(row) for row in rows}


async def update_messages(tx: Tx, updates: Iterable[MessageUpdate]) -> None:
    """Writes what became of messages the caller has locked."""
    rows = sorted(updates, key=lambda u: u.id)
    if not rows:
        return
    await tx.execute(
        """
        UPDATE message AS m
        SET state = u.state, due_at = coalesce(u.due_at, m.due_at),
            attempt_no = coalesce(u.attempt_no, m.attempt_no), resume = u.resume,
            policy = coalesce(u.policy, m.policy), changed_at = :now
        FROM unnest(CAST(:ids AS text[]), CAST(:states AS text[]), CAST(:due_ats AS timestamptz[]),
                    CAST(:attempt_nos AS int[]), CAST(:resumes AS boolean[]), CAST(:policies AS text[]))
             AS u(id, state, due_at, attempt_no, resume, policy)
        WHERE m.id = u.id
        """,
        now=tx.now,
        ids=[u.id for u in rows],
        states=[u.state.value for u in rows],
        due_ats=[u.due_at for u in rows],
        attempt_nos=[u.attempt_no for u in rows],
        resumes=[u.resume for u in rows],
        policies=[u.policy for u in rows],
    )


async def due_work(tx: Tx, stopped: Sequence[str]) -> Due:
    """Messages due now or on their way, and when the next becomes due. What is stopped waits for no clock
    but that of its expiry."""
    row = (
        await tx.execute(
            """
            SELECT
                count(*) FILTER (WHERE waits_until <= :now) AS due,
                min(waits_until) FILTER (WHERE waits_until > :now) AS next_at,
                (SELECT count(*) FROM attempt WHERE state IN ('sending', 'unknown')) AS open
            FROM (SELECT CASE WHEN CAST(:all_stopped AS boolean) OR channel = ANY(CAST(:stopped AS text[]))
                              THEN greatest(due_at, expires_at) ELSE due_at END AS waits_until
                  FROM message WHERE state = 'planned') AS planned
            """,
            now=tx.now,
            stopped=list(stopped),
            all_stopped="all" in stopped,
        )
    ).one()
    return Due(row.due + row.open, row.next_at)


async def find(
    tx: Tx, *, borrower_id: str | None, state: MessageState | None, after: str | None, limit: int
) -> list[Message]:
    """Messages in the order of their ids, after a cursor."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM message m"  # noqa: S608
        " WHERE (CAST(:borrower AS text) IS NULL OR m.borrower_id = :borrower)"
        " AND (CAST(:state AS text) IS NULL OR m.state = :state)"
        " AND (CAST(:after AS text) IS NULL OR m.id > :after) ORDER BY m.id LIMIT :limit",
        borrower=borrower_id,
        state=state.value if state else None,
        after=after,
        limit=limit,
    )
    return [_message(row) for row in rows]


async def one(tx: Tx, message_id: str) -> Message | None:
    """A message by its id."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM message m WHERE m.id = :id",  # noqa: S608
        id=message_id,
    )
    row = rows.one_or_none()
    return None if row is None else _message(row)
