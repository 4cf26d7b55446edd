"""The simulated gateway's HTTP door."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.types import ASGIApp, Receive, Scope, Send

from tact.simulator.accounts import Accounts
from tact.simulator.aliyun import Aliyun
from tact.simulator.behaviour import Behaviour, Fault
from tact.simulator.faults import SILENT, answer, ended, problem
from tact.simulator.intake import Intake, Posted, Result
from tact.simulator.receipts import Receipts
from tact.simulator.weixin import Weixin

MAX_BODY_BYTES = 8_388_608
_POSTED = msgspec.json.Decoder(Posted)


class Simulator:
    """One simulated gateway: its memory, its receipts and how it behaves just now."""

    def __init__(
        self,
        record: Path,
        secret: str,
        now: Callable[[], Awaitable[datetime]],
        *,
        receipts_url: str | None = None,
        behaviour: Behaviour | None = None,
        seed: int = 0,
    ) -> None:
        self.intake = Intake(record)
        self.receipts = Receipts(receipts_url, secret)
        self.behaviour = behaviour or Behaviour()
        self._webhook = Webhook(secret)
        self.now = now
        self._random = random.Random(seed)

    async def post(self, request: Request) -> Response:
        """POST /v1/messages."""
        body = await request.body()
        if not self._signed(request, body):
            return problem(401, "bad_signature")
        if len(body) > MAX_BODY_BYTES:
            return problem(413, "too_large")
        try:
            messages = _POSTED.decode(body).messages
        except (msgspec.DecodeError, UnicodeDecodeError):
            return problem(400, "bad_request")
        if not messages or any(message.not_after.tzinfo is None for message in messages):
            return problem(400, "bad_request")
        behaviour, fault = self.behaviour, self.strike()
        if fault == "throttle":
            return problem(429, "throttled", {"retry-after": "1"})
        if fault == "refuse_500":
            return problem(500, "broken")
        await asyncio.sleep(behaviour.accept_delay_s)
        now = await self.now()
        key = request.headers.get("idempotency-key")
        results, accepted = self.intake.take(messages, key, now, behaviour, replied=fault not in SILENT)
        self.receipts.plan(accepted, now, behaviour)
        if behaviour.receipt_before_reply:
            await self.receipts.send_due(also_early=True)
        await asyncio.sleep(behaviour.slow_s)
        others = [Result(f"other-{r.client_ref}", r.gateway_id, r.status, r.code) for r in results]
        told, other = answer(202, {"results": results}), answer(202, {"results": others})
        return await ended(fault, request, told, other)

    async def find(self, request: Request) -> Response:
        """GET /v1/messages?client_ref="""
        if not self._signed(request, b""):
            return problem(401, "bad_signature")
        known = self.intake.find(request.query_params.get("client_ref", ""), self.behaviour.query_lag_s)
        if known is None:
            return problem(404, "not_found")
        return answer(200, Result(known.client_ref, known.gateway_id, known.status, known.code))

    async def pending(self) -> Response:
        """GET /v1/pending: how many receipts are still to be sent."""
        return answer(200, {"pending": self.receipts.pending})

    async def behave(self, request: Request) -> Response:
        """POST /v1/behaviour: sets the fields given, keeps the others."""
        try:
            self.behaviour = self.behaviour.changed(
                msgspec.json.decode(await request.body(), type=dict[str, Any])
            )
        except (msgspec.DecodeError, ValueError) as error:
            return answer(422, {"status": 422, "code": "bad_request", "detail": str(error)})
        return answer(200, self.behaviour)

    def _signed(self, request: Request, body: bytes) -> bool:
        try:
            self._webhook.verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return False
        return True

    def strike(self) -> Fault | None:
        """The fault of this request, if one strikes it."""
        behaviour = self.behaviour
        if behaviour.fault is None or behaviour.fault_requests == 0:
            return None
        if self._random.random() >= behaviour.fault_share:
            return None
        if behaviour.fault_requests is not None:
            self.behaviour = behaviour.changed({"fault_requests": behaviour.fault_requests - 1})
        return behaviour.fault


class WithTransport:
    """Outermost: lets a route reach its connection, which ASGI does not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's `send` is a method of its request cycle, which holds the transport.
        scope["transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


def create_app(simulator: Simulator, accounts: Accounts | None = None) -> ASGIApp:
    """The ASGI application of one simulated gateway; with `accounts` it speaks the vendors' protocols too."""
    vendors: tuple[Aliyun | Weixin, ...] = ()
    if accounts is not None:
        vendors = (Aliyun(simulator, accounts), Weixin(simulator, accounts))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sending = asyncio.create_task(simulator.receipts.run())
        yield
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        await simulator.receipts.aclose()
        for vendor in vendors:
            await vendor.reports.aclose()
        simulator.intake.close()

    app = FastAPI(
        title="Gateway simulator", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_api_route("/v1/messages", simulator.post, methods=["POST"])
    app.add_api_route("/v1/messages", simulator.find, methods=["GET"])
    app.add_api_route("/v1/pending", simulator.pending, methods=["GET"])
    app.add_api_route("/v1/behaviour", simulator.behave, methods=["POST"])
    app.add_api_route("/healthz", simulator.pending, methods=["GET"])
    for vendor in vendors:
        vendor.add_to(app)
    return WithTransport(app)
