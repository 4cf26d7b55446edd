"""What is kept of gateways: which one had a message, how to ask it, what is claimed of it, how each one fares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from spine.database import Tx


async def unknown_at(tx: Tx, message_ids: Sequence[str]) -> dict[str, str]:
    """The gateway at which an attempt of a message was unknown once, by message."""
    rows = await tx.execute(
        "SELECT DISTINCT message_id, gateway FROM attempt"
        " WHERE message_id = ANY(CAST(:ids AS text[])) AND unknown_at IS NOT NULL",
        ids=sorted(message_ids),
    )
    return {row.message_id: row.gateway for row in rows}


@dataclass(frozen=True, slots=True)
class InquiryRow:
    """What a gateway is asked with about an attempt; the address is sealed under the person's key, None where it
    is no longer the one that was written to."""

    client_ref: str
    gateway: str
    idempotency_key: str
    gateway_id: str | None
    at: datetime
    contact_ref: str
    subject_key: bytes | None = field(repr=False)
    address_cipher: bytes | None = field(repr=False)


async def inquiries(tx: Tx, client_refs: Sequence[str]) -> dict[str, InquiryRow]:
    """How to ask for each of these attempts."""
    rows = await tx.execute(
        """
        SELECT a.client_ref, a.gateway, a.idempotency_key, a.gateway_id, a.at, a.contact_ref, p.subject_key,
               c.address_cipher
        FROM attempt a JOIN party p USING (borrower_id)
        LEFT JOIN contact_point c ON c.ref = a.contact_ref AND c.borrower_id = a.borrower_id
                                 AND c.address_index = a.address_index
        WHERE a.client_ref = ANY(CAST(:refs AS text[]))
        """,
        refs=sorted(client_refs),
    )
    return {
        row.client_ref: InquiryRow(
            row.client_ref,
            row.gateway,
            row.idempotency_key,
            row.gateway_id,
            row.at,
            row.contact_ref,
            row.subject_key,
            row.address_cipher,
        )
        for row in rows
    }
