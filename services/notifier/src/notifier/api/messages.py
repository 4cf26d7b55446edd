"""The notifier's REST door: persons in; messages, their reasons and the kill switch out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from notifier import views
from notifier.handlers.parties import Arrival, PartyIntake, address_place
from notifier.handlers.switch import start, stop
from notifier.sending.states import MessageState
from notifier.store import attempts, decisions, kill_switch, messages, parties
from notifier.vault import Vault, mask
from notifier.why import recompute
from spine.database import Runtime, Tx
from spine.envelope import parse_structured
from spine.errors import BadSchema, NotFound
from spine.events.parties import PARTIES, BorrowerMerged, BorrowerUpdated
from spine.http import runtime_of

router = APIRouter()

RuntimeOf = Annotated[Runtime, Depends(runtime_of)]
Limit = Annotated[int, Query(ge=1, le=500)]
_DECISIONS_SHOWN = 50


@router.post("/v1/parties", status_code=201)
async def post_party(request: Request, runtime: RuntimeOf) -> Response:
    """One structured CloudEvent of corebanking.parties.v1: 201 new, 200 the same again."""
    intake: PartyIntake = request.app.state.intake
    structured = parse_structured(await request.body())
    event = structured.event(PARTIES)
    if not isinstance(event, BorrowerUpdated | BorrowerMerged):
        raise BadSchema(f"type: {structured.envelope.type} is not taken here", field="type")
    arrival = Arrival(structured.envelope, event)
    new = await runtime.run(lambda tx: intake.keep(tx, [arrival]))
    source, event_id = arrival.identity
    taken = views.PartyTaken(source=source, id=event_id, outcome="accepted" if new else "known")
    return JSONResponse(taken.model_dump(), 201 if new else 200)


@router.get("/v1/messages")
async def list_messages(
    runtime: RuntimeOf,
    borrower_id: Annotated[str | None, Query(max_length=200)] = None,
    status: MessageState | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 100,
) -> views.MessagePage:
    """Messages in the order of their ids; `cursor` goes on after a page."""
    async with runtime.transaction() as tx:
        found = await messages.find(tx, borrower_id=borrower_id, state=status, after=cursor, limit=limit + 1)
    page = [views.message_view(message) for message in found[:limit]]
    return views.MessagePage(messages=page, next_cursor=page[-1].message_id if len(found) > limit else None)


@router.get("/v1/messages/{message_id}")
async def get_message(request: Request, message_id: str, runtime: RuntimeOf) -> views.MessageDetail:
    """A message with its attempts; addresses are masked."""
    vault: Vault = request.app.state.vault
    async with runtime.transaction() as tx:
        message = await messages.one(tx, message_id)
        if message is None:
            raise _no_message(message_id)
        tried = await attempts.of_message(tx, message_id)
        shown = await _masked(tx, vault, message.borrower_id)
    return views.MessageDetail(
        **views.message_view(message).model_dump(),
        attempts=[views.attempt_view(attempt, shown.get(attempt.contact_ref)) for attempt in tried],
    )


async def _masked(tx: Tx, vault: Vault, borrower_id: str) -> dict[str, str]:
    person = await parties.read_person(tx, borrower_id)
    if person is None or person.subject_key is None:
        return {}
    key = person.subject_key
    points = (await parties.points_of(tx, [borrower_id])).get(borrower_id, [])
    return {
        p.ref: mask(vault.decrypt(key, p.address_cipher, address_place(p.ref)), p.channel) for p in points
    }


@router.get("/v1/messages/{message_id}/why")
async def get_why(request: Request, message_id: str, runtime: RuntimeOf) -> views.WhyPage:
    """Every decision about a message, each recomputed from its own facts."""
    async with runtime.transaction() as tx:
        message = await messages.one(tx, message_id)
        if message is None:
            raise _no_message(message_id)
        rows = await decisions.of_message(tx, message_id, _DECISIONS_SHOWN)
        person = await parties.read_person(tx, message.borrower_id)
    key = person.subject_key if person else None
    state = request.app.state
    results = [(row, recompute(row, state.packs, state.vault, key)) for row in rows]
    return views.WhyPage(decisions=[views.why_view(row, r.agrees, r.note) for row, r in results])


class SwitchRequest(BaseModel):
    """Stop or start everything, or one channel. Starting needs a second person."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["stop", "start"]
    channel: Annotated[str | None, Field(max_length=20)] = None
    by: Annotated[str, Field(min_length=1, max_length=200)]
    approved_by: Annotated[str | None, Field(min_length=1, max_length=200)] = None


@router.get("/v1/kill-switch")
async def get_kill_switch(runtime: RuntimeOf) -> views.SwitchesView:
    """Every switch; an absent one means stopped."""
    async with runtime.transaction() as tx:
        rows = await kill_switch.switches(tx)
        counts = await kill_switch.under_way(tx)
    return views.SwitchesView(switches=[views.switch_view(row, counts.get(row.scope, 0)) for row in rows])


@router.post("/v1/kill-switch")
async def post_kill_switch(asked: SwitchRequest, runtime: RuntimeOf) -> views.SwitchView:
    """When the answer to a stop comes, no reservation is under way any more that did not know of it."""
    scope = asked.channel or kill_switch.ALL
    if asked.action == "stop":
        switch = await runtime.run(lambda tx: stop(tx, scope, by=asked.by))
    else:
        switch = await runtime.run(lambda tx: start(tx, scope, by=asked.by, approved_by=asked.approved_by))
    async with runtime.transaction() as tx:
        counts = await kill_switch.under_way(tx)
    return views.switch_view(switch, counts.get(scope, 0))


def _no_message(message_id: str) -> NotFound:
    return NotFound(f"no message {message_id[:80]}", id=message_id[:80])
