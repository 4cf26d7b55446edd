"""What money answers: a message it crossed with is followed by a closure text, one it disproves is put right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from notifier.domain.closing import SERVICE, ClosingPolicy, FollowUp
from notifier.sending.states import NO_POLICY, Message, MessageState, message_id_of
from notifier.store import closing, messages, parties
from notifier.store.closing import Crossed
from spine.database import Tx
from spine.envelope import Envelope
from spine.topics import partition_of

#: The steps of our own messages, by which everybody can tell them.
_CLOSURE: Final = "closure"
_CORRECTION: Final = "correction"
#: How far back a closure text is put right, as far as contact rules look.
_CORRECTED: Final = timedelta(days=31)


async def close_after(tx: Tx, policy: ClosingPolicy, ended: Mapping[str, tuple[int, Envelope]]) -> None:
    """Arrears have ended (by loan: the ledger's number and word): whoever was written to just before is told that
    all is settled, once for a person. The caller has moved the arrears gates and holds them."""
    rule = policy.overtaken
    if not rule.follow or not ended:
        return
    closed = {loan: seq for loan, (seq, _) in ended.items()}
    crossed = await closing.overtaken(tx, closed, tx.now - rule.crossing, _CLOSURE)
    causes = {loan: cause for loan, (_, cause) in ended.items()}
    await _plan(
        tx, rule, _CLOSURE, crossed, causes, {one.loan_id: str(closed[one.loan_id]) for one in crossed}
    )


async def correct_after(
    tx: Tx, policy: ClosingPolicy, owed: Mapping[str, tuple[date, Envelope]], zone: str
) -> None:
    """Something is owed again (by loan: since when, and the ledger's word): who was told that all was settled, and
    it was not, is told so."""
    if not policy.correction.follow or not owed:
        return
    since = tx.now - _CORRECTED
    dues = {loan: due_on for loan, (due_on, _) in owed.items()}
    crossed = await closing.disproved(tx, dues, policy.texts, zone, since)
    causes = {loan: cause for loan, (_, cause) in owed.items()}
    # One correction for each text that was wrong, however often the ledger tells of it.
    names = {one.loan_id: one.client_ref for one in crossed}
    await _plan(tx, policy.correction, _CORRECTION, crossed, causes, names)


async def _plan(
    tx: Tx,
    rule: FollowUp,
    kind: str,
    crossed: Sequence[Crossed],
    causes: Mapping[str, Envelope],
    names: Mapping[str, str],
) -> None:
    by_person: dict[str, list[Crossed]] = defaultdict(list)
    for one in crossed:
        by_person[one.borrower_id].append(one)
    if not by_person:
        return
    await parties.ensure_persons(tx, list(by_person))
    rows = []
    for borrower_id, some in sorted(by_person.items()):
        first, *others = sorted(some, key=lambda one: one.loan_id)
        cause = causes[first.loan_id]
        request_id = f"{kind}:{first.loan_id}:{names[first.loan_id]}"
        rows.append(
            Message(
                id=message_id_of(request_id),
                request_id=request_id,
                borrower_id=borrower_id,
                loan_id=first.loan_id,
                partition=partition_of(borrower_id, tx.partitions),
                channel=rule.channel,
                purpose=SERVICE,
                stage=first.stage,
                step=kind,
                template=rule.template,
                requested_at=tx.now,
                expires_at=tx.now + timedelta(hours=rule.within_hours),
                received_at=tx.now,
                state=MessageState.PLANNED,
                due_at=tx.now,
                attempt_no=0,
                resume=False,
                policy=NO_POLICY,
                cause_id=cause.id,
                cause_source=cause.source,
                correlation_id=cause.correlation_id,
                traceparent=cause.traceparent,
                covers=tuple(one.loan_id for one in others),
                follows=first.client_ref,
            )
        )
    await messages.insert_requested(tx, rows)
