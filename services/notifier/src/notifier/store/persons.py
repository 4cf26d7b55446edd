"""Which borrower ids are one person: told by core banking (one identity), or behind one telephone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from notifier.domain.persons import joined
from spine.database import Tx

#: Whoever may change which ids are one person holds this alone: two who come with one new number must see each
#: other. Senders do not take it; they lock rows.
_WHO_IS_WHO: Final = 0x7AC7_0004
#: Channels whose addresses are telephone numbers.
BY_PHONE: Final = ("sms", "call")


@dataclass(frozen=True, slots=True)
class Merge:
    """Core banking says that `borrower_id` is the same human as `into_id`."""

    borrower_id: str
    into_id: str
    at: datetime
    source: str
    event_id: str


async def hold_still(tx: Tx) -> None:
    """Nobody else changes who is who before this transaction ends. Taken before any person is locked."""
    await tx.execute("SELECT pg_advisory_xact_lock(:lock)", lock=_WHO_IS_WHO)


async def touched_by(tx: Tx, borrower_ids: Iterable[str], phones: Iterable[bytes]) -> list[str]:
    """All ids of the persons of these borrowers, and of those who have one of the telephones already."""
    rows = await tx.execute(
        """
        SELECT m.borrower_id FROM party m WHERE m.person_id IN (
            SELECT p.person_id FROM party p WHERE p.borrower_id = ANY(CAST(:ids AS text[]))
            UNION
            SELECT p.person_id FROM contact_point c JOIN party p USING (borrower_id)
            WHERE c.address_index = ANY(CAST(:phones AS bytea[])) AND c.active AND c.usable
              AND c.channel = ANY(CAST(:by_phone AS text[])))
        ORDER BY m.borrower_id
        """,
        ids=sorted(set(borrower_ids)),
        phones=sorted(set(phones)),
        by_phone=list(BY_PHONE),
    )
    return [row.borrower_id for row in rows]


async def keep_merges(tx: Tx, merges: Iterable[Merge]) -> None:
    """Keeps who was said to be one, each pair once and for good."""
    rows = sorted(merges, key=lambda m: (m.borrower_id, m.into_id))
    await tx.execute(
        "INSERT INTO person_merge (borrower_id, into_id, at, source, event_id)"
        " SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:intos AS text[]), CAST(:ats AS timestamptz[]),"
        " CAST(:sources AS text[]), CAST(:events AS text[])) ON CONFLICT (borrower_id, into_id) DO NOTHING",
        ids=[m.borrower_id for m in rows],
        intos=[m.into_id for m in rows],
        ats=[m.at for m in rows],
        sources=[m.source for m in rows],
        events=[m.event_id for m in rows],
    )


async def regroup(tx: Tx, borrower_ids: Sequence[str]) -> None:
    """Works out anew who is one person with whom. The caller holds still, and has locked all that are touched.

    Every row of a person whose ids change is written: whoever waited for one of them sees the new size.
    """
    told = await tx.execute(
        "SELECT borrower_id, into_id FROM person_merge WHERE borrower_id = ANY(CAST(:ids AS text[]))",
        ids=list(borrower_ids),
    )
    merges = [(row.borrower_id, row.into_id) for row in told]
    behind = await tx.execute(
        "SELECT DISTINCT address_index, borrower_id FROM contact_point WHERE active AND usable"
        " AND borrower_id = ANY(CAST(:ids AS text[])) AND channel = ANY(CAST(:by_phone AS text[]))",
        ids=list(borrower_ids),
        by_phone=list(BY_PHONE),
    )
    holders: dict[bytes, list[str]] = defaultdict(list)
    for row in behind:
        holders[row.address_index].append(row.borrower_id)
    shared = [tie for one in holders.values() for tie in pairwise(sorted(one))]
    persons = joined(borrower_ids, [*merges, *shared])
    identities = joined(borrower_ids, merges)
    sizes: dict[str, int] = defaultdict(int)
    for person in persons.values():
        sizes[person] += 1
    await tx.execute(
        """
        UPDATE party AS p SET person_id = u.person, person_size = u.size, identity_id = u.identity
        FROM unnest(CAST(:ids AS text[]), CAST(:persons AS text[]), CAST(:sizes AS int[]),
                    CAST(:identities AS text[])) AS u(id, person, size, identity)
        WHERE p.borrower_id = u.id
          AND (p.person_id, p.person_size, p.identity_id) IS DISTINCT FROM (u.person, u.size, u.identity)
        """,
        ids=list(persons),
        persons=list(persons.values()),
        sizes=[sizes[person] for person in persons.values()],
        identities=[identities[one] for one in persons],
    )
