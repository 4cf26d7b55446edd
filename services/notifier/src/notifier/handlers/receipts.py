"""Takes receipts in: early, late, twice or about nothing we know, each counts at most once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
import structlog
from msgspec import Meta

from notifier.sending.settle import settle
from notifier.sending.transitions import Heard, News
from notifier.store import attempts, gateways, inbox, receipts
from notifier.store.receipts import ReceiptRow
from notifier.views import ReceiptsTaken
from spine.database import Tx
from spine.errors import Conflict
from spine.events.gateways import GatewayReceipt
from spine.service import Received

log = structlog.get_logger()

Short = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt as the gateway sends it."""

    client_ref: Short
    status: Literal["delivered", "failed"]
    at: Annotated[datetime, Meta(tz=True)]
    gateway_id: Short | None = None
    code: Short | None = None


async def take_logged_receipts(tx: Tx, events: Sequence[Received], *, settle_s: float) -> None:
    """Receipts from the log, where only gateways may write: each event once, whatever comes again."""
    identities = {
        (e.envelope.source, e.envelope.id): hashlib.sha256(e.body).digest()
        for e in events
        if isinstance(e.event, GatewayReceipt)
    }
    before = await inbox.insert_new(tx, identities)
    for name in sorted({e.event.gateway for e in events if isinstance(e.event, GatewayReceipt)}):
        given = [
            Receipt(
                client_ref=e.event.client_ref,
                status=e.event.status,
                at=e.event.at,
                gateway_id=e.event.gateway_id,
                code=e.event.code,
            )
            for e in events
            if isinstance(e.event, GatewayReceipt)
            and e.event.gateway == name
            and (e.envelope.source, e.envelope.id) not in before
        ]
        await _take(tx, name, given, settle_s=settle_s)


async def take_receipts(
    tx: Tx, gateway: str, webhook_id: str, body: bytes, given: Sequence[Receipt], *, settle_s: float
) -> ReceiptsTaken:
    """One request of receipts; the same webhook id again changes nothing. Raises Conflict when it comes with
    another body. A receipt of an attempt still being sent is also the proof that it was accepted. What one gateway
    says of a message that another was given counts as of nothing we know, and is not kept."""
    identity = (f"gateway/{gateway}", webhook_id)
    digest = hashlib.sha256(body).digest()
    before = await inbox.insert_new(tx, {identity: digest})
    if before.get(identity, digest) != digest:
        raise Conflict(f"webhook {webhook_id[:80]} came before with another body", id=webhook_id[:80])
    if identity in before:
        return ReceiptsTaken(received=len(given), new=0, unknown=0)
    return await _take(tx, gateway, given, settle_s=settle_s)


async def _take(tx: Tx, gateway: str, given: Sequence[Receipt], *, settle_s: float) -> ReceiptsTaken:
    known = await attempts.messages_of(tx, [receipt.client_ref for receipt in given])
    foreign = await gateways.at_another(tx, gateway, known)
    if foreign:
        log.warning("receipts of messages that another gateway has", gateway=gateway, count=len(foreign))
    rows = [
        ReceiptRow(r.client_ref, r.status, gateway, r.gateway_id, r.code, r.at, r.client_ref in known)
        for r in given
        if r.client_ref not in foreign
    ]
    new = await receipts.insert_new(tx, rows)
    heard = [
        Heard(row.client_ref, News(row.status), row.gateway_id, row.code)
        for row in rows
        if row.known and (row.client_ref, row.status) in new
    ]
    await settle(tx, heard, settle_s=settle_s)
    unknown = len(given) - sum(row.known for row in rows)
    return ReceiptsTaken(received=len(given), new=len(new), unknown=unknown)
