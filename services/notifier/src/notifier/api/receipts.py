"""The door for those who hand messages on: receipts in each one's own form, authenticated in each one's own way."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from notifier import views
from notifier.gateways.doors import Doors
from notifier.gateways.signatures import verify
from notifier.handlers.receipts import Receipt, take_receipts
from notifier.handlers.vendor_reports import SmsReport, take_sms_reports, take_wechat_event
from spine.clock import wall_now
from spine.database import Runtime
from spine.errors import BadSchema
from spine.http import runtime_of

router = APIRouter()

RuntimeOf = Annotated[Runtime, Depends(runtime_of)]


class _Receipts(msgspec.Struct):
    receipts: Annotated[list[Receipt], msgspec.Meta(max_length=1_000)]


_Reports = Annotated[list[SmsReport], msgspec.Meta(max_length=1_000)]


@router.post("/v1/gateways/{name}/receipts")
async def post_receipts(request: Request, name: str, runtime: RuntimeOf) -> views.ReceiptsTaken:
    """Receipts, authenticated by their signature alone; each counts once, whatever its order."""
    doors: Doors = request.app.state.doors
    body = await request.body()
    # An unknown gateway has no secret, so it is refused like a forged signature.
    webhook_id = verify(doors.secrets.get(name, ()), request.headers, body, wall_now())
    receipts = _decoded(body, _Receipts).receipts
    settle_s: float = request.app.state.settle_s
    return await runtime.run(
        lambda tx: take_receipts(tx, name, webhook_id, body, receipts, settle_s=settle_s)
    )


@router.post("/v1/gateways/{name}/reports/{secret}")
async def post_reports(request: Request, name: str, secret: str, runtime: RuntimeOf) -> dict[str, Any]:
    """SmsReport of Aliyun, which cannot sign: the path's secret and the origin let it in, and the vendor is asked
    before anything changes. Answered in the vendor's form."""
    doors: Doors = request.app.state.doors
    peer = request.client.host if request.client else ""
    doors.path(name).check(secret, peer, request.headers.get("x-forwarded-for", ""))
    reports = _decoded(await request.body(), _Reports)
    vault = request.app.state.vault
    taken = await runtime.run(lambda tx: take_sms_reports(tx, name, reports, vault))
    return {"code": 0, "msg": f"{taken.new} new"}


@router.get("/v1/gateways/{name}/events")
async def check_events(request: Request, name: str) -> Response:
    """WeChat's check that this address is ours: what it sent, back as it is."""
    doors: Doors = request.app.state.doors
    return PlainTextResponse(doors.callback(name).answer_check(request.query_params, wall_now()))


@router.post("/v1/gateways/{name}/events")
async def post_event(request: Request, name: str, runtime: RuntimeOf) -> Response:
    """An event of WeChat in its secure mode, signed and encrypted; the same again changes nothing."""
    doors: Doors = request.app.state.doors
    event_id, event = doors.callback(name).open(request.query_params, await request.body(), wall_now())
    await runtime.run(lambda tx: take_wechat_event(tx, name, event_id, event))
    return PlainTextResponse("success")


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadSchema(f"receipts: {error}", field="receipts") from None
