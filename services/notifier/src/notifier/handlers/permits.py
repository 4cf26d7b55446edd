"""Permits for calls and visits: the same gate and the same budget as messages, asked by a person."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from notifier.domain.decide import decide, next_window_end
from notifier.domain.decision import Decision, Verdict
from notifier.domain.digest import canonical
from notifier.emits import policy_text, tell_permit
from notifier.handlers.permit_facts import Counter, Known, Wanted, facts_of, look, point_of
from notifier.sending.engine import engine
from notifier.sending.reserve import facts_place, told_rules
from notifier.store import decisions, parties, permits
from notifier.store.decisions import DecisionRow
from notifier.store.parties import PersonRow
from notifier.store.permits import PermitRow
from spine.database import Tx
from spine.errors import Conflict, NotFound
from spine.events.notifier import FiredRule

#: Reported for a permit that nobody used: its place in the budget is given back.
NOT_MADE: Final = "not_made"


class NotGranted(Conflict):
    """The permit was refused, so no contact can have come of it; report such a contact to the contact log."""

    code = "not_granted"


class ReportedOtherwise(Conflict):
    """Another outcome was reported for this permit before; what was reported once stays."""

    code = "reported_otherwise"


@dataclass(frozen=True, slots=True)
class Told:
    """The answer: of the policy (`decision`), or of a gate that was closed before any was asked (`rules`)."""

    decision: Decision | None
    rules: tuple[FiredRule, ...]
    contact_ref: str | None
    valid_until: datetime | None = None

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict if self.decision is not None else Verdict.DENY


async def check(tx: Tx, counter: Counter, wanted: Wanted) -> Told:
    """Whether the contact may be made now. Nothing is locked and nothing kept."""
    return await _judge(tx, counter, wanted, await look(tx, counter, wanted, hold=False))


async def ask(
    tx: Tx, counter: Counter, wanted: Wanted, *, key: str | None, digest: str
) -> tuple[PermitRow, Told | None]:
    """The answer to one who wants to make the contact, kept and told; granted, it counts from now on.

    With a `key` that was used before it is the answer of then, without what led to it; Conflict for another
    request.
    """
    # The person's row puts two who ask under one key in order, too: the second finds what the first was told.
    known = await look(tx, counter, wanted, hold=True)
    held = await permits.by_key(tx, key) if key is not None else None
    if held is not None:
        if held.request_sha256 != digest:
            raise _used_otherwise(key)
        return held, None
    told = await _judge(tx, counter, wanted, known)
    decision = told.decision
    granted = told.verdict is Verdict.ALLOW
    until = told.valid_until if granted else decision.until if decision is not None else None
    permit = PermitRow(
        permit_id=str(uuid.uuid4()),
        idempotency_key=key,
        request_sha256=digest,
        borrower_id=wanted.borrower_id,
        loan_id=wanted.loan_id,
        channel=wanted.channel,
        purpose=wanted.purpose,
        stage=wanted.stage,
        asked_by=wanted.by,
        task_id=wanted.task_id,
        contact_ref=told.contact_ref,
        at=tx.now,
        granted=granted,
        verdict=told.verdict.value,
        until=until,
        policy=policy_text(decision.policy) if decision is not None else "none",
        facts_digest=decision.facts_digest if decision is not None else None,
        rules=told.rules,
    )
    if not await permits.insert(tx, permit):
        raise _used_otherwise(key)
    await decisions.insert(tx, [_decision_row(counter, permit, told, known.person)])
    tell_permit(tx, permit)
    return permit, told


async def report(tx: Tx, permit_id: str, *, outcome: str, at: datetime | None, by: str) -> PermitRow:
    """What became of a granted permit. `not_made` gives its place back; every other outcome keeps it.

    Told again it changes nothing. Raises NotFound, NotGranted or ReportedOtherwise.
    """
    permit = await permits.by_id(tx, permit_id)
    if permit is None:
        raise NotFound(f"no permit {permit_id[:80]}", id=permit_id[:80])
    await parties.lock_persons(tx, [permit.borrower_id])
    permit = await permits.by_id(tx, permit_id)
    assert permit is not None
    if not permit.granted:
        raise NotGranted(permit_id=permit_id)
    if permit.outcome is None:
        # A contact cannot have been made before it was permitted, nor in the future.
        made_at = min(max(at or tx.now, permit.at), tx.now)
        await permits.report(tx, permit_id, outcome=outcome, at=made_at, by=by)
        return replace(permit, outcome=outcome, outcome_at=made_at, reported_by=by)
    if permit.outcome != outcome:
        raise ReportedOtherwise(permit_id=permit_id, outcome=permit.outcome)
    return permit


def _used_otherwise(key: str | None) -> Conflict:
    return Conflict("this Idempotency-Key was used for another permit", idempotency_key=key)


async def _judge(tx: Tx, counter: Counter, wanted: Wanted, known: Known) -> Told:
    point = point_of(wanted, known)
    ref = point.ref if point is not None else None
    if known.closed:
        return Told(None, known.closed, ref)
    person = known.person
    if person is None or not person.known:
        nobody = FiredRule(id="NO-PERSON", verdict="deny", citation="nothing is known of the person yet")
        return Told(None, (nobody,), None)
    facts = await facts_of(tx, counter, wanted, known, person, point)
    decision = decide(facts, counter.packs, tx.now)
    valid_until = None
    if decision.verdict is Verdict.ALLOW:
        window_end = next_window_end(facts, counter.packs, tx.now)
        longest = tx.now + counter.valid_for
        valid_until = longest if window_end is None else min(longest, window_end)
    return Told(decision, told_rules(decision.rules), ref, valid_until)


def _decision_row(counter: Counter, permit: PermitRow, told: Told, person: PersonRow | None) -> DecisionRow:
    decision, cipher = told.decision, None
    if decision is not None:
        assert person is not None and person.subject_key is not None and permit.facts_digest is not None
        facts = msgspec.json.encode(canonical(decision.facts)).decode()
        cipher = counter.vault.encrypt(
            person.subject_key, facts, facts_place(permit.permit_id, permit.facts_digest)
        )
    return DecisionRow(
        message_id=permit.permit_id,
        attempt_no=0,
        at=permit.at,
        judged_at=permit.at,
        verdict=permit.verdict,
        until=decision.until if decision is not None else None,
        rules=told.rules,
        policy=decision.policy if decision is not None else (),
        facts_cipher=cipher,
        facts_digest=permit.facts_digest,
        engine=engine() if decision is not None else "fence",
    )
