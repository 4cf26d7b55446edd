"""Keeps documents as they were made, gives out their numbers, and remembers how they were delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from spine.database import Tx
from spine.errors import NotFound
from stager.store.rows import Rows
from stager.tables.documents import DOCUMENT, DOCUMENT_DELIVERY

_DOCUMENTS: Final = Rows(DOCUMENT)
_DELIVERIES: Final = Rows(DOCUMENT_DELIVERY)
_INSERT: Final = f"""
    INSERT INTO document ({_DOCUMENTS.columns}) SELECT {_DOCUMENTS.selected} FROM {_DOCUMENTS.source}
"""  # noqa: S608 (column names of our own tables)
_DELIVER: Final = f"""
    INSERT INTO document_delivery ({_DELIVERIES.columns}) SELECT {_DELIVERIES.selected} FROM {_DELIVERIES.source}
    ON CONFLICT (document_id) DO NOTHING RETURNING document_id
"""  # noqa: S608
_SELECT: Final = f"SELECT {_DOCUMENTS.columns} FROM document"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Made:
    """A document as kept. `about`: the plan it is of, else empty; `reissue`: the how-manieth again, from 0."""

    document_id: str
    number: str
    kind: str
    locale: str
    case_id: str
    borrower_id: str
    loan_id: str
    episode: int
    about: str
    reissue: int
    reissue_reason: str | None
    as_of: date
    body: str
    digest: str
    policy_digest: str
    request_digest: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a document reached its reader, and what proves it."""

    document_id: str
    delivered_at: datetime
    way: str
    proof_ref: str
    recorded_by: str
    recorded_at: datetime


async def next_number(tx: Tx, prefix: str, year: int) -> str:
    """The next number of a kind in a year, without gaps: who rolls back gives it back."""
    row = (
        await tx.execute(
            """
            INSERT INTO document_number AS n (prefix, year, last) VALUES (:prefix, :year, 1)
            ON CONFLICT (prefix, year) DO UPDATE SET last = n.last + 1 RETURNING last
            """,
            prefix=prefix,
            year=year,
        )
    ).one()
    return f"{prefix}-{year}-{row.last:06d}"


async def insert_document(tx: Tx, made: Made) -> None:
    """Keeps a document for good."""
    await tx.execute(_INSERT, **_DOCUMENTS.parameters([made]))


async def find_document(tx: Tx, document_id: str) -> Made | None:
    """A document."""
    row = (await tx.execute(f"{_SELECT} WHERE document_id = :id", id=document_id)).one_or_none()
    return _made(row) if row is not None else None


async def document_of_case(tx: Tx, case_id: str, document_id: str) -> Made:
    """A document of a case. Raises NotFound."""
    made = await find_document(tx, document_id)
    if made is None or made.case_id != case_id:
        raise NotFound(f"no document {document_id} in case {case_id}", document_id=document_id)
    return made


async def documents_of_case(tx: Tx, case_id: str) -> list[Made]:
    """The documents of a case, the newest first."""
    rows = await tx.execute(
        f"{_SELECT} WHERE case_id = :case ORDER BY made_at DESC, number DESC", case=case_id
    )
    return [_made(row) for row in rows]


async def last_made(tx: Tx, *, loan_id: str, episode: int, kind: str, about: str, locale: str) -> Made | None:
    """The newest document of a kind that was made in an episode about the same thing."""
    row = (
        await tx.execute(
            f"""
            {_SELECT} WHERE loan_id = :loan AND episode = :episode AND kind = :kind AND about = :about
            AND locale = :locale ORDER BY reissue DESC LIMIT 1
            """,
            loan=loan_id,
            episode=episode,
            kind=kind,
            about=about,
            locale=locale,
        )
    ).one_or_none()
    return _made(row) if row is not None else None


async def was_made(tx: Tx, loan_id: str, kind: str | None) -> bool:
    """Whether a document of a kind, or any, was made in the newest episode of a loan."""
    row = (
        await tx.execute(
            """
            SELECT EXISTS (
                SELECT 1 FROM document AS d WHERE d.loan_id = :loan AND d.kind = coalesce(:kind, d.kind)
                AND d.episode = (SELECT max(e.episode) FROM episode AS e WHERE e.loan_id = :loan)) AS made
            """,
            loan=loan_id,
            kind=kind,
        )
    ).one()
    return bool(row.made)


async def kinds_made(tx: Tx, episodes: Sequence[tuple[str, int]]) -> dict[tuple[str, int], set[str]]:
    """The kinds of documents made in these (loan, episode)."""
    rows = await tx.execute(
        """
        SELECT DISTINCT d.loan_id, d.episode, d.kind
        FROM unnest(CAST(:loans AS text[]), CAST(:episodes AS int[])) AS u(loan_id, episode)
        JOIN document AS d USING (loan_id, episode)
        """,
        loans=[loan for loan, _ in episodes],
        episodes=[episode for _, episode in episodes],
    )
    made: dict[tuple[str, int], set[str]] = {}
    for row in rows:
        made.setdefault((row.loan_id, row.episode), set()).add(row.kind)
    return made


async def keep_delivery(tx: Tx, delivery: Delivery) -> bool:
    """Keeps how a document was delivered; False when that is known already."""
    rows = await tx.execute(_DELIVER, **_DELIVERIES.parameters([delivery]))
    return rows.first() is not None


async def deliveries_of(tx: Tx, document_ids: list[str]) -> dict[str, Delivery]:
    """How documents were delivered, by document."""
    rows = await tx.execute(
        f"""
        SELECT {_DELIVERIES.columns} FROM document_delivery
        JOIN unnest(CAST(:ids AS text[])) AS u(document_id) USING (document_id)
        """,  # noqa: S608
        ids=document_ids,
    )
    return {row.document_id: Delivery(**row._mapping) for row in rows}


def _made(row: Any) -> Made:
    return Made(**row._mapping)
