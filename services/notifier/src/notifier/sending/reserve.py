"""The SENDING transaction: due messages are claimed, fenced, decided and reserved together, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from notifier.domain.decision import Fired, Verdict
from notifier.domain.digest import canonical
from notifier.domain.urgency import due_after
from notifier.emits import policy_text, tell_message
from notifier.gateways.audience import SHADOW
from notifier.gateways.port import OutMessage
from notifier.handlers.requests import fence_decision
from notifier.sending.deadline import Judged
from notifier.sending.engine import engine
from notifier.sending.prepare import Desk, Expire, Plan, Refuse, Send, Stop, Wait, body_place, reserved
from notifier.sending.queue import enqueue
from notifier.sending.snapshot import Snapshot, take_snapshot
from notifier.sending.states import Attempt, AttemptState, Message, MessageState, client_ref
from notifier.store import attempts, decisions, freshness, kill_switch, messages
from notifier.store.attempts import AttemptUpdate
from notifier.store.decisions import DecisionRow
from notifier.store.messages import MessageUpdate
from spine.database import Tx
from spine.events.notifier import FiredRule
from spine.failpoints import failpoint


@dataclass(frozen=True, slots=True)
class Reservation:
    """What may be handed over after the commit, by idempotency key: one request each. `claimed` messages were
    looked at, `moved` of them got on."""

    requests: Mapping[str, Sequence[OutMessage]]
    claimed: int
    moved: int


@dataclass(slots=True)
class _Book:
    """What the transaction will write. New attempts share one request and its key; one that is resumed goes
    under the key it had."""

    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    requests: dict[str, list[OutMessage]] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    released: list[AttemptUpdate] = field(default_factory=list)
    messages: list[MessageUpdate] = field(default_factory=list)
    decisions: list[DecisionRow] = field(default_factory=list)


async def reserve(tx: Tx, desk: Desk, *, fresh_within_s: float, batch: int) -> Reservation:
    """Claims up to `batch` due messages and decides each by what is true now."""
    stopped = [*await kill_switch.stopped_scopes(tx, hold=True), *desk.gateways.closed_channels()]
    await desk.wording.renew(tx)
    fresh = freshness.fresh_partitions(await freshness.ticks_of(tx), fresh_within_s)
    claimed = await messages.claim_due(
        tx, partitions=fresh, stopped=stopped, shut=desk.gateways.shut(), batch=batch
    )
    if not claimed:
        return Reservation({}, 0, 0)
    snapshot = await take_snapshot(tx, [message for message, _ in claimed], fresh_within_s, desk.closing)
    book = _Book()
    for message, withdrawn in claimed:
        _carry_out(tx, desk, book, message, desk.plan(message, withdrawn, snapshot), snapshot)
    await attempts.reserve(tx, book.attempts)
    if queues := desk.gateways.queues:
        await enqueue(tx, [m for ms in book.requests.values() for m in ms if m.gateway in queues])
    await attempts.update(tx, book.released, settle_s=0)
    await messages.update_messages(tx, book.messages)
    await decisions.insert(tx, book.decisions)
    if book.requests:
        failpoint("notifier.before_sending_commit")
    return Reservation(book.requests, len(claimed), len(book.messages))


def _carry_out(tx: Tx, desk: Desk, book: _Book, message: Message, plan: Plan, snapshot: Snapshot) -> None:
    match plan:
        case Wait():
            return
        case Send() if not desk.audience.hears(plan.point.address_index):
            _keep_silent(tx, desk, book, message, plan.judged, snapshot)
        case Send():
            pinned = plan.resumed.gateway if plan.resumed else snapshot.pinned.get(message.id)
            gateway = desk.gateways.take(message.channel, pinned)
            if gateway is not None:
                _send(desk, book, message, plan, snapshot, gateway)
            return
        case Expire():
            tell_message(tx, message, MessageState.EXPIRED, policy=message.policy)
            book.messages.append(MessageUpdate(message.id, MessageState.EXPIRED))
        case Stop(rules):
            tell_message(tx, message, MessageState.SUPPRESSED, policy=message.policy, rules=rules)
            book.messages.append(MessageUpdate(message.id, MessageState.SUPPRESSED))
            book.decisions.append(fence_decision(tx, message, rules))
        case Refuse(judged):
            _refuse(tx, desk, book, message, judged, snapshot)
    _release(book, message)


def _release(book: _Book, message: Message) -> None:
    """An attempt that was to be repeated will not be: the gateway said it never had it."""
    if message.resume:
        ref = client_ref(message.id, message.attempt_no)
        book.released.append(AttemptUpdate(ref, AttemptState.NOT_SENT, code="not_found"))


def _keep_silent(
    tx: Tx, desk: Desk, book: _Book, message: Message, judged: Judged, snapshot: Snapshot
) -> None:
    """It would have gone out, and this process reaches nobody there: decided, kept, told, and counted nowhere."""
    decision = judged.decision
    policy, digest = policy_text(decision.policy), decision.facts_digest
    rules = (FiredRule(id=SHADOW, verdict="deny", citation=desk.audience.why_not),)
    tell_message(
        tx, message, MessageState.SUPPRESSED, policy=policy, code=SHADOW, rules=rules, facts_digest=digest
    )
    book.messages.append(MessageUpdate(message.id, MessageState.SUPPRESSED, policy=policy))
    book.decisions.append(_decision_row(desk, message, message.attempt_no, judged, digest, snapshot))


def _refuse(tx: Tx, desk: Desk, book: _Book, message: Message, judged: Judged, snapshot: Snapshot) -> None:
    decision = judged.decision
    policy = policy_text(decision.policy)
    rules = told_rules(decision.rules)
    deferred = decision.verdict is Verdict.DEFER and decision.until is not None
    state = MessageState.PLANNED if deferred else MessageState.SUPPRESSED
    # Asked again when the rules allow it, or when its time is over, whichever is first.
    due_at = None
    if deferred and decision.until is not None:
        due_at = due_after(
            decision.until,
            message.expires_at,
            snapshot.now,
            message.purpose,
            message.borrower_id,
            desk.spread,
        )
    digest = decision.facts_digest
    tell_message(tx, message, state, policy=policy, until=decision.until, rules=rules, facts_digest=digest)
    book.messages.append(MessageUpdate(message.id, state, due_at, policy=policy))
    book.decisions.append(_decision_row(desk, message, message.attempt_no, judged, digest, snapshot))


def _send(desk: Desk, book: _Book, message: Message, send: Send, snapshot: Snapshot, gateway: str) -> None:
    resumed = send.resumed
    number = resumed.attempt_no if resumed else message.attempt_no + 1
    if resumed is None:
        _release(book, message)
    ref = client_ref(message.id, number)
    request_key = resumed.idempotency_key if resumed else book.key
    key = send.person.subject_key
    assert key is not None and send.fence.arrears_seq is not None
    digest = send.judged.decision.facts_digest
    policy = policy_text(send.judged.decision.policy)
    book.attempts.append(
        Attempt(
            client_ref=ref,
            message_id=message.id,
            attempt_no=number,
            borrower_id=message.borrower_id,
            loan_id=message.loan_id,
            channel=message.channel,
            purpose=message.purpose,
            contact_ref=send.point.ref,
            address_index=send.point.address_index,
            gateway=gateway,
            idempotency_key=request_key,
            not_after=send.judged.not_after,
            gate_seq=send.fence.arrears_seq,
            state=AttemptState.SENDING,
            at=snapshot.now,
            body_cipher=desk.vault.encrypt(key, send.rendered.text, body_place(ref)),
            body_sha256=send.rendered.body_sha256,
            template_version=send.rendered.template_version,
            facts_digest=digest,
            policy=policy,
        )
    )
    book.requests.setdefault(request_key, []).append(
        OutMessage(
            ref,
            message.channel,
            send.address,
            send.rendered.text,
            message.template,
            send.judged.not_after,
            gateway,
            message.borrower_id,
        )
    )
    book.messages.append(MessageUpdate(message.id, MessageState.SENDING, attempt_no=number, policy=policy))
    book.decisions.append(_decision_row(desk, message, number, send.judged, digest, snapshot))
    reserved(message, send, snapshot, ref, desk.closing)


def _decision_row(
    desk: Desk, message: Message, attempt_no: int, judged: Judged, digest: str, snapshot: Snapshot
) -> DecisionRow:
    decision = judged.decision
    key = snapshot.persons[message.borrower_id].subject_key
    assert key is not None
    facts = msgspec.json.encode(canonical(decision.facts)).decode()
    return DecisionRow(
        message_id=message.id,
        attempt_no=attempt_no,
        at=snapshot.now,
        judged_at=judged.judged_at,
        verdict=decision.verdict.value,
        until=decision.until,
        rules=told_rules(decision.rules),
        policy=decision.policy,
        facts_cipher=desk.vault.encrypt(key, facts, facts_place(message.id, digest)),
        facts_digest=digest,
        engine=engine(),
    )


def facts_place(message_id: str, digest: str) -> str:
    """Where the facts of a decision are sealed to."""
    return f"decision|facts|{message_id}|{digest}"


def told_rules(rules: Sequence[Fired]) -> tuple[FiredRule, ...]:
    """The rules of a decision as they are told and kept."""
    return tuple(
        FiredRule(id=r.id, verdict=r.verdict.value, until=r.until, citation=r.citation or None) for r in rules
    )
