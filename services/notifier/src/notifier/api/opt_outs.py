"""Opt-outs, consents given anew and what was said over time; texts that people sent, in and out."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal, Self

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from notifier.domain.consent import ConsentWord
from notifier.gateways.doors import Doors
from notifier.gateways.signatures import verify
from notifier.handlers.inbound import InboundMessage, inbound_place, take_inbound
from notifier.handlers.opt_outs import SaidWord, keep_word
from notifier.store import consents, inbound, parties
from spine.clock import wall_now
from spine.database import Runtime
from spine.errors import BadSchema, NotFound
from spine.events.stager import ContactChannel
from spine.http import runtime_of

router = APIRouter()

RuntimeOf = Annotated[Runtime, Depends(runtime_of)]
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
By = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    borrower_id: Id
    channel: ContactChannel | None = None
    address: Text | None = None
    contact_ref: Id | None = None

    def digest(self) -> str:
        """The same for the same request."""
        return hashlib.sha256(msgspec.json.encode(self.model_dump(mode="json"), order="sorted")).hexdigest()


class OptOutRequest(_Said):
    """Who wants no contact there any more: by the word they used, or for the reason they gave. The address in clear
    or by its reference; without one every address of the channel, without a channel every channel."""

    keyword: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    reason: Text | None = None
    by: By | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.keyword is None and self.reason is None:
            raise ValueError("say by which keyword or for which reason")
        if self.address is not None and self.contact_ref is not None:
            raise ValueError("name the address once: address or contact_ref")
        return self


class ConsentRequest(_Said):
    """Who agreed anew to be contacted there, how that is known (`source`) and who took it down (`by`)."""

    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    by: By

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.address is not None and self.contact_ref is not None:
            raise ValueError("name the address once: address or contact_ref")
        return self


class WordView(BaseModel):
    """One word about being contacted: who, when, from where."""

    id: str
    kind: Literal["stated", "opt_out", "re_consent"]
    state: str
    borrower_id: str | None
    channel: str | None
    contact_ref: str | None
    at: datetime
    source: str
    by: str | None
    keyword: str | None


class WordPage(BaseModel):
    """One page; `next_cursor` is null on the last."""

    words: list[WordView]
    next_cursor: str | None


class InboundCount(BaseModel):
    """How many texts were new, and how many came from an address that is nobody's."""

    received: int
    new: int
    unknown: int


class InboundView(BaseModel):
    """One text in the words it was written in, null where the person's data is no more."""

    contact_id: str
    borrower_id: str | None
    channel: str
    contact_ref: str | None
    at: datetime
    meaning: Literal["opt_out", "danger", "other"]
    keyword: str | None
    text: str | None


@router.post(
    "/v1/opt-outs", status_code=201, responses={200: {"model": WordView, "description": "As before"}}
)
async def post_opt_out(
    asked: OptOutRequest,
    request: Request,
    response: Response,
    runtime: RuntimeOf,
    idempotency_key: Key = None,
) -> WordView:
    """In force when the answer comes: the next reservation knows of it, and what is reserved is held back."""
    said = SaidWord(
        kind="opt_out",
        borrower_id=asked.borrower_id,
        channel=asked.channel,
        address=asked.address,
        contact_ref=asked.contact_ref,
        source="rest",
        said_by=asked.by,
        keyword=asked.keyword,
        reason=asked.reason,
    )
    return await _keep(said, asked, request, response, runtime, idempotency_key)


@router.post(
    "/v1/consents", status_code=201, responses={200: {"model": WordView, "description": "As before"}}
)
async def post_consent(
    asked: ConsentRequest,
    request: Request,
    response: Response,
    runtime: RuntimeOf,
    idempotency_key: Key = None,
) -> WordView:
    """A consent given anew: the last word about an address is the one that counts."""
    said = SaidWord(
        kind="re_consent",
        borrower_id=asked.borrower_id,
        channel=asked.channel,
        address=asked.address,
        contact_ref=asked.contact_ref,
        source=asked.source,
        said_by=asked.by,
    )
    return await _keep(said, asked, request, response, runtime, idempotency_key)


@router.get("/v1/consents")
async def list_consents(
    runtime: RuntimeOf,
    borrower_id: Annotated[str, Query(min_length=1, max_length=200)],
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,18}$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> WordPage:
    """What was said by or of a borrower, the newest first."""
    before = int(cursor) if cursor is not None else None
    async with runtime.transaction() as tx:
        found = await consents.history(tx, borrower_id, before=before, limit=limit + 1)
    more = str(found[limit - 1].seq) if len(found) > limit else None
    return WordPage(words=[_view(word) for word in found[:limit]], next_cursor=more)


class _Inbound(msgspec.Struct):
    messages: Annotated[list[InboundMessage], msgspec.Meta(max_length=1_000)]


@router.post("/v1/gateways/{name}/inbound")
async def post_inbound(request: Request, name: str, runtime: RuntimeOf) -> InboundCount:
    """Texts that people sent, authenticated by the signature alone, as receipts are; each counts once."""
    state = request.app.state
    doors: Doors = state.doors
    body = await request.body()
    webhook_id = verify(doors.secrets.get(name, ()), request.headers, body, wall_now())
    try:
        given = msgspec.json.decode(body, type=_Inbound).messages
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadSchema(f"messages: {error}", field="messages") from None
    taken = await runtime.run(
        lambda tx: take_inbound(tx, state.vault, state.listener, name, webhook_id, body, given)
    )
    return InboundCount(received=taken.received, new=taken.new, unknown=taken.unknown)


@router.get("/v1/inbound/{contact_id}")
async def get_inbound(request: Request, contact_id: str, runtime: RuntimeOf) -> InboundView:
    """What a person wrote, for who answers."""
    async with runtime.transaction() as tx:
        row = await inbound.by_id(tx, contact_id)
        if row is None:
            raise NotFound(f"no text {contact_id[:80]}", id=contact_id[:80])
        person = await parties.read_person(tx, row.borrower_id) if row.borrower_id else None
    text = None
    if person is not None and person.subject_key is not None and row.body_cipher is not None:
        vault = request.app.state.vault
        text = vault.decrypt(person.subject_key, row.body_cipher, inbound_place(contact_id))
    shown: Any = {name: getattr(row, name) for name in InboundView.model_fields if name != "text"}
    return InboundView(**shown, text=text)


async def _keep(
    said: SaidWord, asked: _Said, request: Request, response: Response, runtime: Runtime, key: str | None
) -> WordView:
    vault = request.app.state.vault
    word, new = await runtime.run(lambda tx: keep_word(tx, vault, said, key=key, digest=asked.digest()))
    if not new:
        response.status_code = 200
    return _view(word)


def _view(word: ConsentWord) -> WordView:
    return WordView(
        id=word.word_id,
        kind=word.kind,
        state=word.state,
        borrower_id=word.borrower_id,
        channel=word.channel,
        contact_ref=word.contact_ref,
        at=word.at,
        source=word.source,
        by=word.said_by,
        keyword=word.keyword,
    )
