"""What came from outside before: by source and id, with the hash of its body."""

from __future__ import annotations

from collections.abc import Mapping

from spine.database import Tx


async def insert_new(tx: Tx, digests: Mapping[tuple[str, str], bytes]) -> dict[tuple[str, str], bytes]:
    """Keeps the (source, id) that are new; returns those that are not, with the hash they came with."""
    identities = sorted(digests)
    added = await tx.execute(
        """
        INSERT INTO inbox (source, event_id, body_sha256)
        SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:digests AS bytea[]))
        ON CONFLICT (source, event_id) DO NOTHING
        RETURNING source, event_id
        """,
        sources=[source for source, _ in identities],
        ids=[event_id for _, event_id in identities],
        digests=[digests[identity] for identity in identities],
    )
    old = sorted(set(identities) - {(row.source, row.event_id) for row in added})
    if not old:
        return {}
    rows = await tx.execute(
        """
        SELECT source, event_id, body_sha256 FROM inbox
        JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS u(source, event_id)
             USING (source, event_id)
        """,
        sources=[source for source, _ in old],
        ids=[event_id for _, event_id in old],
    )
    return {(row.source, row.event_id): row.body_sha256 for row in rows}
