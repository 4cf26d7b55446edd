"""Contacts that people made or received, as the contact log tells: they use up the same budget."""

from __future__ import annotations

from collections.abc import Iterable

from spine.database import Tx
from spine.events.contact_log import ContactRecorded


async def insert_contacts(tx: Tx, contacts: Iterable[ContactRecorded]) -> None:
    """Keeps recorded contacts, each once."""
    rows = sorted(contacts, key=lambda c: c.contact_id)
    await tx.execute(
        """
        INSERT INTO recorded_contact (contact_id, borrower_id, loan_id, channel, direction, outcome, at)
        SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:borrowers AS text[]), CAST(:loans AS text[]),
                             CAST(:channels AS text[]), CAST(:directions AS text[]), CAST(:outcomes AS text[]),
                             CAST(:ats AS timestamptz[]))
        ON CONFLICT (contact_id) DO NOTHING
        """,
        ids=[c.contact_id for c in rows],
        borrowers=[c.borrower_id for c in rows],
        loans=[c.loan_id for c in rows],
        channels=[c.channel for c in rows],
        directions=[c.direction for c in rows],
        outcomes=[c.outcome for c in rows],
        ats=[c.at for c in rows],
    )
