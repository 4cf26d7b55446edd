"""What is known when somebody asks to call or visit: read as a send reads it, made into the facts of a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from notifier.domain.facts import ContactFacts, Party
from notifier.domain.pack import Pack
from notifier.domain.places import jurisdiction_of
from notifier.sending.prepare import held_by
from notifier.store import attempts, freshness, gates, kill_switch, parties, stops
from notifier.store.gates import Fence
from notifier.store.parties import PersonRow, PointRow
from notifier.store.stops import NONE, Stops
from notifier.vault import Vault
from spine.database import Tx
from spine.errors import BadRequest
from spine.events.notifier import FiredRule
from spine.topics import partition_of

#: Channels that ring at a telephone: who has no number for calls may be called where texts go.
_BY_VOICE: Final = frozenset({"call", "ai_call", "voicemail"})
#: It runs by itself, whoever asked for it.
_BY_MACHINE: Final = "ai_call"


class LoanOfAnother(BadRequest):
    """The loan is not this borrower's; ask with the borrower that owes it."""

    code = "loan_of_another"


@dataclass(frozen=True, slots=True)
class Counter:
    """What every answer of this process is made with. A permit is good for `valid_for` of business time."""

    packs: tuple[Pack, ...]
    vault: Vault
    country: str
    fresh_within_s: float
    valid_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One contact somebody wants to make. Without a party it is the borrower, without an address the best one."""

    borrower_id: str
    loan_id: str
    channel: str
    purpose: str
    stage: str | None
    by: str
    agents: tuple[str, ...] = ()
    visit_notice_at: datetime | None = None
    contact_ref: str | None = None
    task_id: str | None = None
    party_id: str | None = None
    party_kind: str = "debtor"


@dataclass(frozen=True, slots=True)
class Known:
    """What is true of the person and the loan, read under the locks that keep it true."""

    person: PersonRow | None
    fence: Fence
    points: list[PointRow]
    stops: Stops
    closed: tuple[FiredRule, ...]


async def look(tx: Tx, counter: Counter, wanted: Wanted, *, hold: bool) -> Known:
    """Locks as a send does - kill switch, gates, person - and reads; ticks after the locks."""
    borrower, loan = wanted.borrower_id, wanted.loan_id
    partition = partition_of(borrower, tx.partitions)
    stopped = await kill_switch.stopped_scopes(tx, hold=hold)
    person: PersonRow | None
    if hold:
        await parties.ensure_persons(tx, [borrower])
        await gates.lock_gates_shared(tx, [loan], [partition])
        person = parties.as_one(await parties.lock_persons(tx, [borrower]))[borrower]
    else:
        person = parties.as_one(await parties.read_persons(tx, borrower)).get(borrower)
    debt = (await gates.debts_of(tx, [loan])).get(loan)
    if debt is not None and debt.borrower_id != borrower:
        raise LoanOfAnother(loan_id=loan)
    fresh = freshness.fresh_partitions(await freshness.ticks_of(tx), counter.fresh_within_s)
    fence = (await gates.fences_of(tx, [(loan, borrower)]))[loan]
    closed = [*(("kill_switch", scope) for scope in stopped if scope in (kill_switch.ALL, wanted.channel))]
    if partition not in fresh:
        closed.append(("stale", "what the other services know is not known here just now; ask again"))
    closed += [reason.partition(":")[::2] for reason in fence.closed]
    return Known(
        person,
        fence,
        (await parties.points_of(tx, [borrower])).get(borrower, []),
        (await stops.stops_of(tx, [borrower])).get(borrower, NONE),
        tuple(FiredRule(id=f"FENCE-{kind}", verdict="deny", citation=why or None) for kind, why in closed),
    )


async def facts_of(
    tx: Tx, counter: Counter, wanted: Wanted, known: Known, person: PersonRow, point: PointRow | None
) -> ContactFacts:
    """The contact and all that is known about it."""
    refused = wanted.party_id is not None and await stops.has_refused(tx, wanted.borrower_id, wanted.party_id)
    history = (await attempts.history_of(tx, [wanted.borrower_id])).get(person.person_id, [])
    country, state = jurisdiction_of(person.region, counter.country, counter.packs)
    return ContactFacts(
        channel=wanted.channel,
        purpose=wanted.purpose,
        debt=wanted.loan_id,
        party=_party(wanted, person, refused=refused),
        stage=wanted.stage,
        address=point.address if point is not None else None,
        history=tuple(contact for _, contact in history),
        holds=held_by(known.fence, point, known.stops, wanted.channel, tx.now),
        consents=known.stops.consents(point),
        automated=wanted.channel == _BY_MACHINE,
        country=country,
        state=state,
        debtor_id=person.person_id if wanted.party_id is not None else None,
        agents=wanted.agents,
        visit_notice_at=wanted.visit_notice_at,
    )


def point_of(wanted: Wanted, known: Known) -> PointRow | None:
    """The address: the one that was named, else one for the channel that may be used, verified ones first.

    None where no address is known, as of someone else than the borrower: it may then be any.
    """
    if wanted.party_id is not None:
        return None
    if wanted.contact_ref is not None:
        named = [point for point in known.points if point.ref == wanted.contact_ref]
        if not named:
            raise BadRequest("contact_ref: this borrower has no such address", field="contact_ref")
        return named[0]
    channels = ("call", "sms") if wanted.channel in _BY_VOICE else (wanted.channel,)
    usable = [point for point in known.points if point.usable and point.channel in channels]

    def rank(point: PointRow) -> tuple[bool, int]:
        return known.stops.bars(point, wanted.channel), channels.index(point.channel)

    return min(usable, key=rank, default=None)


def _party(wanted: Wanted, person: PersonRow, *, refused: bool) -> Party:
    """Of someone else than the borrower nothing is known but whether they refused."""
    if wanted.party_id is not None:
        return Party(wanted.party_id, wanted.party_kind, refused=refused)
    return Party(
        person.person_id,
        timezone=person.timezone,
        candidate_timezones=person.candidate_timezones,
        vulnerable=person.vulnerable,
        overrides=person.hours,
    )
