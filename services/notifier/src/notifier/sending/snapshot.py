"""Everything a batch of sends is decided from, read once under the locks that keep it true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.domain.closing import ClosingPolicy
from notifier.domain.facts import PastContact
from notifier.sending.states import Attempt, AttemptState, Message, client_ref
from notifier.store import attempts, closing, freshness, gates, gateways, parties, stops
from notifier.store.gates import DebtRow, Fence
from notifier.store.parties import PersonRow, PointRow
from notifier.store.stops import Stops
from spine.database import Tx


@dataclass(frozen=True, slots=True)
class Snapshot:
    """By loan: fences, debts; by borrower: person, points, what was stopped; by person, who may have several ids:
    history; by client_ref: attempts to be resumed; by message: the gateway at which it was unknown once, the only
    one that may have it again.

    The history grows while the batch is decided: sends of one person in one batch see each other.
    """

    now: datetime
    fresh: frozenset[int]
    ledger_known_to: dict[int, datetime]
    fences: dict[str, Fence]
    persons: dict[str, PersonRow]
    points: dict[str, list[PointRow]]
    stops: dict[str, Stops]
    history: dict[str, list[tuple[str | None, PastContact]]]
    debts: dict[str, DebtRow]
    resumed: dict[str, Attempt]
    key_ages_s: dict[str, float]
    followed: dict[str, AttemptState]
    thanked: set[str]
    pinned: dict[str, str]


async def take_snapshot(
    tx: Tx, claimed: Sequence[Message], fresh_within_s: float, policy: ClosingPolicy
) -> Snapshot:
    """Locks the gates shared and the persons, in order, and reads. Ticks are read after the locks, which may
    have been waited for."""
    pairs = [(loan, message.borrower_id) for message in claimed for loan in message.loans]
    loans = [loan for loan, _ in pairs]
    borrowers = [message.borrower_id for message in claimed]
    await gates.lock_gates_shared(tx, loans, {message.partition for message in claimed})
    persons = parties.as_one(await parties.lock_persons(tx, borrowers))
    ticks = await freshness.ticks_of(tx)
    followed = [m.follows for m in claimed if m.follows is not None]
    closed = [loan for m in claimed if policy.closes(m.purpose, m.template) for loan in m.loans]
    refs = [client_ref(m.id, m.attempt_no) for m in claimed if m.resume]
    tried = [m.id for m in claimed if m.attempt_no > 0]
    return Snapshot(
        now=tx.now,
        fresh=freshness.fresh_partitions(ticks, fresh_within_s),
        ledger_known_to=freshness.ledger_ticks(ticks),
        fences=await gates.fences_of(tx, pairs),
        persons=persons,
        points=await parties.points_of(tx, borrowers),
        stops=await stops.stops_of(tx, borrowers),
        history=await attempts.history_of(tx, borrowers),
        debts=await gates.debts_of(tx, loans),
        resumed=await attempts.load(tx, refs) if refs else {},
        key_ages_s=await attempts.key_ages_s(tx, refs) if refs else {},
        followed=await closing.states_of(tx, followed) if followed else {},
        thanked=await closing.loans_thanked(tx, closed, policy.texts) if closed else set(),
        pinned=await gateways.unknown_at(tx, tried) if tried else {},
    )
