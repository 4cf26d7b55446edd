"""Remembers what a request with an Idempotency-Key was about and what it made."""

from __future__ import annotations

import hashlib

import msgspec

from spine.database import Tx
from spine.errors import Conflict


class KeyUsed(Conflict):
    """This Idempotency-Key was used for another request; a new request takes a new key."""

    code = "idempotency_key_reused"


async def first_time(tx: Tx, key: str | None, what: object) -> bool:
    """Whether a request with this key is made for the first time. Raises KeyUsed when it was another one.

    Without a key every request is its own. Two at once wait for each other here.
    """
    if key is None:
        return True
    digest = hashlib.sha256(msgspec.json.encode(what, order="sorted")).hexdigest()
    fresh = await tx.execute(
        "INSERT INTO work_key (key, digest, at) VALUES (:key, :digest, :now)"
        " ON CONFLICT (key) DO NOTHING RETURNING key",
        key=key,
        digest=digest,
        now=tx.now,
    )
    if fresh.first() is not None:
        return True
    row = (await tx.execute("SELECT digest FROM work_key WHERE key = :key", key=key)).one()
    if row.digest != digest:
        raise KeyUsed(key=key)
    return False
