"""The answer to whether a contact may happen, with every rule that spoke against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from notifier.domain.digest import digest
from notifier.domain.facts import ContactFacts


class Verdict(StrEnum):
    """Strictness is deny > review > defer > allow."""

    ALLOW = "allow"
    DEFER = "defer"
    REVIEW = "review"
    DENY = "deny"


#: How strict a verdict is: the highest of all rules that fired is the answer.
STRICTNESS: Final = {Verdict.ALLOW: 0, Verdict.DEFER: 1, Verdict.REVIEW: 2, Verdict.DENY: 3}


@dataclass(frozen=True, slots=True)
class Fired:
    """One rule whose verdict is not allow; `until` (UTC) is when this rule alone would let it pass."""

    id: str
    verdict: Verdict
    until: datetime | None = None
    citation: str = ""


@dataclass(frozen=True, slots=True)
class PackRef:
    """The policy in force: name, version and the digest of its content."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict. `until` (UTC) is the least instant that satisfies every window, cap and gap together; with a
    review it is the instant from which an approval is valid."""

    verdict: Verdict
    until: datetime | None
    rules: tuple[Fired, ...]
    policy: tuple[PackRef, ...]
    facts: ContactFacts = field(repr=False)

    @property
    def facts_digest(self) -> str:
        """SHA-256 hex over the canonical JSON of the facts; computed when asked for."""
        return digest(self.facts)
