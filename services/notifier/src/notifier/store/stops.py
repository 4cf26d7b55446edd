"""What is not to be used: addresses that reach somebody else or were opted out; third parties who refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from notifier.domain.consent import ConsentWord, last_word
from notifier.domain.facts import Consent, Hold
from notifier.store import consents
from notifier.store.parties import PointRow
from spine.database import Tx

WRONG_NUMBER: Final = "wrong_number"
OPT_OUT: Final = "opt_out"


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
class Stops:
    """All that stands against using a person's addresses: those that do not reach them, and what was said."""

    addresses: tuple[AddressStop, ...] = ()
    words: tuple[ConsentWord, ...] = ()

    def bars(self, point: PointRow, channel: str) -> bool:
        """Whether a contact by `channel` at the address is one of those that somebody stopped."""
        if any(stop.covers(point) for stop in self.addresses) or self._opted_out(point, channel) is not None:
            return True
        said = self.consents(point)
        return bool(said) and max(said, key=lambda consent: consent.at).state == "withdrawn"

    def holds(self, point: PointRow | None, channel: str, now: datetime) -> tuple[Hold, ...]:
        """The holds on a contact at the address; one of a clock that is ahead is in force too."""
        address = point.address if point is not None else None
        stopped = [
            Hold(stop.kind, min(stop.since, now), address=address)
            for stop in self.addresses
            if point is not None and stop.covers(point)
        ]
        word = self._opted_out(point, channel)
        if word is not None:
            stopped.append(Hold(OPT_OUT, min(word.at, now), address=address))
        return tuple(stopped)

    def consents(self, point: PointRow | None) -> tuple[Consent, ...]:
        """What is known of consent at the address: as core banking states it, and given anew since."""
        if point is None:
            return ()
        stated = Consent(point.channel, point.address, point.consent, point.consent_at, "core banking")
        word = last_word(self.words, point.channel, point.address_index)
        given = (
            [Consent(point.channel, point.address, word.state, word.at, word.source)]
            if word is not None and word.kind == "re_consent"
            else []
        )
        return tuple(consent for consent in (stated, *given) if consent.state != "unknown")

    def _opted_out(self, point: PointRow | None, channel: str) -> ConsentWord | None:
        word = last_word(self.words, channel, point.address_index if point is not None else None)
        return word if word is not None and word.kind == OPT_OUT else None


#: Of someone of whom nothing was said.
NONE: Final = Stops()


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


async def stops_of(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, Stops]:
    """What stands against using each borrower's addresses, whatever id of the same human it was said of."""
    rows = await tx.execute(
        """
        SELECT p.borrower_id AS asked, s.borrower_id, s.contact_id, s.kind, s.contact_ref, s.channel, s.since,
               s.address_index
        FROM party p JOIN party m USING (identity_id) JOIN address_stop s ON s.borrower_id = m.borrower_id
        WHERE p.borrower_id = ANY(CAST(:ids AS text[])) ORDER BY p.borrower_id, s.contact_id, s.kind
        """,
        ids=sorted(set(borrower_ids)),
    )
    found: dict[str, list[AddressStop]] = {}
    for row in rows:
        stop = AddressStop(
            row.borrower_id,
            row.contact_id,
            row.kind,
            row.contact_ref,
            row.channel,
            row.since,
            row.address_index,
        )
        found.setdefault(row.asked, []).append(stop)
    words = await consents.in_force(tx, borrower_ids)
    return {
        asked: Stops(tuple(found.get(asked, ())), tuple(words.get(asked, ()))) for asked in {*found, *words}
    }


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
        "SELECT 1 FROM party_refusal WHERE party_id = :party AND borrower_id IN (SELECT :borrower UNION"
        " SELECT m.borrower_id FROM party p JOIN party m USING (identity_id) WHERE p.borrower_id = :borrower)"
        " LIMIT 1",
        borrower=borrower_id,
        party=party_id,
    )
    return rows.one_or_none() is not None
