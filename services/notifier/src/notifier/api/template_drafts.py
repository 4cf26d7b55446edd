"""Templates over REST: drafted, checked, tried out, approved by another person, activated, withdrawn."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from notifier.domain.template_drafts import DraftStatus, TemplateDraft
from notifier.handlers import templates as handlers
from notifier.store import templates as store
from notifier.templates.catalogue import Shelf
from spine.database import Runtime
from spine.errors import TactError
from spine.http import runtime_of

router = APIRouter()

#: Longer than any template that a person can read.
_MOST: Final = 65_536
Text = Annotated[str, Field(min_length=1, max_length=_MOST)]
#: The opaque id of the person who acts.
PersonId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
DraftId = Annotated[str, Field(max_length=80)]
RuntimeOf = Annotated[Runtime, Depends(runtime_of)]


class NoPrecondition(TactError):
    """Send `If-Match` with the ETag of the draft as you read it, so that nobody's edit is lost."""

    code = "precondition_required"
    status = 428


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewDraft(_Strict):
    """A template as its file would be: YAML with id, version, channel, stage, figures and locales."""

    text: Text
    by: PersonId


class Approval(_Strict):
    """Who approves, and the hash of the text they have read."""

    by: PersonId
    content_sha256: Sha256


class By(_Strict):
    """Who does it."""

    by: PersonId


class Withdrawal(By):
    """Who takes a draft back, and why."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class DraftItem(BaseModel):
    """A template on its way, without its text. `authors`: all whose hand is in it, none of whom may approve it."""

    draft_id: str
    template_id: str
    version: int
    content_sha256: str
    edition: int
    status: str
    authors: list[str]
    drafted_at: datetime
    edited_by: str
    edited_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    approved_sha256: str | None
    activated_by: str | None
    activated_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdrawn_for: str | None
    revision: int | None


class DraftView(DraftItem):
    """A template on its way, with its text."""

    text: str


class DraftPage(BaseModel):
    """Templates on their way, in order of their ids."""

    items: list[DraftItem]
    next_cursor: str | None


class FaultView(BaseModel):
    """One thing wrong with a template; `line` counts from 1, null for the file as a whole."""

    file: str
    line: int | None
    reason: str


class CheckView(BaseModel):
    """What a check found."""

    draft_id: str
    good: bool
    faults: list[FaultView]


def shelf_of(request: Request) -> Shelf:
    """The templates of this process (a FastAPI dependency)."""
    shelf: Shelf = request.app.state.shelf
    return shelf


ShelfOf = Annotated[Shelf, Depends(shelf_of)]


def draft_item(draft: TemplateDraft) -> DraftItem:
    """A draft as it is listed."""
    values = {name: getattr(draft, name) for name in DraftItem.model_fields}
    return DraftItem(**{**values, "authors": list(draft.authors)})


def _shown(draft: TemplateDraft, response: Response) -> DraftView:
    response.headers["ETag"] = f'"{draft.edition}"'
    return DraftView(**draft_item(draft).model_dump(), text=draft.body)


@router.post("/v1/templates", status_code=201)
async def post_template(
    body: NewDraft,
    response: Response,
    runtime: RuntimeOf,
    shelf: ShelfOf,
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)
    ] = None,
) -> DraftView:
    """A new draft: 201, or 200 when the same Idempotency-Key made it before. 422 `bad_template` with every fault
    when it cannot be read, or names what no text may; what it says is looked at when it is checked."""
    draft_id = handlers.draft_id_of(idempotency_key or str(uuid4()))
    draft, is_new = await runtime.run(lambda tx: handlers.write(tx, shelf, draft_id, body.text, body.by))
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/templates/drafts/{draft_id}"
    return _shown(draft, response)


@router.get("/v1/templates/drafts")
async def list_drafts(
    runtime: RuntimeOf,
    status: DraftStatus | None = None,
    cursor: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DraftPage:
    """Templates drafted over REST, in whatever state, in order of their ids."""
    async with runtime.transaction() as tx:
        found = await store.drafts(tx, status=status, after=cursor, limit=limit)
    return DraftPage(
        items=[draft_item(draft) for draft in found[:limit]],
        next_cursor=found[limit - 1].draft_id if len(found) > limit else None,
    )


@router.get("/v1/templates/drafts/{draft_id}")
async def get_draft(draft_id: str, response: Response, runtime: RuntimeOf) -> DraftView:
    """A draft with its text, and who did what with it."""
    async with runtime.transaction() as tx:
        draft = await store.by_id(tx, draft_id)
    return _shown(draft, response)


@router.put("/v1/templates/drafts/{draft_id}")
async def put_draft(
    draft_id: str,
    body: NewDraft,
    response: Response,
    runtime: RuntimeOf,
    shelf: ShelfOf,
    if_match: Annotated[str | None, Header(pattern=r'^"[0-9]{1,9}"$')] = None,
) -> DraftView:
    """Another text; it has to be approved anew. 428 without `If-Match`, 409 `edited_meanwhile` when that is not the
    newest."""
    if if_match is None:
        raise NoPrecondition
    edition = int(if_match.strip('"'))
    draft = await runtime.run(lambda tx: handlers.edit(tx, shelf, draft_id, body.text, edition, body.by))
    return _shown(draft, response)


@router.post("/v1/templates/drafts/{draft_id}/check")
async def post_check(draft_id: str, runtime: RuntimeOf, shelf: ShelfOf) -> CheckView:
    """All that is wrong with what a draft says in its stage, channel and languages, by file and line."""
    async with runtime.transaction() as tx:
        draft = await store.by_id(tx, draft_id)
    faults = handlers.faults_of(shelf, draft)
    return CheckView(
        draft_id=draft_id, good=not faults, faults=[FaultView(**fault._asdict()) for fault in faults]
    )


@router.post("/v1/templates/drafts/{draft_id}/approve")
async def post_approve(
    draft_id: str, body: Approval, response: Response, runtime: RuntimeOf, shelf: ShelfOf
) -> DraftView:
    """Approved, as exactly the text with this hash, by somebody who wrote nothing of it: 403 `own_draft`,
    409 `not_a_draft`, `edited_meanwhile` or `version_taken`, 422 `bad_template` with every fault."""
    draft = await runtime.run(lambda tx: handlers.approve(tx, shelf, draft_id, body.content_sha256, body.by))
    return _shown(draft, response)


@router.post("/v1/templates/drafts/{draft_id}/activate")
async def post_activate(
    draft_id: str, body: By, response: Response, runtime: RuntimeOf, shelf: ShelfOf
) -> DraftView:
    """In force in every process, without a restart: when the answer comes, nothing is written by an older text."""
    draft = await runtime.run(lambda tx: handlers.activate(tx, shelf, draft_id, body.by))
    return _shown(draft, response)


@router.post("/v1/templates/drafts/{draft_id}/withdraw")
async def post_withdraw(draft_id: str, body: Withdrawal, response: Response, runtime: RuntimeOf) -> DraftView:
    """Taken back by one person, in force or not; was it in force, the version before it is again."""
    draft = await runtime.run(lambda tx: handlers.withdraw(tx, draft_id, body.reason, body.by))
    return _shown(draft, response)
