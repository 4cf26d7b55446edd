"""Receipts as gateways sent them: each (attempt, status) once, also those of attempts nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from spine.database import Tx


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """One receipt; `known` when it names an attempt of ours."""

    client_ref: str
    status: str
    gateway: str
    gateway_id: str | None
    code: str | None
    at: datetime
    known: bool


async def insert_new(tx: Tx, receipts: Iterable[ReceiptRow]) -> set[tuple[str, str]]:
    """Keeps receipts; returns the (client_ref, status) that were not there before."""
    rows = sorted(
        {(r.client_ref, r.status): r for r in receipts}.values(), key=lambda r: (r.client_ref, r.status)
    )
    added = await tx.execute(
        """
        INSERT INTO receipt (client_ref, status, gateway, gateway_id, code, at, known)
        SELECT * FROM unnest(CAST(:refs AS text[]), CAST(:statuses AS text[]), CAST(:gateways AS text[]),
                             CAST(:ids AS text[]), CAST(:codes AS text[]), CAST(:ats AS timestamptz[]),
                             CAST(:known AS boolean[]))
        ON CONFLICT (client_ref, status) DO NOTHING
        RETURNING client_ref, status
        """,
        refs=[r.client_ref for r in rows],
        statuses=[r.status for r in rows],
        gateways=[r.gateway for r in rows],
        ids=[r.gateway_id for r in rows],
        codes=[r.code for r in rows],
        ats=[r.at for r in rows],
        known=[r.known for r in rows],
    )
    return {(row.client_ref, row.status) for row in added}
