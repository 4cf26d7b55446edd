"""Takes in what people write back: an opt-out and a sign of danger take effect here, all else is for a person."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from notifier.domain.consent import ConsentWord
from notifier.domain.inbound import Listener, Meaning
from notifier.emits import tell_inbound, tell_opt_out
from notifier.store import consents, contacts, gates, inbound, inbox, parties
from notifier.store.gates import WideGate
from notifier.store.inbound import InboundRow
from notifier.store.parties import PersonRow, PointRow
from notifier.vault import Vault
from spine.database import Tx
from spine.errors import Conflict
from spine.events.contact_log import ContactRecorded

_NAMESPACE: Final = uuid.UUID("b0a3f6c4-7b8e-4c6f-8a53-2f1d9e0c4b77")
#: An answer is a reply for so long (domain, CN-T1; house).
REPLY_FOR: Final = timedelta(hours=24)
Short = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class InboundMessage(msgspec.Struct, frozen=True, kw_only=True, rename={"sender": "from"}):
    """One text as the gateway sends it: its own id, who wrote, what and when."""

    gateway_id: Short
    channel: Literal["sms", "wechat", "wecom", "email"]
    sender: Short
    body: Annotated[str, Meta(max_length=10_000)]
    at: Annotated[datetime, Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class InboundTaken:
    """How many texts were new, and how many came from an address that is nobody's."""

    received: int
    new: int
    unknown: int


@dataclass(frozen=True, slots=True)
class _Heard:
    """A text with what it says and whose it may be: everyone's who has the address."""

    message: InboundMessage
    index: bytes
    meaning: Meaning
    holders: dict[str, PointRow]


async def take_inbound(
    tx: Tx,
    vault: Vault,
    listener: Listener,
    gateway: str,
    webhook_id: str,
    body: bytes,
    given: Sequence[InboundMessage],
) -> InboundTaken:
    """One request of texts; the same again changes nothing. Raises Conflict when its id comes with another body."""
    identity = (f"gateway/{gateway}/inbound", webhook_id)
    digest = hashlib.sha256(body).digest()
    before = await inbox.insert_new(tx, {identity: digest})
    if before.get(identity, digest) != digest:
        raise Conflict(f"webhook {webhook_id[:80]} came before with another body", id=webhook_id[:80])
    if identity in before:
        return InboundTaken(len(given), 0, 0)
    heard = [await _hear(tx, vault, listener, message) for message in given]
    persons = await parties.lock_persons(tx, [id_ for one in heard for id_ in one.holders])
    new = 0
    for one in heard:
        new += await _keep(tx, vault, gateway, one, persons)
    return InboundTaken(len(given), new, sum(not one.holders for one in heard))


async def _hear(tx: Tx, vault: Vault, listener: Listener, message: InboundMessage) -> _Heard:
    index = vault.blind_index(message.sender)
    holders: dict[str, PointRow] = {}
    for point in await parties.points_at(tx, index):
        # The address under the channel that was written on, where it has that name too.
        if point.borrower_id not in holders or point.channel == message.channel:
            holders[point.borrower_id] = point
    return _Heard(message, index, listener.meaning(message.body), holders)


async def _keep(tx: Tx, vault: Vault, gateway: str, one: _Heard, persons: dict[str, PersonRow]) -> bool:
    """Whether it was new. Every borrower behind the address has it on record as written by them."""
    rows = {
        id_: _row(tx, vault, gateway, one, id_, persons.get(id_) if id_ else None)
        for id_ in sorted(one.holders) or [""]
    }
    new = await inbound.insert_new(tx, rows.values())
    fresh = {id_: row for id_, row in rows.items() if row.contact_id in new}
    known = {id_: row for id_, row in fresh.items() if id_}
    if known:
        await contacts.insert_contacts(tx, [_recorded(id_, row) for id_, row in known.items()])
    if one.meaning.sign is not None:
        await gates.change_wide_gates(tx, [_held(id_, row) for id_, row in known.items()])
    if one.meaning.keyword is not None:
        words = [_word(tx, id_ or None, row) for id_, row in fresh.items()]
        await consents.add(tx, words)
        for word in words:
            tell_opt_out(tx, word)
    for row in known.values():
        tell_inbound(tx, row, one.meaning, row.at + REPLY_FOR)
    return bool(fresh)


def _row(
    tx: Tx, vault: Vault, gateway: str, one: _Heard, borrower_id: str, person: PersonRow | None
) -> InboundRow:
    message = one.message
    contact_id = str(uuid.uuid5(_NAMESPACE, f"{gateway}|{message.gateway_id}|{borrower_id}"))
    key = person.subject_key if person is not None else None
    point = one.holders.get(borrower_id)
    says = one.meaning
    return InboundRow(
        contact_id=contact_id,
        gateway=gateway,
        gateway_id=message.gateway_id,
        borrower_id=borrower_id or None,
        channel=message.channel,
        contact_ref=point.ref if point is not None else None,
        address_index=one.index,
        # A gateway's clock may be ahead of ours; nothing was written in the future.
        at=min(message.at, tx.now),
        meaning="danger" if says.sign else "opt_out" if says.keyword else "other",
        keyword=says.keyword,
        body_cipher=vault.encrypt(key, message.body, inbound_place(contact_id)) if key is not None else None,
        body_sha256=hashlib.sha256(message.body.encode()).hexdigest(),
    )


def inbound_place(contact_id: str) -> str:
    """Where the words of a text are sealed to."""
    return f"inbound|body|{contact_id}"


def _recorded(borrower_id: str, row: InboundRow) -> ContactRecorded:
    return ContactRecorded(
        borrower_id=borrower_id,
        contact_id=row.contact_id,
        channel=row.channel,
        direction="inbound",
        outcome="received",
        at=row.at,
        contact_ref=row.contact_ref,
    )


def _held(borrower_id: str, row: InboundRow) -> WideGate:
    """As the contact log's own word of it, which follows under the same contact."""
    return WideGate(
        "borrower", borrower_id, f"vulnerable:{row.contact_id}", closed=True, kind="vulnerable", since=row.at
    )


def _word(tx: Tx, borrower_id: str | None, row: InboundRow) -> ConsentWord:
    return ConsentWord(
        word_id=str(uuid.uuid5(_NAMESPACE, f"opt_out|{row.contact_id}")),
        kind="opt_out",
        state="withdrawn",
        borrower_id=borrower_id,
        channel=row.channel,
        contact_ref=row.contact_ref,
        address_index=row.address_index,
        at=tx.now,
        source="inbound",
        keyword=row.keyword,
    )
