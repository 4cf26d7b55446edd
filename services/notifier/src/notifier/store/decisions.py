"""Decisions as they were taken, with their facts sealed: what `why` recomputes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from notifier.domain.decision import PackRef
from spine.database import Tx
from spine.events.notifier import FiredRule


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision about a message. Without facts a gate was closed and no policy was asked.

    `judged_at` is the instant that was judged: a margin ahead of `at` where a window was about to end.
    """

    message_id: str
    attempt_no: int
    at: datetime
    judged_at: datetime
    verdict: str
    until: datetime | None
    rules: tuple[FiredRule, ...]
    policy: tuple[PackRef, ...]
    facts_cipher: bytes | None = field(repr=False)
    facts_digest: str | None
    engine: str


async def insert(tx: Tx, decisions: Iterable[DecisionRow]) -> None:
    """Keeps decisions; they are never changed."""
    rows = list(decisions)
    if not rows:
        return
    await tx.execute(
        """
        INSERT INTO decision (message_id, attempt_no, at, judged_at, verdict, until, rules, policy, facts_cipher,
                              facts_digest, engine)
        SELECT * FROM unnest(CAST(:messages AS text[]), CAST(:nos AS int[]), CAST(:ats AS timestamptz[]),
                             CAST(:judged AS timestamptz[]), CAST(:verdicts AS text[]),
                             CAST(:untils AS timestamptz[]), CAST(:rules AS jsonb[]), CAST(:policies AS jsonb[]),
                             CAST(:facts AS bytea[]), CAST(:digests AS text[]), CAST(:engines AS text[]))
        """,
        messages=[d.message_id for d in rows],
        nos=[d.attempt_no for d in rows],
        ats=[d.at for d in rows],
        judged=[d.judged_at for d in rows],
        verdicts=[d.verdict for d in rows],
        untils=[d.until for d in rows],
        rules=[msgspec.json.encode(d.rules).decode() for d in rows],
        policies=[msgspec.json.encode(d.policy).decode() for d in rows],
        facts=[d.facts_cipher for d in rows],
        digests=[d.facts_digest for d in rows],
        engines=[d.engine for d in rows],
    )


async def of_message(tx: Tx, message_id: str, limit: int) -> list[DecisionRow]:
    """The newest decisions about a message, the newest first."""
    rows = await tx.execute(
        "SELECT message_id, attempt_no, at, judged_at, verdict, until, CAST(rules AS text) AS rules,"
        " CAST(policy AS text) AS policy, facts_cipher, facts_digest, engine"
        " FROM decision WHERE message_id = :id ORDER BY id DESC LIMIT :limit",
        id=message_id,
        limit=limit,
    )
    return [
        DecisionRow(
            row.message_id,
            row.attempt_no,
            row.at,
            row.judged_at,
            row.verdict,
            row.until,
            msgspec.json.decode(row.rules, type=tuple[FiredRule, ...]),
            msgspec.json.decode(row.policy, type=tuple[PackRef, ...]),
            row.facts_cipher,
            row.facts_digest,
            row.engine,
        )
        for row in rows
    ]
