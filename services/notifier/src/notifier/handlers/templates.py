"""Templates drafted, checked, approved by another person, activated and withdrawn; every process takes them up."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

import structlog

from notifier.domain.template_drafts import NotADraft, TemplateDraft, VersionTaken
from notifier.store import kill_switch
from notifier.store import templates as store
from notifier.templates import Template
from notifier.templates.catalogue import Shelf
from notifier.templates.reading import fit
from spine.database import Tx
from spine.policy import BadPolicy, Located

log = structlog.get_logger()

#: How faults name the file that a draft would be.
_DRAFT = "draft"


class FaultyTemplate(BadPolicy):
    """The template has faults; POST /v1/templates/drafts/{id}/check lists them. What is in force stays in force."""

    code = "bad_template"
    status = 422


async def renew(tx: Tx, shelf: Shelf) -> None:
    """Takes up what was activated or withdrawn since the last time."""
    newest = await store.newest_revision(tx)
    if newest != shelf.revision:
        found = await store.activated(tx)
        texts = {file_name(draft): draft.body for draft in found if draft.is_as_approved}
        shelf.take_up(newest, texts)
        for draft in found:
            if not draft.is_as_approved:
                reason = f"{file_name(draft)} is not the text that was approved"
                shelf.refused = (*shelf.refused, f"an activated template is not in force: {reason}")
                log.error("template refused", file=file_name(draft), reason=reason)


def refusals(shelf: Shelf) -> Callable[[Tx], Awaitable[list[str]]]:
    """Why the service is not ready: what was activated does not fit the packs it was started with."""

    async def reasons(tx: Tx) -> list[str]:
        await renew(tx, shelf)
        return list(shelf.refused)

    return reasons


def file_name(draft: TemplateDraft) -> str:
    """What the file of a draft would be called."""
    return f"{draft.template_id}.v{draft.version}.yaml"


async def write(tx: Tx, shelf: Shelf, draft_id: str, text: str, by: str) -> tuple[TemplateDraft, bool]:
    """A new draft, and whether it is new: the same again is the same draft. Raises FaultyTemplate when it cannot
    be read."""
    known = await store.find(tx, draft_id)
    if known is not None:
        if known.body != text or known.authors[0] != by:
            raise NotADraft(f"draft {draft_id} was made with another text", stands=str(known.status))
        return known, False
    file = read(shelf, text).file
    draft = TemplateDraft.written(draft_id, file.id, file.version, text, by, tx.now)
    await store.save(tx, draft)
    return draft, True


async def edit(tx: Tx, shelf: Shelf, draft_id: str, text: str, edition: int, by: str) -> TemplateDraft:
    """Another text for a draft that is not in force; it has to be approved anew."""
    draft = await store.by_id(tx, draft_id)
    file = read(shelf, text).file
    return await _kept(tx, draft.edited(file.id, file.version, text, edition, by, tx.now))


async def approve(tx: Tx, shelf: Shelf, draft_id: str, content_sha256: str, by: str) -> TemplateDraft:
    """Approved as the text with this hash, by somebody who wrote nothing of it. Raises FaultyTemplate."""
    await renew(tx, shelf)
    draft = await store.by_id(tx, draft_id)
    approved = draft.approved(content_sha256, by, tx.now)
    refuse_faults(draft, faults_of(shelf, draft))
    await _refuse_taken(tx, shelf, draft)
    log.info("template approved", file=file_name(draft), by=by, content_sha256=content_sha256)
    return await _kept(tx, approved)


async def activate(tx: Tx, shelf: Shelf, draft_id: str, by: str) -> TemplateDraft:
    """In force in every process from its next transaction on. Raises FaultyTemplate."""
    # Waits for reservations under way and holds later ones back: none is made by an older text after this.
    await kill_switch.lock(tx, kill_switch.ALL)
    await renew(tx, shelf)
    draft = await store.by_id(tx, draft_id)
    active = draft.activated(by, tx.now, await store.newest_revision(tx) + 1)
    refuse_faults(draft, faults_of(shelf, draft))
    await _refuse_taken(tx, shelf, draft)
    log.info("template activated", file=file_name(draft), by=by, content_sha256=draft.content_sha256)
    return await _kept(tx, active)


async def withdraw(tx: Tx, draft_id: str, reason: str, by: str) -> TemplateDraft:
    """Taken back; was it in force, the version before it is again, and no reservation is made by it any more."""
    await kill_switch.lock(tx, kill_switch.ALL)
    draft = await store.by_id(tx, draft_id)
    withdrawn = draft.withdrawn(by, tx.now, reason, await store.newest_revision(tx) + 1)
    log.info("template withdrawn", file=file_name(draft), by=by, was=draft.status.value)
    return await _kept(tx, withdrawn)


def read(shelf: Shelf, text: str, *, path: str = _DRAFT) -> Template:
    """A template from its text. Raises FaultyTemplate when it cannot be read or names what no text may."""
    try:
        return shelf.files.read(text, path=path)
    except BadPolicy as refused:
        raise _faulty(path, refused.located(path)) from None


def faults_of(shelf: Shelf, draft: TemplateDraft) -> tuple[Located, ...]:
    """What is wrong with what a draft says, by the packs and the institution of this process."""
    try:
        fit(shelf.files.read(draft.body, path=file_name(draft)), shelf.files.constants)
    except BadPolicy as refused:
        return refused.located(file_name(draft))
    return ()


def refuse_faults(draft: TemplateDraft, faults: tuple[Located, ...]) -> None:
    """Raises FaultyTemplate when there are any."""
    if faults:
        raise _faulty(file_name(draft), faults)


def draft_id_of(key: str) -> str:
    """The id of the draft made under an idempotency key."""
    return f"tpl-{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def _faulty(file: str, faults: tuple[Located, ...]) -> FaultyTemplate:
    detail = f"{file}: {len(faults)} faults, first: {faults[0]}"
    return FaultyTemplate(detail, faults, found=[fault._asdict() for fault in faults])


async def _refuse_taken(tx: Tx, shelf: Shelf, draft: TemplateDraft) -> None:
    """Raises VersionTaken unless the number is above that of every file and of all that was ever in force."""
    used = {each.version for each in await store.of_template(tx, draft.template_id)}
    newest = max({*used, *shelf.templates.versions.get(draft.template_id, (0,))})
    if draft.version <= newest:
        detail = f"version {newest} of {draft.template_id} is there already: this one has to be higher"
        raise VersionTaken(detail, newest=newest)


async def _kept(tx: Tx, draft: TemplateDraft) -> TemplateDraft:
    await store.save(tx, draft)
    return draft
