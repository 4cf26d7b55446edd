"""Takes borrowers in: personal data is sealed here and goes no further; others get references."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from notifier.domain.facts import Override
from notifier.domain.local_time import known_zone
from notifier.emits import tell_party
from notifier.handlers.stated import stated_words
from notifier.store import consents, inbox, parties, persons
from notifier.store.parties import PersonRow, PointRow
from notifier.store.persons import BY_PHONE, Merge
from notifier.vault import Vault, normalised
from spine.database import Tx
from spine.envelope import Envelope
from spine.errors import Conflict
from spine.events.parties import BorrowerMerged, BorrowerUpdated, ContactPoint
from spine.events.registry import encode
from spine.service import Received


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event about a borrower as it came, from the broker or over REST."""

    envelope: Envelope
    event: BorrowerUpdated | BorrowerMerged

    @property
    def identity(self) -> tuple[str, str]:
        return self.envelope.source, self.envelope.id


@dataclass(frozen=True, slots=True)
class PartyIntake:
    """Seals and keeps persons. `take` is the handler of corebanking.parties.v1."""

    vault: Vault

    async def take(self, tx: Tx, events: Sequence[Received]) -> None:
        """A batch of borrowers; the same event again changes nothing, with another body it is refused."""
        arrivals = [
            Arrival(r.envelope, r.event)
            for r in events
            if isinstance(r.event, BorrowerUpdated | BorrowerMerged)
        ]
        await self.keep(tx, arrivals)

    async def keep(self, tx: Tx, arrivals: Sequence[Arrival]) -> bool:
        """Whether anything was new. Raises Conflict when an id came before with another body."""
        digests: dict[tuple[str, str], bytes] = {}
        for arrival in arrivals:
            digest = hashlib.sha256(encode(arrival.event)).digest()
            if digests.setdefault(arrival.identity, digest) != digest:
                raise _conflict(arrival)
        known = await inbox.insert_new(tx, digests)
        for arrival in arrivals:
            before = known.get(arrival.identity)
            if before is not None and before != digests[arrival.identity]:
                raise _conflict(arrival)
        new = [arrival for arrival in arrivals if arrival.identity not in known]
        if new:
            await self._save(tx, new)
        return bool(new)

    async def _save(self, tx: Tx, new: Sequence[Arrival]) -> None:
        """The last word about a person in the batch is what is kept and told; every merge counts.

        Whoever is one person with them before or after is locked with them, all in one order.
        """
        newest = {a.event.borrower_id: a for a in new if isinstance(a.event, BorrowerUpdated)}
        merges = [_merge(a, tx.now) for a in new if isinstance(a.event, BorrowerMerged)]
        ids = {*newest, *(m.borrower_id for m in merges), *(m.into_id for m in merges)}
        await persons.hold_still(tx)
        await parties.ensure_persons(tx, list(ids))
        touched = await persons.touched_by(tx, ids, [i for a in newest.values() for i in self._phones(a)])
        before = await parties.lock_persons(tx, touched)
        if newest:
            await self._replace(tx, newest, before)
        if merges:
            await persons.keep_merges(tx, merges)
        await persons.regroup(tx, touched)

    def _phones(self, arrival: Arrival) -> list[bytes]:
        assert isinstance(arrival.event, BorrowerUpdated)
        points = arrival.event.contact_points
        return [self.vault.blind_index(point.address) for point in points if point.channel in BY_PHONE]

    async def _replace(self, tx: Tx, newest: dict[str, Arrival], before: dict[str, PersonRow]) -> None:
        kept: list[PersonRow] = []
        points: dict[str, list[PointRow]] = {}
        for borrower_id, arrival in sorted(newest.items()):
            assert isinstance(arrival.event, BorrowerUpdated)
            person = self._person(arrival.event, before[borrower_id])
            kept.append(person)
            points[borrower_id] = [self._point(tx, person, point) for point in arrival.event.contact_points]
        every = [point for some in points.values() for point in some]
        held = await parties.points_by_ref(tx, [point.ref for point in every])
        await consents.add(tx, stated_words(every, held, newest, tx.now))
        await parties.save_persons(tx, kept)
        await parties.save_points(tx, list(newest), every)
        for person in kept:
            told = replace(person, timezone=person.timezone if _is_zone(person.timezone) else None)
            told = replace(told, candidate_timezones=tuple(filter(_is_zone, person.candidate_timezones)))
            tell_party(tx, told, points[person.borrower_id], newest[person.borrower_id].envelope)

    def _person(self, event: BorrowerUpdated, before: PersonRow) -> PersonRow:
        key = before.subject_key or self.vault.new_subject_key()
        id_number = event.id_number
        # A zone that does not exist is kept as it came: whoever decides then knows that it is not known.
        return PersonRow(
            borrower_id=event.borrower_id,
            known=True,
            locale=event.locale,
            timezone=event.timezone,
            candidate_timezones=event.candidate_timezones,
            region=event.region,
            segment=_told(event),
            vulnerable=event.vulnerable,
            person_id=before.person_id,
            identity_id=before.identity_id,
            hours=tuple(Override(h.channels, h.day_types, h.allow) for h in event.overrides),
            subject_key=key,
            name_cipher=self.vault.encrypt(key, event.name, name_place(event.borrower_id)),
            id_number_cipher=(
                self.vault.encrypt(key, id_number, id_number_place(event.borrower_id)) if id_number else None
            ),
        )

    def _point(self, tx: Tx, person: PersonRow, point: ContactPoint) -> PointRow:
        assert person.subject_key is not None
        ref = point_ref(self.vault, person.borrower_id, point.id)
        address = normalised(point.address)
        usable = point.channel not in BY_PHONE or address.startswith("+")
        return PointRow(
            ref=ref,
            borrower_id=person.borrower_id,
            point_id=point.id,
            channel=point.channel,
            place=point.place,
            consent=point.consent,
            consent_at=tx.now,
            # Only a telephone number has another form that is as good: of other addresses every letter counts.
            address_cipher=self.vault.encrypt(
                person.subject_key,
                address if usable and point.channel in BY_PHONE else point.address.strip(),
                address_place(ref),
            ),
            address_index=self.vault.blind_index(point.address),
            usable=usable,
            verified_at=point.verified_at,
        )


def point_ref(vault: Vault, borrower_id: str, point_id: str) -> str:
    """How others name a contact point of a person. Keyed, so that it tells nothing; made from the ids, so that a
    rebuilt database has the same."""
    return vault.blind_index(f"contact_point|{borrower_id}|{point_id}").hex()[:32]


def address_place(ref: str) -> str:
    """Where an address is sealed to: it opens nowhere else."""
    return f"contact_point|address|{ref}"


def name_place(borrower_id: str) -> str:
    """Where a name is sealed to."""
    return f"party|name|{borrower_id}"


def id_number_place(borrower_id: str) -> str:
    """Where an identity number is sealed to."""
    return f"party|id_number|{borrower_id}"


def _told(event: BorrowerUpdated) -> dict[str, str]:
    segment = event.segment
    given = {
        "occupation": segment.occupation,
        "household": segment.household,
        "purpose": segment.purpose,
        "risk_grade": segment.risk_grade,
    }
    return {name: value for name, value in given.items() if value is not None}


def _is_zone(name: str | None) -> bool:
    return name is not None and known_zone(name) is not None


def _merge(arrival: Arrival, now: datetime) -> Merge:
    assert isinstance(arrival.event, BorrowerMerged)
    return Merge(arrival.event.borrower_id, arrival.event.into, now, *arrival.identity)


def _conflict(arrival: Arrival) -> Conflict:
    source, event_id = arrival.identity
    return Conflict(f"event {event_id} of {source} came before with another body", id=event_id)
