"""Contacts that others made: people, as the contact log tells, and whoever held a loan before. One budget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from spine.database import Tx
from spine.events.contact_log import ContactRecorded


@dataclass(frozen=True, slots=True)
class PastContactRow:
    """An entry of the contact history that came with a loan; `entry_no` is its place in it.

    `contact_ref` is the reference of the address, or "" where none was told.
    """

    loan_id: str
    entry_no: int
    borrower_id: str
    party_id: str
    at: datetime
    channel: str
    direction: str
    outcome: str
    purpose: str
    contact_ref: str
    debts: tuple[str, ...]


async def insert_contacts(tx: Tx, contacts: Iterable[ContactRecorded]) -> None:
    """Keeps recorded contacts, each once."""
    rows = sorted(contacts, key=lambda c: c.contact_id)
    await tx.execute(
        """
        INSERT INTO recorded_contact (contact_id, borrower_id, loan_id, channel, direction, outcome, at, purpose,
                                      contact_ref, permit_id)
        SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:borrowers AS text[]), CAST(:loans AS text[]),
                             CAST(:channels AS text[]), CAST(:directions AS text[]), CAST(:outcomes AS text[]),
                             CAST(:ats AS timestamptz[]), CAST(:purposes AS text[]), CAST(:refs AS text[]),
                             CAST(:permits AS text[]))
        ON CONFLICT (contact_id) DO NOTHING
        """,
        ids=[c.contact_id for c in rows],
        borrowers=[c.borrower_id for c in rows],
        loans=[c.loan_id for c in rows],
        channels=[c.channel for c in rows],
        directions=[c.direction for c in rows],
        outcomes=[c.outcome for c in rows],
        ats=[c.at for c in rows],
        purposes=[c.purpose for c in rows],
        refs=[c.contact_ref for c in rows],
        permits=[c.permit_id for c in rows],
    )


async def insert_past(tx: Tx, contacts: Iterable[PastContactRow]) -> None:
    """Keeps entries of contact histories, each once."""
    rows = sorted(contacts, key=lambda c: (c.loan_id, c.entry_no))
    await tx.execute(
        """
        INSERT INTO past_contact (loan_id, entry_no, borrower_id, party_id, at, channel, direction, outcome,
                                  purpose, contact_ref, debts)
        SELECT u.loan_id, u.entry_no, u.borrower_id, u.party_id, u.at, u.channel, u.direction, u.outcome,
               u.purpose, u.contact_ref, ARRAY(SELECT jsonb_array_elements_text(CAST(u.debts AS jsonb)))
        FROM unnest(CAST(:loans AS text[]), CAST(:numbers AS int[]), CAST(:borrowers AS text[]),
                    CAST(:parties AS text[]), CAST(:ats AS timestamptz[]), CAST(:channels AS text[]),
                    CAST(:directions AS text[]), CAST(:outcomes AS text[]), CAST(:purposes AS text[]),
                    CAST(:refs AS text[]), CAST(:debts AS text[]))
             AS u(loan_id, entry_no, borrower_id, party_id, at, channel, direction, outcome, purpose,
                  contact_ref, debts)
        ON CONFLICT (loan_id, entry_no) DO NOTHING
        """,
        loans=[c.loan_id for c in rows],
        numbers=[c.entry_no for c in rows],
        borrowers=[c.borrower_id for c in rows],
        parties=[c.party_id for c in rows],
        ats=[c.at for c in rows],
        channels=[c.channel for c in rows],
        directions=[c.direction for c in rows],
        outcomes=[c.outcome for c in rows],
        purposes=[c.purpose for c in rows],
        refs=[c.contact_ref for c in rows],
        debts=[msgspec.json.encode(c.debts).decode() for c in rows],
    )
