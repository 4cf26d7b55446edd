"""What was said about being contacted: every word is kept, none is ever changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from notifier.domain.consent import ConsentWord
from spine.database import Tx

_COLUMNS: Final = (
    "word_id, kind, state, borrower_id, channel, contact_ref, address_index, at, source, said_by, keyword,"
    " seq"
)


async def add(tx: Tx, words: Iterable[ConsentWord]) -> None:
    """Keeps words, each once; the persons are locked before, so that a send is wholly before or after."""
    rows = sorted(words, key=lambda w: w.word_id)
    if not rows:
        return
    await tx.execute(
        """
        INSERT INTO consent_word (word_id, kind, state, borrower_id, channel, contact_ref, address_index, at,
                                  source, said_by, keyword)
        SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:kinds AS text[]), CAST(:states AS text[]),
                             CAST(:borrowers AS text[]), CAST(:channels AS text[]), CAST(:refs AS text[]),
                             CAST(:addresses AS bytea[]), CAST(:ats AS timestamptz[]), CAST(:sources AS text[]),
                             CAST(:by AS text[]), CAST(:keywords AS text[]))
        ON CONFLICT (word_id) DO NOTHING
        """,
        ids=[w.word_id for w in rows],
        kinds=[w.kind for w in rows],
        states=[w.state for w in rows],
        borrowers=[w.borrower_id for w in rows],
        channels=[w.channel for w in rows],
        refs=[w.contact_ref for w in rows],
        addresses=[w.address_index for w in rows],
        ats=[w.at for w in rows],
        sources=[w.source for w in rows],
        by=[w.said_by for w in rows],
        keywords=[w.keyword for w in rows],
    )


async def add_asked(
    tx: Tx, word: ConsentWord, *, reason_cipher: bytes | None, key: str | None, request_sha256: str
) -> None:
    """Keeps one word that came over REST, with the reason as it was put and the request it came with."""
    await add(tx, [word])
    await tx.execute(
        "UPDATE consent_word SET reason_cipher = :reason, idempotency_key = :key, request_sha256 = :digest"
        " WHERE word_id = :id AND request_sha256 IS NULL",
        id=word.word_id,
        reason=reason_cipher,
        key=key,
        digest=request_sha256,
    )


async def by_key(tx: Tx, idempotency_key: str) -> tuple[ConsentWord, str] | None:
    """The word that came under a key, with the digest of its request."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS}, request_sha256 FROM consent_word WHERE idempotency_key = :key",  # noqa: S608
        key=idempotency_key,
    )
    row = rows.one_or_none()
    return None if row is None else (_word(row), row.request_sha256)


async def history(tx: Tx, borrower_id: str, *, before: int | None, limit: int) -> list[ConsentWord]:
    """What was said by or of a borrower, the newest first, before a cursor."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM consent_word WHERE borrower_id = :borrower"  # noqa: S608
        " AND (CAST(:before AS bigint) IS NULL OR seq < :before) ORDER BY seq DESC LIMIT :limit",
        borrower=borrower_id,
        before=before,
        limit=limit,
    )
    return [_word(row) for row in rows]


async def in_force(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, list[ConsentWord]]:
    """The opt-outs and consents given anew that concern each borrower: their own person's, under whatever id, and
    whoever's were said of an address that they have."""
    rows = await tx.execute(
        f"""
        WITH asked AS (SELECT borrower_id, person_id FROM party
                       WHERE borrower_id = ANY(CAST(:ids AS text[])))
        SELECT asked.borrower_id AS asked, {_qualified()} FROM asked
        JOIN party p ON p.person_id = asked.person_id
        JOIN consent_word w ON w.borrower_id = p.borrower_id AND w.kind <> 'stated'
        UNION
        SELECT asked.borrower_id, {_qualified()} FROM asked
        JOIN contact_point c ON c.borrower_id = asked.borrower_id AND c.active
        JOIN consent_word w ON w.address_index = c.address_index AND w.kind <> 'stated'
        """,  # noqa: S608
        ids=sorted(set(borrower_ids)),
    )
    found: dict[str, list[ConsentWord]] = {}
    for row in rows:
        found.setdefault(row.asked, []).append(_word(row))
    return found


def _qualified() -> str:
    return ", ".join(f"w.{name.strip()}" for name in _COLUMNS.split(","))


def _word(row: Any) -> ConsentWord:
    return ConsentWord(**{name.strip(): getattr(row, name.strip()) for name in _COLUMNS.split(",")})
