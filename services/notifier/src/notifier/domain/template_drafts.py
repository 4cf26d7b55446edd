"""A template on its way: drafted by some, approved by somebody else as exactly that text, in force, withdrawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from spine.errors import Conflict, TactError


class NotADraft(Conflict):
    """This has been approved, activated or withdrawn before, or is not approved yet; read it again."""

    code = "not_a_draft"


class EditedMeanwhile(Conflict):
    """Somebody has changed the draft since it was read: read it again."""

    code = "edited_meanwhile"


class OwnDraft(TactError):
    """Nobody approves a text they wrote themselves: ask somebody else."""

    code = "own_draft"
    status = 403


class VersionTaken(Conflict):
    """There is this version of the template, or a later one: a number names one text for good."""

    code = "version_taken"


class DraftStatus(StrEnum):
    """How far a draft has come."""

    DRAFT = "draft"
    APPROVED = "approved"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """One version of a template as drafted; `edition` counts its edits.

    `authors`: all whose hand is in the text. `approved_sha256`: of the text that was approved, the only one ever
    put into force. `revision` numbers what changed the templates in force: activations, and withdrawals after them.
    """

    draft_id: str
    template_id: str
    version: int
    body: str
    content_sha256: str
    edition: int
    status: DraftStatus
    authors: tuple[str, ...]
    drafted_at: datetime
    edited_by: str
    edited_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    approved_sha256: str | None = None
    activated_by: str | None = None
    activated_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_for: str | None = None
    revision: int | None = None

    @classmethod
    def written(
        cls, draft_id: str, template_id: str, version: int, body: str, by: str, now: datetime
    ) -> TemplateDraft:
        """A new draft."""
        return cls(
            draft_id, template_id, version, body, sha256_of(body), 1, DraftStatus.DRAFT, (by,), now, by, now
        )

    def edited(
        self, template_id: str, version: int, body: str, edition: int, by: str, now: datetime
    ) -> TemplateDraft:
        """With another text, not approved any more. `edition` is the one that was read."""
        self._must_be(DraftStatus.DRAFT, DraftStatus.APPROVED)
        if edition != self.edition:
            raise EditedMeanwhile(
                f"edition {self.edition} is the newest, not {edition}", edition=self.edition
            )
        return replace(
            self,
            template_id=template_id,
            version=version,
            body=body,
            content_sha256=sha256_of(body),
            edition=self.edition + 1,
            status=DraftStatus.DRAFT,
            authors=tuple(dict.fromkeys((*self.authors, by))),
            edited_by=by,
            edited_at=now,
            approved_by=None,
            approved_at=None,
            approved_sha256=None,
        )

    def approved(self, content_sha256: str, by: str, now: datetime) -> TemplateDraft:
        """Approved by somebody who wrote nothing of it, as the text they have read."""
        self._must_be(DraftStatus.DRAFT)
        if by.casefold() in {author.casefold() for author in self.authors}:
            raise OwnDraft(f"{by} wrote this text: somebody else has to approve it", draft_id=self.draft_id)
        if content_sha256 != self.content_sha256:
            raise EditedMeanwhile(
                f"the text is another than the one that was read: it is {self.content_sha256}",
                edition=self.edition,
                content_sha256=self.content_sha256,
            )
        return replace(
            self,
            status=DraftStatus.APPROVED,
            approved_by=by,
            approved_at=now,
            approved_sha256=self.content_sha256,
        )

    def activated(self, by: str, now: datetime, revision: int) -> TemplateDraft:
        """In force, as the text that was approved."""
        self._must_be(DraftStatus.APPROVED)
        assert self.is_as_approved
        return replace(self, status=DraftStatus.ACTIVE, activated_by=by, activated_at=now, revision=revision)

    def withdrawn(self, by: str, now: datetime, reason: str, revision: int) -> TemplateDraft:
        """Taken back, in force or not: one person is enough to stop."""
        self._must_be(DraftStatus.DRAFT, DraftStatus.APPROVED, DraftStatus.ACTIVE)
        was_active = self.status is DraftStatus.ACTIVE
        return replace(
            self,
            status=DraftStatus.WITHDRAWN,
            withdrawn_by=by,
            withdrawn_at=now,
            withdrawn_for=reason,
            revision=revision if was_active else None,
        )

    @property
    def is_as_approved(self) -> bool:
        """Whether the text kept is the one that was approved."""
        return self.approved_sha256 == self.content_sha256 == sha256_of(self.body)

    def _must_be(self, *statuses: DraftStatus) -> None:
        if self.status not in statuses:
            raise NotADraft(f"draft {self.draft_id} is {self.status}", stands=str(self.status))


def sha256_of(body: str) -> str:
    """What names a text for good."""
    return hashlib.sha256(body.encode()).hexdigest()
