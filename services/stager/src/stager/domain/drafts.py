"""A policy on its way into force: drafted by one person, approved and activated by others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from spine.errors import BadRequest, Conflict
from stager.domain.team import Member, Role, require, require_other

#: Who may approve, activate and withdraw; a draft may be written by analysts too.
CHECKERS: Final = (Role.COMPLIANCE, Role.LEAD)
WRITERS: Final = (Role.ANALYST, Role.COMPLIANCE, Role.LEAD)


class NotADraft(Conflict):
    """This has been activated or withdrawn, or is not approved yet; a new version is a new draft."""

    code = "not_a_draft"


class EditedMeanwhile(Conflict):
    """Somebody has changed the draft since it was read: read it again."""

    code = "edited_meanwhile"


class DatePassed(BadRequest):
    """A policy takes force today or later: change its effective_from."""

    code = "date_passed"
    status = 409


class DraftStatus(StrEnum):
    """How far a draft has come."""

    DRAFT = "draft"
    APPROVED = "approved"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy file as drafted; `edition` counts its edits, `revision` the activations of all policies."""

    draft_id: str
    file: str
    body: str
    edition: int
    status: DraftStatus
    drafted_by: str
    drafted_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    activated_by: str | None = None
    activated_at: datetime | None = None
    effective_from: date | None = None
    revision: int | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_for: str | None = None

    def edited(self, body: str, edition: int | None, by: Member, now: datetime) -> Draft:
        """With another text, not approved any more. `edition` is the one that was read, where that is told."""
        require(by, *WRITERS)
        self._must_be(DraftStatus.DRAFT, DraftStatus.APPROVED)
        if edition is not None and edition != self.edition:
            raise EditedMeanwhile(
                f"edition {self.edition} is the newest, not {edition}", edition=self.edition
            )
        return replace(
            self,
            body=body,
            edition=self.edition + 1,
            status=DraftStatus.DRAFT,
            drafted_by=by.member_id,
            drafted_at=now,
            approved_by=None,
            approved_at=None,
        )

    def approved(self, by: Member, now: datetime) -> Draft:
        """Approved by another than who wrote it."""
        self._must_be(DraftStatus.DRAFT)
        require_other(self.drafted_by, by, *CHECKERS)
        return replace(self, status=DraftStatus.APPROVED, approved_by=by.member_id, approved_at=now)

    def activated(self, by: Member, now: datetime, effective_from: date, today: date, revision: int) -> Draft:
        """In force from its date on, which has not passed; by another than who wrote it."""
        self._must_be(DraftStatus.APPROVED)
        require_other(self.drafted_by, by, *CHECKERS)
        if effective_from < today:
            raise DatePassed(f"effective_from {effective_from} has passed: today is {today}")
        return replace(
            self,
            status=DraftStatus.ACTIVE,
            activated_by=by.member_id,
            activated_at=now,
            effective_from=effective_from,
            revision=revision,
        )

    def withdrawn(self, by: Member, now: datetime, reason: str) -> Draft:
        """Taken back before it was activated, by who wrote it or who may check it."""
        self._must_be(DraftStatus.DRAFT, DraftStatus.APPROVED)
        if by.member_id != self.drafted_by:
            require(by, *CHECKERS)
        return replace(
            self,
            status=DraftStatus.WITHDRAWN,
            withdrawn_by=by.member_id,
            withdrawn_at=now,
            withdrawn_for=reason,
        )

    def _must_be(self, *statuses: DraftStatus) -> None:
        if self.status not in statuses:
            raise NotADraft(f"policy {self.draft_id} is {self.status}", stands=str(self.status))
