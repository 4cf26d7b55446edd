"""Takes opt-outs and consents given anew as people report them: in force when the answer comes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from notifier.domain.consent import ConsentWord, WordKind
from notifier.emits import tell_opt_out
from notifier.store import consents, parties
from notifier.store.parties import PersonRow, PointRow
from notifier.vault import Vault
from spine.database import Tx
from spine.errors import BadRequest, Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidWord:
    """What was said of being contacted. Without channel and address it is about all of them."""

    kind: WordKind
    borrower_id: str
    channel: str | None
    address: str | None
    contact_ref: str | None
    source: str
    said_by: str | None
    keyword: str | None = None
    reason: str | None = None


async def keep_word(
    tx: Tx, vault: Vault, said: SaidWord, *, key: str | None, digest: str
) -> tuple[ConsentWord, bool]:
    """The word, and whether it is new. Raises Conflict when the key came with another request, BadRequest for an
    address that is not the borrower's.

    The person is locked, under all ids: a send is wholly before, or knows of it. Whoever has the address hears.
    """
    await parties.ensure_persons(tx, [said.borrower_id])
    index, ref = await _address(tx, vault, said)
    behind = await parties.points_at(tx, index) if index is not None else []
    persons = await parties.lock_persons(tx, [said.borrower_id, *(point.borrower_id for point in behind)])
    held = await consents.by_key(tx, key) if key is not None else None
    if held is not None:
        if held[1] != digest:
            raise Conflict("this Idempotency-Key was used for another word", idempotency_key=key)
        return held[0], False
    word = ConsentWord(
        word_id=str(uuid.uuid4()),
        kind=said.kind,
        state="withdrawn" if said.kind == "opt_out" else "given",
        borrower_id=said.borrower_id,
        channel=said.channel,
        contact_ref=ref,
        address_index=index,
        at=tx.now,
        source=said.source,
        said_by=said.said_by,
        keyword=said.keyword,
    )
    cipher = _sealed(vault, persons[said.borrower_id], word.word_id, said.reason)
    await consents.add_asked(tx, word, reason_cipher=cipher, key=key, request_sha256=digest)
    if said.kind == "opt_out":
        for id_, point in {said.borrower_id: None, **_others(behind, said)}.items():
            told_ref = ref if point is None else point.ref
            tell_opt_out(tx, replace(word, borrower_id=id_, contact_ref=told_ref))
    return word, True


def _others(behind: list[PointRow], said: SaidWord) -> dict[str, PointRow | None]:
    return {point.borrower_id: point for point in behind if point.borrower_id != said.borrower_id}


async def _address(tx: Tx, vault: Vault, said: SaidWord) -> tuple[bytes | None, str | None]:
    """The address itself, and what others call it where it is one of the borrower's."""
    if said.contact_ref is not None:
        point = (await parties.points_by_ref(tx, [said.contact_ref])).get(said.contact_ref)
        if point is None or point.borrower_id != said.borrower_id:
            raise BadRequest("contact_ref: this borrower has no such address", field="contact_ref")
        return point.address_index, point.ref
    if said.address is None:
        return None, None
    index = vault.blind_index(said.address)
    own = (await parties.points_of(tx, [said.borrower_id])).get(said.borrower_id, [])
    same = [point for point in own if point.address_index == index]
    same.sort(key=lambda point: point.channel != said.channel)
    return index, same[0].ref if same else None


def _sealed(vault: Vault, person: PersonRow, word_id: str, reason: str | None) -> bytes | None:
    """The reason in the words it was given, which may name people; None where the person has no key yet."""
    if reason is None or person.subject_key is None:
        return None
    return vault.encrypt(person.subject_key, reason, reason_place(word_id))


def reason_place(word_id: str) -> str:
    """Where the reason of a word is sealed to."""
    return f"consent_word|reason|{word_id}"
