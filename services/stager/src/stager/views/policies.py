"""How policies are shown: those in force, and those on their way."""

from __future__ import annotations

import difflib
from datetime import date, datetime

import msgspec
from typing_extensions import TypedDict

from spine.policy import Loaded, Located
from stager.domain.drafts import Draft


class FaultView(TypedDict):
    """One thing wrong with a policy; `line` counts from 1, null for the file as a whole."""

    file: str
    line: int | None
    reason: str


class CheckView(TypedDict):
    """What a check found; `notes` say what could not be checked."""

    draft_id: str
    good: bool
    faults: list[FaultView]
    notes: list[str]


class DraftItem(TypedDict):
    """A policy on its way, without its text."""

    draft_id: str
    file: str
    edition: int
    status: str
    drafted_by: str
    drafted_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    activated_by: str | None
    activated_at: datetime | None
    effective_from: date | None
    revision: int | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdrawn_for: str | None


class DraftView(DraftItem):
    """A policy on its way, with its text."""

    text: str


class DraftPage(TypedDict):
    """Policies on their way, in order of their ids."""

    items: list[DraftItem]
    next_cursor: str | None


class InForceItem(TypedDict):
    """A version in force; `scope` null: for all whom no other's scope fits. `policy` as events name it."""

    kind: str
    name: str
    version: int
    effective_from: date
    scope: dict[str, object] | None
    file: str
    policy: str
    citation: str | None


class InForceList(TypedDict):
    """The versions in force on a date, and the number of the newest activation."""

    on: date
    revision: int
    items: list[InForceItem]


class DiffView(TypedDict):
    """A draft beside the version in force of the same policy, as a unified diff; `rival` null without one."""

    draft_id: str
    rival: str | None
    diff: str


def draft_item(draft: Draft) -> DraftItem:
    """A policy on its way, without its text."""
    return DraftItem(
        draft_id=draft.draft_id,
        file=draft.file,
        edition=draft.edition,
        status=draft.status,
        drafted_by=draft.drafted_by,
        drafted_at=draft.drafted_at,
        approved_by=draft.approved_by,
        approved_at=draft.approved_at,
        activated_by=draft.activated_by,
        activated_at=draft.activated_at,
        effective_from=draft.effective_from,
        revision=draft.revision,
        withdrawn_by=draft.withdrawn_by,
        withdrawn_at=draft.withdrawn_at,
        withdrawn_for=draft.withdrawn_for,
    )


def draft_view(draft: Draft) -> DraftView:
    """A policy on its way, with its text."""
    return DraftView(**draft_item(draft), text=draft.body)


def fault_views(faults: tuple[Located, ...]) -> list[FaultView]:
    """What is wrong, by file and line."""
    return [FaultView(file=fault.file, line=fault.line, reason=fault.reason) for fault in faults]


def in_force_item(kind: str, edition: Loaded[object]) -> InForceItem:
    """A version in force."""
    told = msgspec.to_builtins(edition.policy)
    return InForceItem(
        kind=kind,
        name=told["name"],
        version=told["version"],
        effective_from=told["effective_from"],
        scope=told.get("scope"),
        file=edition.path.partition("@")[0],
        policy=f"{told['name']}@{told['version']}:{edition.digest}",
        citation=told.get("citation"),
    )


def diff(draft: Draft, rival: Loaded[object] | None, old: str) -> DiffView:
    """What a draft would change."""
    was = rival.path.partition("@")[0] if rival is not None else "/dev/null"
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), draft.body.splitlines(keepends=True), was, draft.file
    )
    reference = None
    if rival is not None:
        reference = in_force_item("", rival)["policy"]
    return DiffView(draft_id=draft.draft_id, rival=reference, diff="".join(lines))
