"""Keeps what came in: which events are known, money, and events that wait for what they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from ledger.books import Parked
from ledger.domain.facts import Repayment
from spine.database import Tx
from spine.envelope import Envelope
from spine.events.payments import RepaymentPosted, RepaymentReversed
from spine.events.registry import decode, event_class
from spine.service import Received

#: An event's identity: (source, id).
Key = tuple[str, str]


#: Rows as one JSON text, arrays of (source, id, hash); an array of each column costs the driver more to write.
#: Answers with what was known, which is nothing nearly always. Sorted, so that two batches wait for each other
#: and never in a circle.
_REMEMBER: Final = """
    WITH given AS (
        SELECT e.value ->> 0 AS source, e.value ->> 1 AS event_id, e.value ->> 2 AS body_sha256, e.n
        FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS e(value, n)),
    fresh AS (
        INSERT INTO inbox (source, event_id, body_sha256)
        SELECT source, event_id, decode(body_sha256, 'hex') FROM given ORDER BY n
        ON CONFLICT DO NOTHING RETURNING source, event_id)
    SELECT source, event_id FROM given
    EXCEPT ALL SELECT source, event_id FROM fresh
"""


async def remember(tx: Tx, hashes: Mapping[Key, bytes]) -> dict[Key, bytes]:
    """Notes events as taken in, and returns those that were before, with the hash of their body then.

    Waits for transactions that are about to take in the same events.
    """
    rows = [(source, id_, hashes[source, id_].hex()) for source, id_ in sorted(hashes)]
    result = await tx.execute(_REMEMBER, rows=msgspec.json.encode(rows).decode())
    known = [(row.source, row.event_id) for row in result.all()]
    if not known:
        return {}
    result = await tx.execute(
        "SELECT source, event_id, body_sha256 FROM inbox JOIN "
        "unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS u(source, event_id) USING (source, event_id)",
        sources=[source for source, _ in known],
        ids=[id_ for _, id_ in known],
    )
    return {(row.source, row.event_id): bytes(row.body_sha256) for row in result}


async def forget(tx: Tx, keys: Collection[Key]) -> None:
    """Takes back that events were taken in: they were put aside and may come again."""
    if keys:
        await tx.execute(
            "DELETE FROM inbox USING unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS u(source, id) "
            "WHERE inbox.source = u.source AND inbox.event_id = u.id",
            sources=[source for source, _ in keys],
            ids=[id_ for _, id_ in keys],
        )


async def insert_repayments(tx: Tx, posted: Sequence[tuple[str, RepaymentPosted, Repayment]]) -> None:
    """Keeps money of loans that the transaction has locked."""
    if not posted:
        return
    await tx.copy(
        "repayment",
        ("loan_id", "repayment_id", "amount_minor", "value_date", "posted_at", "channel", "recorded_at"),
        [
            (
                loan_id,
                money.id,
                money.amount,
                money.value_date,
                money.posted_at,
                _storable(event.channel),
                tx.now,
            )
            for loan_id, event, money in posted
        ],
    )


async def reverse_repayments(tx: Tx, reversals: Sequence[RepaymentReversed]) -> None:
    """Keeps that money was taken back."""
    if not reversals:
        return
    await tx.execute(
        "UPDATE repayment AS r SET reversed_on = u.reversed_on, reversal_reason = u.reason,"
        " reversal_recorded_at = :now FROM unnest(CAST(:loans AS text[]), CAST(:ids AS text[]),"
        " CAST(:dates AS date[]), CAST(:reasons AS text[])) AS u(loan_id, repayment_id, reversed_on, reason)"
        " WHERE r.loan_id = u.loan_id AND r.repayment_id = u.repayment_id",
        now=tx.now,
        loans=[event.loan_id for event in reversals],
        ids=[event.repayment_id for event in reversals],
        dates=[event.reversed_on for event in reversals],
        reasons=[_storable(event.reason) for event in reversals],
    )


async def parked_of(tx: Tx, loan_ids: Collection[str]) -> dict[str, list[Parked]]:
    """What waits for these loans or for money of theirs, in the order of arrival."""
    result = await tx.execute(
        'SELECT id, loan_id, waits_for, topic, partition, "offset", headers, body FROM parked '
        "WHERE loan_id = ANY(CAST(:ids AS text[])) ORDER BY id",
        ids=sorted(loan_ids),
    )
    waiting: defaultdict[str, list[Parked]] = defaultdict(list)
    for row in result:
        envelope = Envelope.from_headers(msgspec.json.decode(row.headers, type=list[tuple[str, bytes]]))
        event = decode(event_class(row.topic, envelope.type), row.body)
        received = Received(row.topic, row.partition, row.offset, envelope, event, bytes(row.body))
        waiting[row.loan_id].append(Parked(row.id, row.waits_for, received))
    return waiting


async def park(tx: Tx, parked: Sequence[Parked]) -> None:
    """Keeps events until what they are about arrives."""
    if not parked:
        return
    received = [each.received for each in parked]
    await tx.execute(
        'INSERT INTO parked (source, event_id, loan_id, waits_for, topic, partition, "offset", headers, body,'
        " parked_at) SELECT u.source, u.event_id, u.loan_id, u.waits_for, u.topic, u.partition, u.record_offset,"
        " u.headers, u.body, :now FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]),"
        " CAST(:loans AS text[]), CAST(:waits AS text[]), CAST(:topics AS text[]), CAST(:partitions AS int[]),"
        " CAST(:offsets AS bigint[]), CAST(:headers AS bytea[]), CAST(:bodies AS bytea[])) WITH ORDINALITY"
        " AS u(source, event_id, loan_id, waits_for, topic, partition, record_offset, headers, body, n)"
        " ORDER BY u.n",
        now=tx.now,
        sources=[each.envelope.source for each in received],
        ids=[each.envelope.id for each in received],
        loans=[each.event.subject for each in received],
        waits=[each.waits_for for each in parked],
        topics=[each.topic for each in received],
        partitions=[each.partition for each in received],
        offsets=[each.offset for each in received],
        headers=[msgspec.json.encode(each.envelope.headers()) for each in received],
        bodies=[each.body for each in received],
    )


async def unpark(tx: Tx, ids: Sequence[int]) -> None:
    """Ends the waiting of parked events."""
    if ids:
        await tx.execute("DELETE FROM parked WHERE id = ANY(CAST(:ids AS bigint[]))", ids=list(ids))


async def parked_before(tx: Tx, instant: datetime) -> int:
    """How many events have been waiting since before an instant."""
    result = await tx.execute("SELECT count(*) FROM parked WHERE parked_at < :instant", instant=instant)
    return int(result.scalar_one())


def _storable(text: str | None) -> str | None:
    """PostgreSQL keeps no NUL in texts; free text may hold one."""
    return text if text is None else text.replace("\x00", "\ufffd")
