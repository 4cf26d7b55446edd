"""Appends entries and reads them back, newest first: the only module with the contact log's SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, func, select, tuple_

from contact_log.domain.entry import ContactId, Entry
from contact_log.domain.place import Place
from contact_log.tables import contact_borrower, contact_complaint, contact_entry
from spine.database import Tx

#: Every column an entry fills itself, with the type it is bound as, in the order of _APPEND.
_BOUND: Final = (
    "contact_id", "borrower_id", "loan_id", "channel", "direction", "outcome", "at", "source", "source_id",
    "message_id", "request_id", "attempt_no", "client_ref", "contact_ref", "purpose", "stage", "step",
    "template", "template_version", "body_sha256", "gateway", "gateway_id", "code", "until", "policy",
    "facts_digest", "reported_by", "note", "request_sha256", "task_id", "permit_id", "recording_ref", "flag",
    "party_id", "amount", "promised_on", "verified",
)  # fmt: skip

_APPEND: Final = """
    INSERT INTO contact_entry (
        contact_id, borrower_id, loan_id, channel, direction, outcome, at, source, source_id, message_id,
        request_id, attempt_no, client_ref, contact_ref, purpose, stage, step, template, template_version,
        body_sha256, gateway, gateway_id, code, until, policy, facts_digest, reported_by, note,
        request_sha256, task_id, permit_id, recording_ref, flag, party_id, amount, promised_on, verified,
        rules, recorded_at)
    SELECT
        u.contact_id, u.borrower_id, u.loan_id, u.channel, u.direction, u.outcome, u.at, u.source, u.source_id,
        u.message_id, u.request_id, u.attempt_no, u.client_ref, u.contact_ref, u.purpose, u.stage, u.step,
        u.template, u.template_version, u.body_sha256, u.gateway, u.gateway_id, u.code, u.until, u.policy,
        u.facts_digest, u.reported_by, u.note, u.request_sha256, u.task_id,
        u.permit_id, u.recording_ref, u.flag, u.party_id, u.amount, u.promised_on, u.verified,
        CAST(u.rules AS jsonb), :recorded_at
    FROM unnest(
        CAST(:contact_id AS uuid[]), CAST(:borrower_id AS text[]), CAST(:loan_id AS text[]),
        CAST(:channel AS text[]), CAST(:direction AS text[]), CAST(:outcome AS text[]),
        CAST(:at AS timestamptz[]), CAST(:source AS text[]), CAST(:source_id AS text[]),
        CAST(:message_id AS text[]), CAST(:request_id AS text[]), CAST(:attempt_no AS int[]),
        CAST(:client_ref AS text[]), CAST(:contact_ref AS text[]), CAST(:purpose AS text[]),
        CAST(:stage AS text[]), CAST(:step AS text[]), CAST(:template AS text[]),
        CAST(:template_version AS int[]), CAST(:body_sha256 AS text[]), CAST(:gateway AS text[]),
        CAST(:gateway_id AS text[]), CAST(:code AS text[]), CAST(:until AS timestamptz[]),
        CAST(:policy AS text[]), CAST(:facts_digest AS text[]), CAST(:reported_by AS text[]),
        CAST(:note AS text[]), CAST(:request_sha256 AS text[]), CAST(:task_id AS text[]),
        CAST(:permit_id AS text[]), CAST(:recording_ref AS text[]), CAST(:flag AS text[]),
        CAST(:party_id AS text[]), CAST(:amount AS text[]), CAST(:promised_on AS date[]),
        CAST(:verified AS boolean[]), CAST(:rules AS text[])
    ) WITH ORDINALITY AS u(
        contact_id, borrower_id, loan_id, channel, direction, outcome, at, source, source_id, message_id,
        request_id, attempt_no, client_ref, contact_ref, purpose, stage, step, template, template_version,
        body_sha256, gateway, gateway_id, code, until, policy, facts_digest, reported_by, note,
        request_sha256, task_id, permit_id, recording_ref, flag, party_id, amount, promised_on, verified,
        rules, n)
    ORDER BY u.n
    ON CONFLICT (contact_id) DO NOTHING
    RETURNING contact_id
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it was written: its place in the log and when it was recorded."""

    place: Place
    recorded_at: datetime
    entry: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are asked for; instants are half-open [since, before)."""

    borrower_id: str | None = None
    channel: str | None = None
    since: datetime | None = None
    before: datetime | None = None


async def lock_borrowers(tx: Tx, borrower_ids: Iterable[str]) -> None:
    """Puts the appends about these borrowers in one order, until the transaction ends."""
    ids = sorted(set(borrower_ids))
    await tx.execute(
        "INSERT INTO contact_borrower (borrower_id, entries) SELECT u.id, 0"
        " FROM unnest(CAST(:ids AS text[])) AS u(id) ORDER BY u.id ON CONFLICT DO NOTHING",
        ids=ids,
    )
    await tx.execute(
        "SELECT 1 FROM contact_borrower WHERE borrower_id = ANY(CAST(:ids AS text[]))"
        " ORDER BY borrower_id FOR UPDATE",
        ids=ids,
    )


async def append(tx: Tx, entries: Sequence[Entry]) -> set[ContactId]:
    """Appends what is not yet on record and says what was new; the borrowers are locked before."""
    values: dict[str, Any] = {name: [getattr(entry, name) for entry in entries] for name in _BOUND}
    values["rules"] = [msgspec.json.encode(entry.rules).decode() for entry in entries]
    rows = await tx.execute(_APPEND, recorded_at=tx.now, **values)
    new = {ContactId(str(row.contact_id)) for row in rows}
    counts = Counter(
        {entry.contact_id: entry.borrower_id for entry in entries if entry.contact_id in new}.values()
    )
    await tx.execute(
        "UPDATE contact_borrower AS b SET entries = b.entries + u.added"
        " FROM unnest(CAST(:ids AS text[]), CAST(:added AS bigint[])) AS u(id, added) WHERE b.borrower_id = u.id",
        ids=list(counts),
        added=list(counts.values()),
    )
    return new


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """A complaint; open while `closed_at` is None."""

    complaint_id: str
    borrower_id: str
    loan_id: str | None
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None


async def open_complaints(tx: Tx, entries: Sequence[Entry]) -> None:
    """Keeps complaints open, each by the entry that told of it."""
    if entries:
        await tx.execute(
            "INSERT INTO contact_complaint (complaint_id, borrower_id, loan_id, opened_at)"
            " SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:borrowers AS text[]), CAST(:loans AS text[]),"
            " CAST(:ats AS timestamptz[])) ON CONFLICT (complaint_id) DO NOTHING",
            ids=[entry.contact_id for entry in entries],
            borrowers=[entry.borrower_id for entry in entries],
            loans=[entry.loan_id for entry in entries],
            ats=[entry.at for entry in entries],
        )


async def close_complaint(tx: Tx, complaint_id: str, *, by: str) -> bool:
    """Closes an open complaint; False when it was closed already. The borrower is locked before."""
    closed = await tx.execute(
        "UPDATE contact_complaint SET closed_at = :now, closed_by = :by"
        " WHERE complaint_id = CAST(:id AS uuid) AND closed_at IS NULL RETURNING complaint_id",
        now=tx.now,
        by=by,
        id=complaint_id,
    )
    return closed.one_or_none() is not None


async def complaint(tx: Tx, complaint_id: str) -> ComplaintRow | None:
    """One complaint."""
    query = select(contact_complaint).where(contact_complaint.c.complaint_id == complaint_id)
    row = (await tx.connection.execute(query)).one_or_none()
    return None if row is None else ComplaintRow(**row._mapping)


async def complaints(
    tx: Tx, *, borrower_id: str | None, is_open: bool | None, limit: int
) -> list[ComplaintRow]:
    """Complaints, the oldest first."""
    query = select(contact_complaint).order_by(contact_complaint.c.opened_at).limit(limit)
    if borrower_id is not None:
        query = query.where(contact_complaint.c.borrower_id == borrower_id)
    if is_open is not None:
        closed_at = contact_complaint.c.closed_at
        query = query.where(closed_at.is_(None) if is_open else closed_at.is_not(None))
    return [ComplaintRow(**row._mapping) for row in await tx.connection.execute(query)]


async def find(tx: Tx, contact_id: ContactId) -> Kept | None:
    """One entry by its id."""
    query = select(contact_entry).where(contact_entry.c.contact_id == contact_id)
    row = (await tx.connection.execute(query)).one_or_none()
    return None if row is None else _kept(row)


async def entries_of(tx: Tx, borrower_id: str) -> int | None:
    """How many entries there are about a borrower; None for a borrower nobody ever had contact with."""
    query = select(contact_borrower.c.entries).where(contact_borrower.c.borrower_id == borrower_id)
    entries: int | None = (await tx.connection.execute(query)).scalar_one_or_none()
    return entries


async def newest(tx: Tx, asked: Asked, after: Place | None, limit: int) -> list[Kept]:
    """At most `limit` entries, newest first, behind the place where the last page ended."""
    order = tuple_(contact_entry.c.at, contact_entry.c.id)
    query = select(contact_entry).where(*_conditions(asked))
    if after is not None:
        query = query.where(order < tuple_(after.at, after.id))
    query = query.order_by(contact_entry.c.at.desc(), contact_entry.c.id.desc()).limit(limit)
    return [_kept(row) for row in await tx.connection.execute(query)]


async def counts(tx: Tx, asked: Asked) -> list[tuple[str, str, str, int]]:
    """How many entries there are: (channel, direction, outcome, count)."""
    by = (contact_entry.c.channel, contact_entry.c.direction, contact_entry.c.outcome)
    query = select(*by, func.count()).where(*_conditions(asked)).group_by(*by).order_by(*by)
    return [(row[0], row[1], row[2], row[3]) for row in await tx.connection.execute(query)]


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.borrower_id is not None:
        conditions.append(contact_entry.c.borrower_id == asked.borrower_id)
    if asked.channel is not None:
        conditions.append(contact_entry.c.channel == asked.channel)
    if asked.since is not None:
        conditions.append(contact_entry.c.at >= asked.since)
    if asked.before is not None:
        conditions.append(contact_entry.c.at < asked.before)
    return conditions


def _kept(row: Row[Any]) -> Kept:
    entry = dict(row._mapping)
    place = Place(entry["at"], entry.pop("id"))
    return Kept(place, entry.pop("recorded_at"), entry)
