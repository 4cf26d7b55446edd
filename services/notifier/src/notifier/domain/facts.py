"""What a contact decision is made from: one frozen snapshot with opaque references and no personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Override:
    """Hours a person stated for channels and kinds of days: [["09:00", "18:00"]]; on other days nothing is said."""

    channels: tuple[str, ...]
    day_types: tuple[str, ...]
    allow: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Party:
    """The person to be contacted. Zones are IANA names; every one of `candidate_timezones` may be true.

    `overrides`: hours the person stated; they only ever narrow. `refused`: someone who wants no contact.
    """

    id: str
    kind: str = "debtor"
    timezone: str | None = None
    candidate_timezones: tuple[str, ...] = ()
    vulnerable: tuple[str, ...] = ()
    refused: bool = False
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class PastContact:
    """One earlier contact or reserved attempt. An attempt of unknown outcome counts as if it had arrived."""

    at: datetime
    channel: str
    outcome: str
    address: str
    party_id: str
    purpose: str
    debts: tuple[str, ...] = ()
    direction: str = "outbound"
    place: str | None = None
    direct_consent: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason not to contact, active in [since, until); some kinds name a channel or an address."""

    kind: str
    since: datetime
    until: datetime | None = None
    channel: str | None = None
    address: str | None = None
    promised_on: date | None = None

    def active(self, at: datetime) -> bool:
        """Whether the hold is in force at an instant."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person said about being contacted at an address."""

    channel: str
    address: str
    state: str
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Content:
    """The words that would be sent, as rendered."""

    text: str
    language: str
    template: str | None = None
    template_version: int | None = None


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """One intended contact and all that is known about it.

    `debtor_id` where the party is not the debtor. `agents`: who would go on a visit, of which the person was told
    at `visit_notice_at`.
    """

    channel: str
    purpose: str
    debt: str
    party: Party
    stage: str | None = None
    address: str | None = None
    history: tuple[PastContact, ...] = ()
    holds: tuple[Hold, ...] = ()
    consents: tuple[Consent, ...] = ()
    content: Content | None = None
    direction: str = "outbound"
    automated: bool = True
    actor_role: str = "creditor"
    country: str = "CN"
    state: str | None = None
    city: str | None = None
    debtor_id: str | None = None
    place: str | None = None
    agents: tuple[str, ...] = ()
    visit_notice_at: datetime | None = None
    overdue_notice_delivered_at: datetime | None = None
    book_closed_through: date | None = None
    product: str | None = None
