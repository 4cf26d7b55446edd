"""What a contact decision is made from: one frozen snapshot with opaque references and no personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Party:
    """The person to be contacted. Zones are IANA names; every one of `candidate_timezones` may be true."""

    id: str
    kind: str = "debtor"
    timezone: str | None = None
    candidate_timezones: tuple[str, ...] = ()
    vulnerable: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason not to contact, active in [since, until); some kinds name a channel or an address."""

    kind: str
    since: datetime
    until: datetime | None = None
    channel: str | None = None
    address: str | None = None

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
    """One intended contact and all that is known about it."""

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
