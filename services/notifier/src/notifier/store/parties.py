"""Persons and their addresses: the rows that serialise everything about a person, encrypted where it matters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from notifier.domain.facts import Override
from spine.database import Tx
from spine.errors import Conflict

T = TypeVar("T")


class WhoIsWho(Conflict):
    """Which ids are this person changes all the time just now; try again."""

    code = "who_is_who"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A borrower as kept; `subject_key` is the wrapped data key, None for one whose data never came.

    `person_id` is the same for all ids of one person, merged or behind one telephone; `identity_id` for those alone
    that core banking says are one human. Without others both are the borrower's own id.
    """

    borrower_id: str
    known: bool
    locale: str
    timezone: str | None
    candidate_timezones: tuple[str, ...]
    region: str | None
    segment: dict[str, str]
    vulnerable: tuple[str, ...]
    subject_key: bytes | None = field(repr=False)
    name_cipher: bytes | None = field(repr=False)
    id_number_cipher: bytes | None = field(default=None, repr=False)
    person_id: str = ""
    identity_id: str = ""
    hours: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class PointRow:
    """One address; `usable` is false for what cannot be one (a phone number that no network has)."""

    ref: str
    borrower_id: str
    point_id: str
    channel: str
    place: str | None
    consent: str
    consent_at: datetime
    address_cipher: bytes = field(repr=False)
    address_index: bytes = field(repr=False)
    usable: bool
    verified_at: datetime | None

    @property
    def address(self) -> str:
        """The address itself as others may know it: the same for whoever it belongs to, and tells nothing."""
        return self.address_index.hex()[:32]


async def ensure_persons(tx: Tx, borrower_ids: Sequence[str]) -> None:
    """Makes a row to lock for everyone; persons whose data has not come stay unknown."""
    await tx.execute(
        """
        INSERT INTO party (borrower_id, known, locale, candidate_timezones, segment, vulnerable, updated_at,
                           person_id, identity_id)
        SELECT u.id, false, 'zh-CN', '[]', '{}', '[]', :now, u.id, u.id
        FROM unnest(CAST(:ids AS text[])) AS u(id) ORDER BY u.id
        ON CONFLICT (borrower_id) DO NOTHING
        """,
        now=tx.now,
        ids=sorted(set(borrower_ids)),
    )


_COLUMNS: Final = (
    "borrower_id, known, locale, timezone, candidate_timezones, region, segment, vulnerable, subject_key,"
    " name_cipher, id_number_cipher, person_id, identity_id, hours"
)
#: How often a person is locked anew because somebody made it more, or fewer, while the lock was waited for.
_TRIES: Final = 8


async def lock_persons(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, PersonRow]:
    """Locks all rows of the persons in order, under whatever ids they go; whoever decides or tells something
    about a person does this first. Returns the rows of every id.

    Not against references: a request that comes in for the person does not wait for a send. Raises WhoIsWho.
    """
    asked = sorted(set(borrower_ids))
    for _ in range(_TRIES):
        rows = (
            await tx.execute(
                f"SELECT {_COLUMNS}, person_size FROM party"  # noqa: S608
                " WHERE borrower_id = ANY(CAST(:ids AS text[])) OR borrower_id = ANY(ARRAY("
                " SELECT m.borrower_id FROM party a JOIN party m USING (person_id)"
                " WHERE a.borrower_id = ANY(CAST(:ids AS text[])) AND a.person_size > 1))"
                " ORDER BY borrower_id FOR NO KEY UPDATE",
                ids=asked,
            )
        ).all()
        held = Counter(row.person_id for row in rows)
        # A row that was waited for comes as it is now, and says how many there must be.
        if all(held[row.person_id] == row.person_size for row in rows if row.borrower_id in set(asked)):
            return {row.borrower_id: _person(row) for row in rows}
    raise WhoIsWho


def as_one(persons: dict[str, PersonRow]) -> dict[str, PersonRow]:
    """The rows with what is known of the same human under another id: flags, and hours that were stated."""
    same: dict[str, list[PersonRow]] = defaultdict(list)
    for person in persons.values():
        same[person.identity_id].append(person)
    return {
        id_: person
        if len(same[person.identity_id]) == 1
        else replace(
            person,
            vulnerable=_of_all(one.vulnerable for one in same[person.identity_id]),
            hours=_of_all(one.hours for one in same[person.identity_id]),
        )
        for id_, person in persons.items()
    }


def _of_all(some: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(each for one in some for each in one))


async def read_persons(tx: Tx, borrower_id: str) -> dict[str, PersonRow]:
    """A person under every id, without locking."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM party WHERE borrower_id = :id OR person_id ="  # noqa: S608
        " (SELECT person_id FROM party WHERE borrower_id = :id AND person_size > 1)",
        id=borrower_id,
    )
    return {row.borrower_id: _person(row) for row in rows}


async def read_person(tx: Tx, borrower_id: str) -> PersonRow | None:
    """A person, without locking the row."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM party WHERE borrower_id = :id",  # noqa: S608
        id=borrower_id,
    )
    row = rows.one_or_none()
    return None if row is None else _person(row)


def _person(row: Any) -> PersonRow:
    return PersonRow(
        row.borrower_id,
        row.known,
        row.locale,
        row.timezone,
        _json(row.candidate_timezones, tuple[str, ...]),
        row.region,
        _json(row.segment, dict[str, str]),
        _json(row.vulnerable, tuple[str, ...]),
        row.subject_key,
        row.name_cipher,
        row.id_number_cipher,
        row.person_id,
        row.identity_id,
        _json(row.hours, tuple[Override, ...]),
    )


def _json(value: object, kind: type[T]) -> T:
    """A jsonb column, which the driver gives as text or as parsed data."""
    if isinstance(value, str):
        return msgspec.json.decode(value, type=kind)
    return msgspec.convert(value, kind)


async def save_persons(tx: Tx, persons: Sequence[PersonRow]) -> None:
    """Replaces what was known of the persons; their data keys stay."""
    rows = sorted(persons, key=lambda p: p.borrower_id)
    await tx.execute(
        """
        UPDATE party AS p
        SET known = true, locale = u.locale, timezone = u.timezone, candidate_timezones = u.candidates,
            region = u.region, segment = u.segment, vulnerable = u.vulnerable, subject_key = u.key,
            name_cipher = u.name, id_number_cipher = u.id_number, hours = u.hours, updated_at = :now
        FROM unnest(CAST(:ids AS text[]), CAST(:locales AS text[]), CAST(:zones AS text[]),
                    CAST(:candidates AS jsonb[]), CAST(:regions AS text[]), CAST(:segments AS jsonb[]),
                    CAST(:vulnerable AS jsonb[]), CAST(:keys AS bytea[]), CAST(:names AS bytea[]),
                    CAST(:id_numbers AS bytea[]), CAST(:hours AS jsonb[]))
             AS u(id, locale, timezone, candidates, region, segment, vulnerable, key, name, id_number, hours)
        WHERE p.borrower_id = u.id
        """,
        now=tx.now,
        ids=[p.borrower_id for p in rows],
        locales=[p.locale for p in rows],
        zones=[p.timezone for p in rows],
        candidates=[_text(p.candidate_timezones) for p in rows],
        regions=[p.region for p in rows],
        segments=[_text(p.segment) for p in rows],
        vulnerable=[_text(p.vulnerable) for p in rows],
        keys=[p.subject_key for p in rows],
        names=[p.name_cipher for p in rows],
        id_numbers=[p.id_number_cipher for p in rows],
        hours=[_text(p.hours) for p in rows],
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def save_points(tx: Tx, borrower_ids: Sequence[str], points: Sequence[PointRow]) -> None:
    """Replaces the persons' addresses; those not named any more are kept, inactive, for the record."""
    rows = sorted(points, key=lambda p: p.ref)
    await tx.execute(
        "UPDATE contact_point SET active = false WHERE borrower_id = ANY(CAST(:ids AS text[])) AND active"
        " AND ref <> ALL(CAST(:refs AS text[]))",
        ids=sorted(set(borrower_ids)),
        refs=[p.ref for p in rows],
    )
    await tx.execute(
        """
        INSERT INTO contact_point AS c (ref, borrower_id, point_id, channel, place, consent, consent_at,
                                        address_cipher, address_index, usable, active, verified_at)
        SELECT u.ref, u.borrower_id, u.point_id, u.channel, u.place, u.consent, u.consent_at, u.cipher, u.index,
               u.usable, true, u.verified_at
        FROM unnest(CAST(:refs AS text[]), CAST(:borrowers AS text[]), CAST(:point_ids AS text[]),
                    CAST(:channels AS text[]), CAST(:places AS text[]), CAST(:consents AS text[]),
                    CAST(:consent_ats AS timestamptz[]), CAST(:ciphers AS bytea[]), CAST(:indexes AS bytea[]),
                    CAST(:usables AS boolean[]), CAST(:verified AS timestamptz[]))
             AS u(ref, borrower_id, point_id, channel, place, consent, consent_at, cipher, index, usable,
                  verified_at)
        ON CONFLICT (ref) DO UPDATE
            SET channel = excluded.channel, place = excluded.place, address_cipher = excluded.address_cipher,
                consent_at = CASE WHEN c.consent = excluded.consent THEN c.consent_at
                                  ELSE excluded.consent_at END,
                consent = excluded.consent, address_index = excluded.address_index,
                usable = excluded.usable, active = true, verified_at = excluded.verified_at
        """,
        refs=[p.ref for p in rows],
        borrowers=[p.borrower_id for p in rows],
        point_ids=[p.point_id for p in rows],
        channels=[p.channel for p in rows],
        places=[p.place for p in rows],
        consents=[p.consent for p in rows],
        consent_ats=[p.consent_at for p in rows],
        ciphers=[p.address_cipher for p in rows],
        indexes=[p.address_index for p in rows],
        usables=[p.usable for p in rows],
        verified=[p.verified_at for p in rows],
    )


_POINT: Final = (
    "ref, borrower_id, point_id, channel, place, consent, consent_at, address_cipher, address_index, usable,"
    " verified_at"
)


async def points_of(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, list[PointRow]]:
    """The addresses in use of each person, the verified ones first, newest first."""
    rows = await tx.execute(
        f"SELECT {_POINT} FROM contact_point"  # noqa: S608
        " WHERE borrower_id = ANY(CAST(:ids AS text[])) AND active"
        " ORDER BY borrower_id, verified_at DESC NULLS LAST, point_id",
        ids=sorted(set(borrower_ids)),
    )
    points: dict[str, list[PointRow]] = {}
    for row in rows:
        points.setdefault(row.borrower_id, []).append(_point(row))
    return points


async def points_by_ref(tx: Tx, refs: Sequence[str]) -> dict[str, PointRow]:
    """The addresses of these references, whether they are still in use or not."""
    rows = await tx.execute(
        f"SELECT {_POINT} FROM contact_point WHERE ref = ANY(CAST(:refs AS text[]))",  # noqa: S608
        refs=sorted(set(refs)),
    )
    return {row.ref: _point(row) for row in rows}


async def points_at(tx: Tx, address_index: bytes, channel: str | None = None) -> list[PointRow]:
    """Everyone's addresses in use that are this one, whatever it is called; of a channel, where one is given."""
    rows = await tx.execute(
        f"SELECT {_POINT} FROM contact_point WHERE address_index = :address AND active"  # noqa: S608
        " AND (CAST(:channel AS text) IS NULL OR channel = :channel) ORDER BY borrower_id, point_id",
        address=address_index,
        channel=channel,
    )
    return [_point(row) for row in rows]


def _point(row: Any) -> PointRow:
    return PointRow(
        row.ref,
        row.borrower_id,
        row.point_id,
        row.channel,
        row.place,
        row.consent,
        row.consent_at,
        row.address_cipher,
        row.address_index,
        row.usable,
        row.verified_at,
    )
