"""Decisions on stated facts alone: nobody is looked up."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from notifier import views
from notifier.domain.asked import answered, read_asked
from notifier.domain.pack import Pack
from spine.errors import BadJson, BadSchema, EventRefused

router = APIRouter()

#: How many decisions one request may ask for.
MAX_DECISIONS: Final = 1_000
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


@router.post(
    "/v1/decisions",
    response_class=Response,
    responses={200: {"model": views.AnswerView | list[views.AnswerView]}},
)
async def post_decisions(request: Request) -> Response:
    """One decision, or a list of up to 1000 in the same order. Nothing is looked up and nothing kept."""
    packs: tuple[Pack, ...] = request.app.state.packs
    body = await request.body()
    if not body.lstrip().startswith(b"["):
        return _json(answered(read_asked(body), packs))
    try:
        parts = _LIST.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadJson(f"not JSON: {error}") from None
    if len(parts) > MAX_DECISIONS:
        raise BadSchema(f"at most {MAX_DECISIONS} decisions at once, not {len(parts)}")
    return _json([_one(number, part, packs) for number, part in enumerate(parts)])


def _one(number: int, part: msgspec.Raw, packs: tuple[Pack, ...]) -> dict[str, Any]:
    try:
        return answered(read_asked(part), packs)
    except EventRefused as refused:
        raise type(refused)(f"[{number}] {refused.detail}", **refused.facts) from None


def _json(answer: object) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
