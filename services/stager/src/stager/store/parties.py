"""What is known of borrowers; their rows are the locks of everything that is done for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from spine.database import Tx
from spine.events.notifier import PartyChanged
from stager.domain.people import Person

_ZONES: Final[dict[str, ZoneInfo | None]] = {}


def zone_of(name: str | None, lender_zone: ZoneInfo) -> ZoneInfo:
    """A borrower's zone; the lender's where it is not known or is no zone at all."""
    if name is None:
        return lender_zone
    if name not in _ZONES:
        try:
            _ZONES[name] = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            _ZONES[name] = None
    return _ZONES[name] or lender_zone


async def lock_parties(tx: Tx, borrower_ids: Sequence[str], lender_zone: ZoneInfo) -> dict[str, ZoneInfo]:
    """Locks borrowers, in the one order everybody keeps, and returns their zones."""
    return {id_: person.zone for id_, person in (await lock_people(tx, borrower_ids, lender_zone)).items()}


async def lock_people(tx: Tx, borrower_ids: Sequence[str], lender_zone: ZoneInfo) -> dict[str, Person]:
    """Locks borrowers as `lock_parties`, and returns what is known of them."""
    ids = sorted(borrower_ids)
    await tx.execute(
        "INSERT INTO party (borrower_id) SELECT unnest(CAST(:ids AS text[])) ON CONFLICT DO NOTHING", ids=ids
    )
    rows = await tx.execute(
        """
        SELECT p.borrower_id, p.zone, p.region, p.segment
        FROM unnest(CAST(:ids AS text[])) AS u(borrower_id) JOIN party AS p USING (borrower_id)
        ORDER BY p.borrower_id FOR UPDATE OF p
        """,
        ids=ids,
    )
    return {
        row.borrower_id: Person(zone_of(row.zone, lender_zone), row.region, traits(row.segment))
        for row in rows
    }


async def people_of(tx: Tx, borrower_ids: Sequence[str], lender_zone: ZoneInfo) -> dict[str, Person]:
    """What is known of these borrowers, of those that are."""
    rows = await tx.execute(
        """
        SELECT p.borrower_id, p.zone, p.region, p.segment
        FROM unnest(CAST(:ids AS text[])) AS u(borrower_id) JOIN party AS p USING (borrower_id)
        """,
        ids=sorted(borrower_ids),
    )
    return {
        row.borrower_id: Person(zone_of(row.zone, lender_zone), row.region, traits(row.segment))
        for row in rows
    }


def traits(segment: Mapping[str, Any]) -> dict[str, str]:
    """The traits of a profile that are words; core banking may tell others, which no scope asks for."""
    return {key: value for key, value in segment.items() if isinstance(value, str)}


async def save_parties(tx: Tx, parties: Mapping[str, PartyChanged]) -> None:
    """Replaces what is known of these borrowers."""
    facts: list[PartyChanged] = list(parties.values())
    arrays: dict[str, list[Any]] = {
        "ids": [fact.borrower_id for fact in facts],
        "zones": [fact.timezone for fact in facts],
        "regions": [fact.region for fact in facts],
        "locales": [fact.locale for fact in facts],
        "segments": [msgspec.json.encode(fact.segment).decode() for fact in facts],
        "flags": [msgspec.json.encode(fact.vulnerable).decode() for fact in facts],
        "channels": [msgspec.json.encode(_reachable(fact)).decode() for fact in facts],
    }
    await tx.execute(
        """
        UPDATE party AS p
        SET zone = u.zone, region = u.region, locale = u.locale, segment = CAST(u.segment AS jsonb),
            flags = ARRAY(SELECT jsonb_array_elements_text(CAST(u.flags AS jsonb))),
            channels = ARRAY(SELECT jsonb_array_elements_text(CAST(u.channels AS jsonb)))
        FROM unnest(CAST(:ids AS text[]), CAST(:zones AS text[]), CAST(:regions AS text[]),
                    CAST(:locales AS text[]), CAST(:segments AS text[]), CAST(:flags AS text[]),
                    CAST(:channels AS text[]))
             AS u(borrower_id, zone, region, locale, segment, flags, channels)
        WHERE p.borrower_id = u.borrower_id
        """,
        **arrays,
    )


def _reachable(party: PartyChanged) -> list[str]:
    """The channels for which there is an address that was not opted out of."""
    return sorted({point.channel for point in party.contact_points if point.consent != "withdrawn"})
