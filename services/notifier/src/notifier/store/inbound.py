"""Texts that people sent, sealed under their own key; each once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from spine.database import Tx

_COLUMNS: Final = (
    "contact_id, gateway, gateway_id, borrower_id, channel, contact_ref, address_index, at, meaning, keyword,"
    " body_cipher, body_sha256"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRow:
    """One text of one borrower. Of a sender whom nobody knows there is no borrower, and no words."""

    contact_id: str
    gateway: str
    gateway_id: str
    borrower_id: str | None
    channel: str
    contact_ref: str | None
    address_index: bytes = field(repr=False)
    at: datetime
    meaning: str
    keyword: str | None
    body_cipher: bytes | None = field(repr=False)
    body_sha256: str


async def insert_new(tx: Tx, rows: Iterable[InboundRow]) -> set[str]:
    """Keeps texts; returns the contact ids that were not there before."""
    new = set()
    for row in sorted(rows, key=lambda r: r.contact_id):
        values = {name.strip(): getattr(row, name.strip()) for name in _COLUMNS.split(",")}
        names = ", ".join(f":{name}" for name in values)
        added = await tx.execute(
            f"INSERT INTO inbound ({_COLUMNS}) VALUES ({names})"  # noqa: S608
            " ON CONFLICT (contact_id) DO NOTHING RETURNING contact_id",
            **values,
        )
        new |= {each.contact_id for each in added}
    return new


async def by_id(tx: Tx, contact_id: str) -> InboundRow | None:
    """A text by the id of its contact."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM inbound WHERE contact_id = :id",  # noqa: S608
        id=contact_id,
    )
    row: Any = rows.one_or_none()
    return (
        None
        if row is None
        else InboundRow(**{n.strip(): getattr(row, n.strip()) for n in _COLUMNS.split(",")})
    )
