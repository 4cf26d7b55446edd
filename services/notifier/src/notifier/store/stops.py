"""What is never to be used again: addresses that do not reach a person, people around a loan who refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from notifier.store.parties import PointRow
from spine.database import Tx

WRONG_NUMBER: Final = "wrong_number"


@dataclass(frozen=True, slots=True)
class AddressStop:
    """A reason not to use an address for a person. Without a `contact_ref` it is every address of the `channel`;
    without that too, every one. `address_index` names the address itself, whatever it is called."""

    borrower_id: str
    contact_id: str
    kind: str
    contact_ref: str | None
    channel: str | None
    since: datetime
    address_index: bytes | None = None

    def covers(self, point: PointRow) -> bool:
        """Whether the point is, or may be, the address: the same number under another channel is the same."""
        if self.contact_ref is None and self.address_index is None:
            return self.channel in (None, point.channel)
        return point.ref == self.contact_ref or point.address_index == self.address_index


@dataclass(frozen=True, slots=True)
class Refusal:
    """Someone around a borrower's loans who wants no contact."""

    borrower_id: str
    party_id: str
    contact_id: str
    since: datetime


async def stop_addresses(tx: Tx, stops: Sequence[AddressStop]) -> None:
    """Keeps stops, each once; the persons are locked before, as a send does."""
    await tx.execute(
        """
        INSERT INTO address_stop (borrower_id, contact_id, kind, contact_ref, channel, since, address_index)
        SELECT u.borrower_id, u.contact_id, u.kind, u.contact_ref, u.channel, u.since, c.address_index
        FROM unnest(CAST(:borrowers AS text[]), CAST(:contacts AS text[]), CAST(:kinds AS text[]),
                    CAST(:refs AS text[]), CAST(:channels AS text[]), CAST(:sinces AS timestamptz[]))
             AS u(borrower_id, contact_id, kind, contact_ref, channel, since)
        LEFT JOIN contact_point c ON c.ref = u.contact_ref AND c.borrower_id = u.borrower_id
        ON CONFLICT (borrower_id, contact_id, kind) DO NOTHING
        """,
        borrowers=[stop.borrower_id for stop in stops],
        contacts=[stop.contact_id for stop in stops],
        kinds=[stop.kind for stop in stops],
        refs=[stop.contact_ref for stop in stops],
        channels=[stop.channel for stop in stops],
        sinces=[stop.since for stop in stops],
    )


async def stops_of(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, list[AddressStop]]:
    """Each person's stopped addresses."""
    rows = await tx.execute(
        "SELECT borrower_id, contact_id, kind, contact_ref, channel, since, address_index FROM address_stop"
        " WHERE borrower_id = ANY(CAST(:ids AS text[])) ORDER BY borrower_id, contact_id, kind",
        ids=sorted(set(borrower_ids)),
    )
    found: dict[str, list[AddressStop]] = {}
    for row in rows:
        found.setdefault(row.borrower_id, []).append(
            AddressStop(
                row.borrower_id,
                row.contact_id,
                row.kind,
                row.contact_ref,
                row.channel,
                row.since,
                row.address_index,
            )
        )
    return found


async def keep_refusals(tx: Tx, refusals: Sequence[Refusal]) -> None:
    """Keeps refusals, the first of each person; the borrowers are locked before."""
    await tx.execute(
        "INSERT INTO party_refusal (borrower_id, party_id, contact_id, since)"
        " SELECT * FROM unnest(CAST(:borrowers AS text[]), CAST(:parties AS text[]), CAST(:contacts AS text[]),"
        " CAST(:sinces AS timestamptz[])) ON CONFLICT (borrower_id, party_id) DO NOTHING",
        borrowers=[refusal.borrower_id for refusal in refusals],
        parties=[refusal.party_id for refusal in refusals],
        contacts=[refusal.contact_id for refusal in refusals],
        sinces=[refusal.since for refusal in refusals],
    )


async def has_refused(tx: Tx, borrower_id: str, party_id: str) -> bool:
    """Whether someone around the borrower's loans has refused contact."""
    rows = await tx.execute(
        "SELECT 1 FROM party_refusal WHERE borrower_id = :borrower AND party_id = :party",
        borrower=borrower_id,
        party=party_id,
    )
    return rows.one_or_none() is not None
