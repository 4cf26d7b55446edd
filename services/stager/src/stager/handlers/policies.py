"""Policies drafted, checked, approved and activated by people, and taken up by every process without a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from spine.database import Tx
from spine.policy import BadPolicy, Loaded, Located
from spine.service import Consume, Handler, Received
from stager.domain.drafts import WRITERS, Draft, DraftStatus, EditedMeanwhile, NotADraft
from stager.domain.rulebook import Rulebook, Shelf
from stager.domain.team import require
from stager.policy import House
from stager.store.drafts import (
    activated,
    draft_by_id,
    find_draft,
    newest_revision,
    next_revision,
    save_draft,
)
from stager.store.team import member

#: Marks a text that is not in force yet among the names of those that are.
_DRAFT: Final = "@draft"


class FaultyPolicy(BadPolicy):
    """The policy has faults; POST /v1/policies/{id}/check lists them. What is in force stays in force."""

    status = 422


async def renew(tx: Tx, house: House) -> None:
    """Takes up what was activated since the last time."""
    newest = await newest_revision(tx)
    if newest != house.revision:
        house.take_up(newest, {activated_name(draft): draft.body for draft in await activated(tx)})


def renewing(consume: Consume, house: House) -> Consume:
    """A topic whose handlers decide by what is in force when their batch begins."""

    def renewed(handler: Handler) -> Handler:
        async def take(tx: Tx, events: Sequence[Received]) -> None:
            await renew(tx, house)
            await handler(tx, events)

        return take

    early = renewed(consume.early) if consume.early is not None else None
    return replace(consume, handler=renewed(consume.handler), early=early)


def refusals(house: House) -> Callable[[Tx], Awaitable[list[str]]]:
    """Why the service is not ready: what was activated does not fit the files it was started with."""

    async def reasons(tx: Tx) -> list[str]:
        await renew(tx, house)
        return [house.refused] if house.refused is not None else []

    return reasons


def activated_name(draft: Draft) -> str:
    """Under which name an activated policy stands beside the files."""
    return f"{draft.file}@{draft.revision}"


async def write_draft(tx: Tx, draft_id: str, file: str, body: str, by: str) -> tuple[Draft, bool]:
    """A new draft, and whether it is new: the same again is the same draft."""
    writer = await member(tx, by)
    require(writer, *WRITERS)
    known = await find_draft(tx, draft_id)
    if known is not None:
        if (known.file, known.body) != (file, body):
            raise NotADraft(f"policy {draft_id} was drafted with another text", stands=str(known.status))
        return known, False
    draft = Draft(draft_id, file, body, 1, DraftStatus.DRAFT, writer.member_id, tx.now)
    await save_draft(tx, draft)
    return draft, True


async def edit_draft(tx: Tx, draft_id: str, body: str, edition: int | None, by: str) -> Draft:
    """Another text for a draft that is not in force."""
    draft = await draft_by_id(tx, draft_id)
    return await _kept(tx, draft.edited(body, edition, await member(tx, by), tx.now))


async def approve_draft(tx: Tx, house: House, draft_id: str, by: str) -> Draft:
    """Approved by another member. Raises FaultyPolicy."""
    await renew(tx, house)
    draft = await draft_by_id(tx, draft_id)
    approved = draft.approved(await member(tx, by), tx.now)
    refuse_faults(draft, faults_of(house, draft)[1])
    return await _kept(tx, approved)


async def activate_draft(tx: Tx, house: House, draft_id: str, edition: int, by: str) -> Draft:
    """In force from its date on, in every process from its next transaction on.

    `edition` is the one that was checked. Raises FaultyPolicy.
    """
    revision = await next_revision(tx)
    await renew(tx, house)
    draft = await draft_by_id(tx, draft_id)
    checker = await member(tx, by)
    if draft.edition != edition:
        raise EditedMeanwhile(f"edition {draft.edition} is the newest, not {edition}", edition=draft.edition)
    loaded, faults = faults_of(house, draft)
    today = house.today(tx.now)
    effective_from: date = getattr(loaded.policy, "effective_from", today) if loaded is not None else today
    active = draft.activated(checker, tx.now, effective_from, today, revision)
    refuse_faults(draft, faults)
    return await _kept(tx, active)


async def withdraw_draft(tx: Tx, draft_id: str, reason: str, by: str) -> Draft:
    """Taken back before it was activated."""
    draft = await draft_by_id(tx, draft_id)
    return await _kept(tx, draft.withdrawn(await member(tx, by), tx.now, reason))


def faults_of(house: House, draft: Draft) -> tuple[Loaded[object] | None, tuple[Located, ...]]:
    """The policy as it would stand among those in force, and what is wrong with it."""
    if draft.revision is not None:
        return _named(house.rulebook, activated_name(draft)), ()
    name = f"{draft.file}{_DRAFT}"
    try:
        return _named(house.with_draft(name, draft.body), name), ()
    except BadPolicy as refused:
        # The marks of drafts and activations are ours: people know the file.
        return None, tuple(
            Located(f.file.partition("@")[0], f.line, f.reason.replace(_DRAFT, ""))
            for f in refused.located(name)
        )


def refuse_faults(draft: Draft, faults: Sequence[Located]) -> None:
    """Raises FaultyPolicy when there are any."""
    if faults:
        detail = f"{draft.file}: {len(faults)} faults, first: {faults[0]}"
        raise FaultyPolicy(detail, faults, found=[fault._asdict() for fault in faults])


def in_force(rulebook: Rulebook, day: date) -> list[tuple[str, Loaded[object]]]:
    """The versions of all policies in force on a date, with the kind of each."""
    shelves = [(name, getattr(rulebook, name)) for name in rulebook.__dataclass_fields__]
    return [
        (kind, edition)
        for kind, shelf in shelves
        if isinstance(shelf, Shelf)
        for edition in shelf.in_force(day)
    ]


def rival_of(house: House, loaded: Loaded[object], day: date) -> Loaded[object] | None:
    """The version in force on a date of the policy with the same name."""
    named = [edition for _, edition in in_force(house.rulebook, day)]
    return next(
        (e for e in named if type(e.policy) is type(loaded.policy) and _name(e) == _name(loaded)), None
    )


async def _kept(tx: Tx, draft: Draft) -> Draft:
    await save_draft(tx, draft)
    return draft


def _named(rulebook: Rulebook, path: str) -> Loaded[object] | None:
    shelves = (getattr(rulebook, name) for name in rulebook.__dataclass_fields__)
    editions = (edition for shelf in shelves if isinstance(shelf, Shelf) for edition in shelf.editions)
    return next((edition for edition in editions if edition.path == path), None)


def _name(edition: Loaded[object]) -> str:
    return str(getattr(edition.policy, "name", ""))
