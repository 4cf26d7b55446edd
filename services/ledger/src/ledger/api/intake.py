"""Events in over REST, one or many; and what was put aside or waits, to be looked into and resolved."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ledger import bulk
from ledger.api.asking import IntakeOf, Limit, RuntimeOf
from ledger.books import Outcome
from ledger.door import read_event, status_of
from ledger.handlers.core_facts import take
from ledger.handlers.unknown_types import hold_unknown
from ledger.store import reads
from ledger.views import cursors
from ledger.views import intake as views
from spine import deadletters
from spine.errors import NotFound, TooLarge, UnknownType
from spine.http import MAX_BODY_BYTES, problem
from spine.service import Service

router = APIRouter()


_EVENTS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": {"type": "object"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


@router.post("/v1/events", status_code=201, response_model=views.Taken, openapi_extra=_EVENTS_BODY)
async def post_events(request: Request, runtime: RuntimeOf, intake: IntakeOf) -> Response:
    """One structured CloudEvent of core banking; or many, one a line, as `application/x-ndjson`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == bulk.BulkIntake.media_type:
        return bulk.BulkIntake(runtime, intake)
    body = await _body(request)
    try:
        received = read_event(body, intake.house, runtime.partitions)
    except UnknownType as error:
        await hold_unknown(runtime, [(body, error)])
        raise
    [answer] = await runtime.run(lambda tx: take(tx, [received], to=intake))
    status = status_of(answer)
    if answer.outcome is Outcome.REFUSED:
        return problem(status, answer.code or "refused", answer.message or "", field=answer.field)
    envelope = received.envelope
    return JSONResponse({"source": envelope.source, "id": envelope.id, "outcome": answer.outcome}, status)


async def _body(request: Request) -> bytes:
    """The body of a request that is not a bulk one, whose limit is the usual one."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"One event is at most {MAX_BODY_BYTES} bytes.", limit_bytes=MAX_BODY_BYTES)
    return bytes(body)


class Resolution(BaseModel):
    """What was found and done about it; it is kept and told."""

    model_config = ConfigDict(extra="forbid")
    resolution: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("/v1/quarantine")
async def list_quarantine(
    runtime: RuntimeOf,
    loan_id: str | None = None,
    code: str | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> views.QuarantinePage:
    """Events that were put aside and hold their loans until someone resolves them, oldest first."""
    async with runtime.transaction() as tx:
        rows = await reads.list_quarantine(
            tx, loan_id=loan_id, code=code, after=cursors.timed(cursor), limit=limit
        )
    return views.quarantine_page(rows, limit)


@router.get("/v1/quarantine/{letter_id}")
async def get_quarantined(letter_id: str, runtime: RuntimeOf) -> views.QuarantinedEvent:
    """One event that was put aside, with its body."""
    async with runtime.transaction() as tx:
        row = None if "\x00" in letter_id else await reads.find_quarantined(tx, letter_id)
    if row is None:
        raise NotFound(f"no quarantined event {letter_id}", id=letter_id)
    return views.quarantined_event(row)


@router.post("/v1/quarantine/{letter_id}/resolve")
async def resolve_quarantined(
    letter_id: str, body: Resolution, request: Request, runtime: RuntimeOf
) -> views.QuarantinedEvent:
    """Leaves the event out and releases its loan; 409 when it was resolved before."""
    service: Service = request.app.state.service
    await runtime.run(lambda tx: deadletters.resolve(tx, service, letter_id, body.resolution))
    return await get_quarantined(letter_id, runtime)


@router.post("/v1/quarantine/{letter_id}/replay")
async def replay_quarantined(letter_id: str, request: Request, runtime: RuntimeOf) -> views.QuarantinedEvent:
    """Takes the event in once more and releases its loan; 409 when it is refused again."""
    service: Service = request.app.state.service
    await runtime.run(lambda tx: deadletters.replay(tx, service, letter_id))
    return await get_quarantined(letter_id, runtime)


@router.get("/v1/parked")
async def list_parked(
    runtime: RuntimeOf, loan_id: str | None = None, cursor: str | None = None, limit: Limit = 100
) -> views.ParkedPage:
    """Events that came before the loan or the money they are about, and wait for it."""
    async with runtime.transaction() as tx:
        rows = await reads.list_parked(tx, loan_id=loan_id, after=cursors.numbered(cursor), limit=limit)
    return views.parked_page(rows, limit)
