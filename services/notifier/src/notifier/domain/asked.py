"""A contact decision that somebody asks for with all its facts: read strictly, decided, answered as data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from notifier.domain.decide import decide
from notifier.domain.decision import Decision, Fired
from notifier.domain.facts import Consent, ContactFacts, Content, Hold, Override, Party, PastContact
from notifier.domain.local_time import known_zone, parse_spans
from notifier.domain.pack import Pack
from notifier.domain.vocabulary import ActorRole, PartyKind, PastOutcome, Place, Stage, place_of
from notifier.domain.week import DayType
from spine.errors import BadJson, BadSchema
from spine.events.registry import Id, Instant
from spine.events.stager import ContactChannel, ContactPurpose, HoldKind

#: Beside the holds on a loan those on an address.
AnyHoldKind = HoldKind | Literal["opt_out", "wrong_number"]
#: What calendars and zones can work with, a year on either side.
_FIRST: Final = datetime(1971, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a request: an unknown key in it is refused."""

    def __post_init__(self) -> None:
        for name, told in zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True):
            value = getattr(self, name)
            if isinstance(value, datetime) and not _FIRST <= value < _LAST:
                raise ValueError(f"{told}: an instant between {_FIRST.year} and {_LAST.year}")


class Jurisdiction(_Strict, frozen=True, kw_only=True):
    """Where the contact takes place: ISO 3166-1 country, ISO 3166-2 state, a pack's code of the city."""

    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")]
    state: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,3}$(?!\n)")] | None = None
    city: Annotated[str, Meta(min_length=1, max_length=40)] | None = None


class AskedOverride(_Strict, frozen=True, kw_only=True):
    """Hours the person stated."""

    channels: tuple[ContactChannel, ...]
    day_types: tuple[DayType, ...]
    allow: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if self.allow:
            parse_spans(self.allow)


class AskedParty(_Strict, frozen=True, kw_only=True):
    """The person to be contacted."""

    id: Id
    kind: PartyKind
    timezone: str | None = None
    candidate_timezones: tuple[str, ...] = ()
    overrides: tuple[AskedOverride, ...] = ()
    refused: bool = False
    vulnerable: tuple[str, ...] = ()


class AskedContent(_Strict, frozen=True, kw_only=True):
    """The words, as rendered."""

    text: str
    language: str
    template: str | None = None
    template_version: Annotated[int, Meta(ge=0, le=2**31)] | None = None


class AskedHold(_Strict, frozen=True, kw_only=True, rename={"since": "from"}):
    """A hold in [from, until)."""

    kind: AnyHoldKind
    since: Instant
    until: Instant | None = None
    channel: ContactChannel | None = None
    address: str | None = None
    promised_on: date | None = None


class AskedConsent(_Strict, frozen=True, kw_only=True):
    """What the person said about an address."""

    channel: ContactChannel
    address: str
    state: Literal["given", "withdrawn", "unknown"]
    at: Instant
    source: str


class AskedContact(_Strict, frozen=True, kw_only=True):
    """An earlier contact."""

    at: Instant
    channel: ContactChannel
    direction: Literal["outbound", "inbound"]
    outcome: PastOutcome
    address: str
    debts: tuple[str, ...]
    party_id: str
    purpose: ContactPurpose
    place: Place | None = None
    direct_consent: bool = False


class Asked(_Strict, frozen=True, kw_only=True):
    """One contact somebody intends, and all that is known about it."""

    now: Instant
    actor_role: ActorRole
    jurisdiction: Jurisdiction
    debt: Id
    channel: ContactChannel
    direction: Literal["outbound"]
    purpose: ContactPurpose
    party: AskedParty
    stage: Stage | None = None
    automated: bool = False
    debtor_id: Id | None = None
    address: str | None = None
    place: Place | None = None
    agents: tuple[str, ...] = ()
    visit_notice_at: Instant | None = None
    overdue_notice_delivered_at: Instant | None = None
    book_closed_through: date | None = None
    product: str | None = None
    content: AskedContent | None = None
    holds: tuple[AskedHold, ...] = ()
    consents: tuple[AskedConsent, ...] = ()
    history: tuple[AskedContact, ...] = ()

    def facts(self) -> ContactFacts:
        """The facts as they are decided on."""
        return ContactFacts(
            channel=self.channel,
            purpose=self.purpose,
            debt=self.debt,
            party=_party(self.party),
            stage=self.stage,
            address=self.address,
            history=tuple(_past(entry) for entry in self.history),
            holds=tuple(_hold(hold) for hold in self.holds),
            consents=tuple(Consent(c.channel, c.address, c.state, c.at, c.source) for c in self.consents),
            content=_content(self.content),
            direction=self.direction,
            automated=self.automated,
            actor_role=self.actor_role,
            country=self.jurisdiction.country,
            state=self.jurisdiction.state,
            city=self.jurisdiction.city,
            debtor_id=self.debtor_id,
            place=place_of(self.place, self.channel),
            agents=self.agents,
            visit_notice_at=self.visit_notice_at,
            overdue_notice_delivered_at=self.overdue_notice_delivered_at,
            book_closed_through=self.book_closed_through,
            product=self.product,
        )


_DECODER: Final = msgspec.json.Decoder(Asked)


def read_asked(body: bytes | msgspec.Raw) -> Asked:
    """One request. Raises BadJson, or BadSchema naming the field."""
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        _refuse_what_is_no_json(body)
        message, _, path = str(error).rpartition(" - at `$")
        field = path.rstrip("`").lstrip(".") if message else ""
        text = message or str(error)
        raise BadSchema(f"{field}: {text}" if field else text, field=field or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson(f"not JSON: {error}") from None


def _refuse_what_is_no_json(body: bytes | msgspec.Raw) -> None:
    """BadJson for what is wrong beyond the place where the shape was: that it is no JSON is told first."""
    try:
        msgspec.json.decode(body)
    except msgspec.ValidationError:
        # A number no machine holds.
        return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson(f"not JSON: {error}") from None


def answered(asked: Asked, packs: tuple[Pack, ...]) -> dict[str, Any]:
    """The decision on a request, as data."""
    decision = decide(asked.facts(), packs, asked.now)
    return answer_of(decision, packs)


def answer_of(decision: Decision, packs: tuple[Pack, ...]) -> dict[str, Any]:
    """A decision as data; instants in the party's zone, or in that of the first pack in force that fixes one."""
    zone = _zone_of(decision.facts.party, [pack for pack in packs if pack.ref in decision.policy])
    answer: dict[str, Any] = {"verdict": decision.verdict.value}
    if decision.until is not None:
        answer["until"] = decision.until.astimezone(zone).isoformat()
    answer["rules"] = [_rule(rule, zone) for rule in decision.rules]
    answer["policy"] = {
        "packs": [{"name": p.name, "version": p.version, "digest": p.digest} for p in decision.policy]
    }
    answer["facts_digest"] = decision.facts_digest
    return answer


def _rule(fired: Fired, zone: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"id": fired.id, "verdict": fired.verdict.value}
    if fired.until is not None:
        told["until"] = fired.until.astimezone(zone).isoformat()
    told["citation"] = fired.citation
    return told


def _zone_of(party: Party, packs: Sequence[Pack]) -> Any:
    fixed = [pack.file.zones.fixed for pack in packs]
    for name in (party.timezone, *fixed, *party.candidate_timezones):
        zone = known_zone(name) if name is not None else None
        if zone is not None:
            return zone
    return UTC


def _party(party: AskedParty) -> Party:
    return Party(
        id=party.id,
        kind=party.kind,
        timezone=party.timezone,
        candidate_timezones=party.candidate_timezones,
        vulnerable=party.vulnerable,
        refused=party.refused,
        overrides=tuple(Override(o.channels, o.day_types, o.allow) for o in party.overrides),
    )


def _past(entry: AskedContact) -> PastContact:
    return PastContact(
        at=entry.at,
        channel=entry.channel,
        outcome=entry.outcome,
        address=entry.address,
        party_id=entry.party_id,
        purpose=entry.purpose,
        debts=entry.debts,
        direction=entry.direction,
        place=place_of(entry.place, entry.channel),
        direct_consent=entry.direct_consent,
    )


def _hold(hold: AskedHold) -> Hold:
    return Hold(hold.kind, hold.since, hold.until, hold.channel, hold.address, hold.promised_on)


def _content(content: AskedContent | None) -> Content | None:
    if content is None:
        return None
    return Content(content.text, content.language, content.template, content.template_version)
