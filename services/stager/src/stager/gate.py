"""Asks the notifier what may be said and done now: one gate for people and machines alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

from stager.remote import Remote, Unreachable

Verdict = Literal["allow", "defer", "review", "deny"]


class RuleFired(msgspec.Struct, frozen=True):
    """One rule that spoke against the contact."""

    id: str
    verdict: Verdict
    until: datetime | None = None
    citation: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """The gate's answer. `until`: with defer the first instant at which to ask again."""

    verdict: Verdict
    until: datetime | None = None
    rules: tuple[RuleFired, ...] = ()
    facts_digest: str | None = None

    @property
    def is_allowed(self) -> bool:
        return self.verdict == "allow"


class TemplateVersions(msgspec.Struct, frozen=True):
    """One template: the stage it is written for (None: any), its languages and the versions there are."""

    id: str
    channel: str
    stage: str | None
    languages: tuple[str, ...]
    versions: tuple[int, ...]


class _TemplateList(msgspec.Struct, frozen=True):
    templates: tuple[TemplateVersions, ...]


class Gate(Remote):
    """A client of the notifier. Nothing is allowed while it gives no answer."""

    service: ClassVar[str] = "notifier"
    setting: ClassVar[str] = "TACT_STAGER_NOTIFIER_URL"

    async def check(
        self,
        borrower_id: str,
        loan_id: str,
        channel: str,
        purpose: str,
        stage: str | None,
        by: str,
        *,
        agents: Sequence[str] = (),
        visit_notice_at: datetime | None = None,
    ) -> Answer | Unreachable:
        """Whether the contact may be made now, by all the notifier knows. Reserves nothing."""
        asked = {
            "borrower_id": borrower_id,
            "loan_id": loan_id,
            "channel": channel,
            "purpose": purpose,
            "stage": stage,
            "by": by,
            "agents": list(agents),
            "visit_notice_at": visit_notice_at.isoformat() if visit_notice_at else None,
        }
        given = {name: value for name, value in asked.items() if value is not None and value != []}
        return await self._ask("POST", "/v1/permits/check", Answer, given)

    async def decide(self, request: Mapping[str, Any]) -> Answer | Unreachable:
        """The decision on stated facts alone (contracts.md 3.2 in and out)."""
        return await self._ask("POST", "/v1/decisions", Answer, dict(request))

    async def templates(self) -> tuple[TemplateVersions, ...] | Unreachable:
        """The templates that exist."""
        found = await self._ask("GET", "/v1/templates", _TemplateList)
        return found if isinstance(found, Unreachable) else found.templates
