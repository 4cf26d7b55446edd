"""Permits: what people were told who wanted to call or visit, and what became of those they were granted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from spine.database import Tx
from spine.events.notifier import FiredRule

_COLUMNS: Final = (
    "permit_id, idempotency_key, request_sha256, borrower_id, loan_id, channel, purpose, stage, asked_by, task_id,"
    " contact_ref, at, granted, verdict, until, policy, facts_digest, outcome, outcome_at, reported_by"
)


@dataclass(frozen=True, slots=True)
class PermitRow:
    """One answer. A granted one counts as a contact of unknown outcome until `outcome` is reported.

    `until`: the last instant of a granted one, the first at which a refused one may be asked for again.
    """

    permit_id: str
    idempotency_key: str | None
    request_sha256: str
    borrower_id: str
    loan_id: str
    channel: str
    purpose: str
    stage: str | None
    asked_by: str
    task_id: str | None
    contact_ref: str | None
    at: datetime
    granted: bool
    verdict: str
    until: datetime | None
    policy: str
    facts_digest: str | None
    outcome: str | None = None
    outcome_at: datetime | None = None
    reported_by: str | None = None
    rules: tuple[FiredRule, ...] = ()


async def insert(tx: Tx, permit: PermitRow) -> bool:
    """Keeps an answer; False when its key is taken by another. The person is locked before."""
    values = {name.strip(): getattr(permit, name.strip()) for name in _COLUMNS.split(",")}
    names = ", ".join(f":{name}" for name in values)
    added = await tx.execute(
        f"INSERT INTO permit ({_COLUMNS}, rules) VALUES ({names}, CAST(:rules AS jsonb))"  # noqa: S608
        " ON CONFLICT (idempotency_key) DO NOTHING RETURNING permit_id",
        **values,
        rules=msgspec.json.encode(permit.rules).decode(),
    )
    return added.one_or_none() is not None


async def by_key(tx: Tx, idempotency_key: str) -> PermitRow | None:
    """The permit that was asked for under a key."""
    return await _one(tx, "idempotency_key", idempotency_key)


async def by_id(tx: Tx, permit_id: str) -> PermitRow | None:
    """A permit by its id."""
    return await _one(tx, "permit_id", permit_id)


async def _one(tx: Tx, column: str, value: str) -> PermitRow | None:
    rows = await tx.execute(
        f"SELECT {_COLUMNS}, CAST(rules AS text) AS rules FROM permit WHERE {column} = :value",  # noqa: S608
        value=value,
    )
    row = rows.one_or_none()
    return None if row is None else _permit(row)


def _permit(row: Any) -> PermitRow:
    values = {name.strip(): getattr(row, name.strip()) for name in _COLUMNS.split(",")}
    return PermitRow(**values, rules=msgspec.json.decode(row.rules, type=tuple[FiredRule, ...]))


_SILENT: Final = (
    "p.granted AND p.outcome IS NULL AND p.unreported_at IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM recorded_contact r WHERE r.permit_id = p.permit_id AND r.borrower_id = p.borrower_id)"
)


async def silent(tx: Tx, before: datetime, limit: int) -> list[PermitRow]:
    """Granted permits that ended before this instant and of which nothing was heard or told since."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS}, CAST(rules AS text) AS rules FROM permit p"  # noqa: S608
        f" WHERE {_SILENT} AND p.until <= :before ORDER BY p.until, p.permit_id LIMIT :limit",
        before=before,
        limit=limit,
    )
    return [_permit(row) for row in rows]


async def next_silent(tx: Tx) -> datetime | None:
    """The end of the first permit of which nothing was heard yet."""
    rows = await tx.execute(f"SELECT min(p.until) AS first FROM permit p WHERE {_SILENT}")  # noqa: S608
    first: datetime | None = rows.one().first
    return first


async def mark_unreported(tx: Tx, permit_ids: Sequence[str]) -> set[str]:
    """Remembers that it was told of these; those of which something was heard meanwhile are left out."""
    rows = await tx.execute(
        f"UPDATE permit AS p SET unreported_at = :now WHERE permit_id = ANY(CAST(:ids AS text[])) AND {_SILENT}"  # noqa: S608
        " RETURNING p.permit_id",
        now=tx.now,
        ids=list(permit_ids),
    )
    return {row.permit_id for row in rows}


async def report(tx: Tx, permit_id: str, *, outcome: str, at: datetime, by: str) -> None:
    """Keeps what became of a permit of which nothing was reported yet; the person is locked before."""
    await tx.execute(
        "UPDATE permit SET outcome = :outcome, outcome_at = :at, reported_by = :by"
        " WHERE permit_id = :id AND outcome IS NULL",
        id=permit_id,
        outcome=outcome,
        at=at,
        by=by,
    )
