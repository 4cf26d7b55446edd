"""What is to be done with one due message: pure in its snapshot, the only place that says "send"."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from notifier.domain.closing import ClosingPolicy
from notifier.domain.decision import Verdict
from notifier.domain.facts import ContactFacts, Content, Hold, PastContact
from notifier.domain.facts import Party as PartyFacts
from notifier.domain.pack import Pack
from notifier.domain.places import jurisdiction_of
from notifier.gateways.audience import EVERYONE, Audience
from notifier.gateways.switchboard import Switchboard
from notifier.handlers.parties import address_place
from notifier.sending.deadline import Judged, Margins, judge
from notifier.sending.snapshot import Snapshot
from notifier.sending.states import NOT_GONE, Attempt, AttemptState, Message, client_ref
from notifier.sending.wording import Wording
from notifier.store.gates import ARREARS, Fence, joint_debt, joint_fence
from notifier.store.parties import PersonRow, PointRow
from notifier.store.stops import NONE, Stops
from notifier.templates import Rendered, TemplateRefused
from notifier.vault import Vault
from spine.events.notifier import FiredRule

#: Why a closure text is not sent.
IN_ARREARS: Final = "FENCE-in_arrears"
NOTHING_CROSSED: Final = FiredRule(
    id="NOTHING-CROSSED", verdict="deny", citation="the message that this one answers to did not go out"
)
ALREADY_THANKED: Final = "ALREADY-THANKED"


@dataclass(frozen=True, slots=True)
class Wait:
    """Not decided: it stays due until what is missing is known."""


@dataclass(frozen=True, slots=True)
class Expire:
    """Its time is over."""


@dataclass(frozen=True, slots=True)
class Stop:
    """It will not be sent: a gate is closed or something is missing that no clock brings."""

    rules: tuple[FiredRule, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """The policy spoke against it: deferred or denied."""

    judged: Judged


@dataclass(frozen=True, slots=True)
class Send:
    """It may go out. `resumed` is the attempt whose key is used once more."""

    judged: Judged
    person: PersonRow
    point: PointRow
    rendered: Rendered
    fence: Fence
    address: str = field(repr=False)
    resumed: Attempt | None = None


Plan = Wait | Expire | Stop | Refuse | Send


@dataclass(frozen=True, slots=True)
class Desk:
    """What every decision of this process is made with."""

    packs: tuple[Pack, ...]
    wording: Wording
    vault: Vault
    gateways: Switchboard
    margins: Margins
    country: str
    #: An idempotency key this close to its end is not used again.
    key_margin_s: float
    closing: ClosingPolicy
    #: Over how much (business time) of a window's opening its backlog comes back.
    spread: timedelta
    #: Whom this process may reach at all.
    audience: Audience = EVERYONE

    def plan(self, message: Message, withdrawn: str | None, now_known: Snapshot) -> Plan:
        """The one order of questions: time, withdrawal, freshness, gates, address, words, policy."""
        if message.expires_at <= now_known.now:
            return Expire()
        if withdrawn is not None:
            return Stop((_fence_rule("withdrawn", withdrawn),))
        fence = joint_fence([now_known.fences[loan] for loan in message.loans])
        if message.partition not in now_known.fresh or _unsettled(message, now_known):
            return Wait()
        if now_known.followed.get(message.follows or "") in NOT_GONE:
            return Stop((NOTHING_CROSSED,))
        if self.closing.closes(message.purpose, message.template):
            reasons = _against_closing(message, now_known, fence)
        elif _may_open(message, fence, now_known):
            return Wait()
        else:
            reasons = tuple(_fence_rule(*reason.partition(":")[::2]) for reason in fence.closed)
        if reasons:
            return Stop(reasons)
        person = now_known.persons[message.borrower_id]
        point = _point(message, now_known)
        if not self.gateways.route_of(message.channel):
            return Stop((FiredRule(id="NO-GATEWAY", verdict="deny", citation="no gateway for this channel"),))
        if not person.known or person.subject_key is None or point is None:
            return Stop((FiredRule(id="NO-ADDRESS", verdict="deny", citation="no address for this channel"),))
        return self._judge(message, now_known, fence, person, point)

    def _judge(
        self, message: Message, now_known: Snapshot, fence: Fence, person: PersonRow, point: PointRow
    ) -> Plan:
        resumed = self._resumed(message, now_known, fence, point)
        assert person.subject_key is not None
        try:
            if resumed is not None:
                body = self.vault.decrypt(
                    person.subject_key, resumed.body_cipher, body_place(resumed.client_ref)
                )
                rendered = Rendered(body, resumed.template_version, resumed.body_sha256)
            else:
                debt = joint_debt([now_known.debts.get(loan) for loan in message.loans])
                rendered = self.wording.fill(message.template, person, debt)
        except TemplateRefused as refused:
            return Stop((FiredRule(id="TEMPLATE", verdict="deny", citation=refused.detail),))
        facts = self._facts(message, now_known, fence, person, point, rendered)
        judged = judge(facts, self.packs, now_known.now, message.expires_at, self.margins)
        if judged.decision.verdict is not Verdict.ALLOW:
            return Refuse(judged)
        address = self.vault.decrypt(person.subject_key, point.address_cipher, address_place(point.ref))
        return Send(judged, person, point, rendered, fence, address, resumed)

    def _resumed(
        self, message: Message, now_known: Snapshot, fence: Fence, point: PointRow
    ) -> Attempt | None:
        """The attempt to repeat under its key: only the same words, about the same debt, to the same address."""
        if not message.resume:
            return None
        ref = client_ref(message.id, message.attempt_no)
        attempt = now_known.resumed[ref]
        alive = now_known.key_ages_s[ref] < self.gateways.key_life_s(attempt.gateway) - self.key_margin_s
        same = attempt.address_index == point.address_index and attempt.gate_seq == fence.arrears_seq
        return attempt if alive and same else None

    def _facts(
        self,
        message: Message,
        now_known: Snapshot,
        fence: Fence,
        person: PersonRow,
        point: PointRow,
        rendered: Rendered,
    ) -> ContactFacts:
        own = client_ref(message.id, message.attempt_no)
        stops = now_known.stops.get(message.borrower_id, NONE)
        country, state = jurisdiction_of(person.region, self.country, self.packs)
        return ContactFacts(
            channel=message.channel,
            purpose=message.purpose,
            debt=message.loan_id,
            party=PartyFacts(
                person.person_id,
                timezone=person.timezone,
                candidate_timezones=person.candidate_timezones,
                vulnerable=person.vulnerable,
                overrides=person.hours,
            ),
            stage=message.stage,
            address=point.address,
            holds=held_by(fence, point, stops, message.channel, now_known.now),
            history=tuple(
                contact
                for ref, contact in now_known.history.get(person.person_id, [])
                if ref is None or ref != own
            ),
            consents=stops.consents(point),
            content=Content(
                rendered.text, rendered.language or person.locale, message.template, rendered.template_version
            ),
            country=country,
            state=state,
        )


def reserved(message: Message, send: Send, now_known: Snapshot, ref: str, closing: ClosingPolicy) -> None:
    """Lets the rest of the batch see the contact this message is about to be."""
    if closing.closes(message.purpose, message.template):
        now_known.thanked.update(message.loans)
    contact = PastContact(
        at=now_known.now,
        channel=message.channel,
        outcome="unknown",
        address=send.point.address,
        party_id=send.person.person_id,
        purpose=message.purpose,
        debts=message.loans,
    )
    now_known.history.setdefault(send.person.person_id, []).append((ref, contact))


def body_place(ref: str) -> str:
    """Where the words of an attempt are sealed to."""
    return f"attempt|body|{ref}"


def _fence_rule(kind: str, detail: str) -> FiredRule:
    return FiredRule(id=f"FENCE-{kind}", verdict="deny", citation=detail or None)


def _unsettled(message: Message, now_known: Snapshot) -> bool:
    """What it answers to is on its way, or being asked after: it may yet turn out not to have gone out."""
    return now_known.followed.get(message.follows or "") in (AttemptState.SENDING, AttemptState.UNKNOWN)


def _against_closing(message: Message, now_known: Snapshot, fence: Fence) -> tuple[FiredRule, ...]:
    """Why nobody is told that all is settled: because it is not, or no one was written to, or they were told."""
    reasons = [_fence_rule(*reason.partition(":")[::2]) for reason in fence.closed if reason != ARREARS]
    gates_of = [now_known.fences[loan] for loan in message.loans]
    if any(ARREARS not in gate.closed or gate.arrears_seq is None for gate in gates_of):
        reasons.append(FiredRule(id=IN_ARREARS, verdict="deny", citation="something is owed on the loan"))
    if set(message.loans) <= now_known.thanked:
        reasons.append(FiredRule(id=ALREADY_THANKED, verdict="deny", citation="the person was told already"))
    return tuple(reasons)


def _may_open(message: Message, fence: Fence, now_known: Snapshot) -> bool:
    """The stager hears the ledger first: the arrears it asks for may not have come here yet. Once the ledger's
    tick is younger than the request, they have, or there are none."""
    if fence.closed != (ARREARS,):
        return False
    known_to = now_known.ledger_known_to.get(message.partition)
    return known_to is None or known_to < message.received_at


def _point(message: Message, now_known: Snapshot) -> PointRow | None:
    """The address for the channel: verified ones first; one that must not be used only if there is no other, so
    that the decision says why not."""
    stops = now_known.stops.get(message.borrower_id, NONE)
    usable = [
        point
        for point in now_known.points.get(message.borrower_id, [])
        if point.channel == message.channel and point.usable
    ]
    return min(
        usable,
        key=lambda p: stops.bars(p, message.channel),
        default=None,
    )


def held_by(
    fence: Fence, point: PointRow | None, stops: Stops, channel: str, now: datetime
) -> tuple[Hold, ...]:
    """The holds of the loan and its borrower, and of the address."""
    return (*(Hold(held.kind, held.since) for held in fence.holds), *stops.holds(point, channel, now))
