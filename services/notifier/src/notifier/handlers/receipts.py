"""Takes receipts in: early, late, twice or about nothing we know, each counts at most once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from notifier.sending.settle import settle
from notifier.sending.transitions import Heard, News
from notifier.store import attempts, inbox, receipts
from notifier.store.receipts import ReceiptRow
from notifier.views import ReceiptsTaken
from spine.database import Tx
from spine.errors import Conflict

Short = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt as the gateway sends it."""

    client_ref: Short
    status: Literal["delivered", "failed"]
    at: Annotated[datetime, Meta(tz=True)]
    gateway_id: Short | None = None
    code: Short | None = None


async def take_receipts(
    tx: Tx, gateway: str, webhook_id: str, body: bytes, given: Sequence[Receipt], *, settle_s: float
) -> ReceiptsTaken:
    """One request of receipts; the same webhook id again changes nothing. Raises Conflict when it comes with
    another body. A receipt of an attempt still being sent is also the proof that it was accepted."""
    identity = (f"gateway/{gateway}", webhook_id)
    digest = hashlib.sha256(body).digest()
    before = await inbox.insert_new(tx, {identity: digest})
    if before.get(identity, digest) != digest:
        raise Conflict(f"webhook {webhook_id[:80]} came before with another body", id=webhook_id[:80])
    known = await attempts.messages_of(tx, [receipt.client_ref for receipt in given])
    if identity in before:
        return ReceiptsTaken(received=len(given), new=0, unknown=0)
    rows = [
        ReceiptRow(r.client_ref, r.status, gateway, r.gateway_id, r.code, r.at, r.client_ref in known)
        for r in given
    ]
    new = await receipts.insert_new(tx, rows)
    heard = [
        Heard(row.client_ref, News(row.status), row.gateway_id, row.code)
        for row in rows
        if row.known and (row.client_ref, row.status) in new
    ]
    await settle(tx, heard, settle_s=settle_s)
    return ReceiptsTaken(received=len(given), new=len(new), unknown=sum(not row.known for row in rows))
