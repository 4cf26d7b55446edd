"""What the notifier tells: party.changed and the facts of messages, built in one place."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from notifier.domain.consent import ConsentWord
from notifier.domain.decision import PackRef
from notifier.domain.inbound import Meaning
from notifier.sending.states import Attempt, Message, MessageState
from notifier.store.inbound import InboundRow
from notifier.store.parties import PersonRow, PointRow
from notifier.store.permits import PermitRow
from spine.database import Tx
from spine.envelope import Envelope
from spine.events.notifier import (
    ContactRef,
    FiredRule,
    MessageAccepted,
    MessageDeferred,
    MessageDelivered,
    MessageExpired,
    MessageFact,
    MessageFailed,
    MessageRejected,
    MessageSuppressed,
    MessageUnknown,
    PartyChanged,
    PermitFact,
    PermitGranted,
    PermitRefused,
    PermitUnreported,
)
from spine.events.registry import Event
from spine.events.replies import InboundReceived, OptOutReceived
from spine.outbox import emit

_FACTS: Final[dict[MessageState, type[MessageFact]]] = {
    MessageState.ACCEPTED: MessageAccepted,
    MessageState.REJECTED: MessageRejected,
    MessageState.UNKNOWN: MessageUnknown,
    MessageState.DELIVERED: MessageDelivered,
    MessageState.FAILED: MessageFailed,
    MessageState.SUPPRESSED: MessageSuppressed,
    MessageState.PLANNED: MessageDeferred,
    MessageState.EXPIRED: MessageExpired,
}
EMITS: Final[tuple[type[Event], ...]] = (
    PartyChanged,
    *_FACTS.values(),
    PermitGranted,
    PermitRefused,
    PermitUnreported,
    OptOutReceived,
    InboundReceived,
)


def policy_text(packs: tuple[PackRef, ...]) -> str:
    """The packs of a decision in one line: name, version and the beginning of the digest."""
    return ", ".join(f"{pack.name} {pack.version} {pack.digest[:12]}" for pack in packs)


def tell_party(tx: Tx, person: PersonRow, points: list[PointRow], cause: Envelope | None) -> None:
    """What others may know of a person: references, never addresses or names."""
    changed = PartyChanged(
        borrower_id=person.borrower_id,
        locale=person.locale,
        timezone=person.timezone,
        candidate_timezones=person.candidate_timezones,
        region=person.region,
        segment=person.segment,
        contact_points=tuple(
            ContactRef(ref=p.ref, channel=p.channel, consent=p.consent, place=p.place)
            for p in points
            if p.usable
        ),
        vulnerable=person.vulnerable,
    )
    emit(tx, changed, cause=cause)


def tell_message(
    tx: Tx,
    message: Message,
    fact: MessageState,
    *,
    policy: str,
    attempt: Attempt | None = None,
    gateway_id: str | None = None,
    code: str | None = None,
    until: datetime | None = None,
    rules: tuple[FiredRule, ...] = (),
    facts_digest: str | None = None,
    at: datetime | None = None,
) -> None:
    """One fact about a message, the whole of it; the caller has locked the person's row."""
    told = _FACTS[fact](
        borrower_id=message.borrower_id,
        loan_id=message.loan_id,
        message_id=message.id,
        request_id=message.request_id,
        channel=message.channel,  # type: ignore[arg-type]
        purpose=message.purpose,  # type: ignore[arg-type]
        stage=message.stage,
        step=message.step,
        template=message.template,
        at=at or tx.now,
        policy=policy,
        template_version=attempt.template_version if attempt else None,
        contact_ref=attempt.contact_ref if attempt else None,
        attempt_no=attempt.attempt_no if attempt else message.attempt_no,
        client_ref=attempt.client_ref if attempt else None,
        gateway=attempt.gateway if attempt else None,
        gateway_id=gateway_id or (attempt.gateway_id if attempt else None),
        body_sha256=attempt.body_sha256 if attempt else None,
        code=code,
        until=until,
        rules=rules,
        facts_digest=facts_digest or (attempt.facts_digest if attempt else None),
    )
    emit(tx, told, cause=message.cause)


def tell_permit(tx: Tx, permit: PermitRow) -> None:
    """What a person was told who wanted to make a contact; the caller has locked the person's row."""
    _tell(tx, permit, PermitGranted if permit.granted else PermitRefused)


def tell_unreported(tx: Tx, permit: PermitRow) -> None:
    """That nothing was heard of a permit; the caller has locked the person's row."""
    _tell(tx, permit, PermitUnreported)


def _tell(tx: Tx, permit: PermitRow, fact: type[PermitFact]) -> None:
    told = fact(
        borrower_id=permit.borrower_id,
        loan_id=permit.loan_id,
        permit_id=permit.permit_id,
        channel=permit.channel,  # type: ignore[arg-type]
        purpose=permit.purpose,  # type: ignore[arg-type]
        at=permit.at,
        by=permit.asked_by,
        policy=permit.policy,
        stage=permit.stage,
        task_id=permit.task_id,
        contact_ref=permit.contact_ref,
        until=permit.until,
        rules=permit.rules,
        facts_digest=permit.facts_digest,
    )
    emit(tx, told)


def tell_opt_out(tx: Tx, word: ConsentWord) -> None:
    """Somebody wants no more contact there; of an address that is nobody's there is nobody to tell of. The
    caller has locked the person's row."""
    if word.borrower_id is not None:
        told = OptOutReceived(
            borrower_id=word.borrower_id,
            opt_out_id=word.word_id,
            at=word.at,
            source=word.source,
            channel=word.channel,
            contact_ref=word.contact_ref,
            keyword=word.keyword,
            by=word.said_by,
        )
        emit(tx, told)


def tell_inbound(tx: Tx, row: InboundRow, meaning: Meaning, reply_until: datetime) -> None:
    """Somebody wrote to us; the caller has locked the person's row."""
    assert row.borrower_id is not None
    told = InboundReceived(
        borrower_id=row.borrower_id,
        contact_id=row.contact_id,
        channel=row.channel,
        at=row.at,
        meaning=row.meaning,  # type: ignore[arg-type]
        reply_until=reply_until,
        contact_ref=row.contact_ref,
        sign=meaning.sign,
        opted_out=meaning.keyword is not None,
    )
    emit(tx, told)
