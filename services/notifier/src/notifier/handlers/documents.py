"""A document that others composed gets the person's data, for its reader alone: nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from notifier.handlers.parties import address_place, id_number_place, name_place
from notifier.store.parties import PersonRow, PointRow, points_of, read_person
from notifier.vault import Vault, mask_id
from spine.database import Tx
from spine.documents.model import Document, digest_of, placeholders
from spine.errors import BadRequest, NotFound, TactError

log = structlog.get_logger()

#: All that a document may ask of a person.
KNOWN: Final = frozenset({"borrower.name", "borrower.id_masked", "borrower.address"})
_BY_POST: Final = ("letter", "visit")


class ValueUnknown(TactError):
    """The document names something that is not known of the person; core banking has to tell it first."""

    code = "value_unknown"
    status = 422


@dataclass(frozen=True, slots=True)
class Completion:
    """What is filled in, for one document."""

    values: dict[str, str]


async def complete(tx: Tx, vault: Vault, *, borrower_id: str, document: Document, by: str) -> Completion:
    """The values for a document's places. Who asked for whose data is logged, without any of it.

    Raises NotFound for a person nobody told of, BadRequest for a place that no document has, ValueUnknown.
    """
    wanted = placeholders(document)
    for name in wanted:
        if name not in KNOWN:
            raise BadRequest(f"{{{{{name}}}}}: a document has no such place", field=name)
    person = await read_person(tx, borrower_id)
    if person is None or not person.known or person.subject_key is None:
        raise NotFound(f"no borrower {borrower_id}", borrower_id=borrower_id)
    points = (await points_of(tx, [borrower_id])).get(borrower_id, [])
    known = _values(vault, person, points)
    for name in wanted:
        if name not in known:
            raise ValueUnknown(f"{name}: not known of this borrower", field=name)
    log.info(
        "document completed",
        borrower_id=borrower_id,
        by=by,
        number=document.number,
        digest=digest_of(document),
        places=wanted,
    )
    return Completion({name: known[name] for name in wanted})


def _values(vault: Vault, person: PersonRow, points: list[PointRow]) -> dict[str, str]:
    key = person.subject_key
    assert key is not None
    found = {}
    if person.name_cipher is not None:
        found["borrower.name"] = vault.decrypt(key, person.name_cipher, name_place(person.borrower_id))
    if person.id_number_cipher is not None:
        number = vault.decrypt(key, person.id_number_cipher, id_number_place(person.borrower_id))
        found["borrower.id_masked"] = mask_id(number)
    # The address for letters comes before that for visits, home before work, a verified one before others.
    by_post = sorted(
        (point for point in points if point.channel in _BY_POST),
        key=lambda point: (
            _BY_POST.index(point.channel),
            point.place != "home",
            point.verified_at is None,
            point.point_id,
        ),
    )
    if by_post:
        point = by_post[0]
        found["borrower.address"] = vault.decrypt(key, point.address_cipher, address_place(point.ref))
    return found
