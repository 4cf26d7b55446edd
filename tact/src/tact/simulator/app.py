"""The simulated gateway's HTTP door."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.types import ASGIApp, Receive, Scope, Send

from tact.simulator.behaviour import Behaviour, Fault
from tact.simulator.intake import Intake, Posted, Result
from tact.simulator.receipts import Receipts

MAX_BODY_BYTES = 8_388_608
HUGE_REPLY_BYTES = 52_428_800
#: Faults under which the messages are taken in but their outcome is not told.
_SILENT: Final = frozenset(
    {"accept_then_timeout", "accept_then_500", "accept_then_reset", "answer_other", "malformed", "huge"}
)
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
        self._now = now
        self._random = random.Random(seed)

    async def post(self, request: Request) -> Response:
        """POST /v1/messages."""
        body = await request.body()
        if not self._signed(request, body):
            return _problem(401, "bad_signature")
        if len(body) > MAX_BODY_BYTES:
            return _problem(413, "too_large")
        try:
            messages = _POSTED.decode(body).messages
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _problem(400, "bad_request")
        if not messages or any(message.not_after.tzinfo is None for message in messages):
            return _problem(400, "bad_request")
        behaviour, fault = self.behaviour, self._strike()
        if fault == "throttle":
            return _problem(429, "throttled", {"retry-after": "1"})
        if fault == "refuse_500":
            return _problem(500, "broken")
        await asyncio.sleep(behaviour.accept_delay_s)
        now = await self._now()
        key = request.headers.get("idempotency-key")
        results, accepted = self.intake.take(messages, key, now, behaviour, replied=fault not in _SILENT)
        self.receipts.plan(accepted, now, behaviour)
        if behaviour.receipt_before_reply:
            await self.receipts.send_due(also_early=True)
        await asyncio.sleep(behaviour.slow_s)
        return await _reply(fault, results, request)

    async def find(self, request: Request) -> Response:
        """GET /v1/messages?client_ref="""
        if not self._signed(request, b""):
            return _problem(401, "bad_signature")
        known = self.intake.find(request.query_params.get("client_ref", ""), self.behaviour.query_lag_s)
        if known is None:
            return _problem(404, "not_found")
        return _json(200, Result(known.client_ref, known.gateway_id, known.status, known.code))

    async def pending(self) -> Response:
        """GET /v1/pending: how many receipts are still to be sent."""
        return _json(200, {"pending": self.receipts.pending})

    async def behave(self, request: Request) -> Response:
        """POST /v1/behaviour: sets the fields given, keeps the others."""
        try:
            self.behaviour = self.behaviour.changed(
                msgspec.json.decode(await request.body(), type=dict[str, Any])
            )
        except (msgspec.DecodeError, ValueError) as error:
            return _json(422, {"status": 422, "code": "bad_request", "detail": str(error)})
        return _json(200, self.behaviour)

    def _signed(self, request: Request, body: bytes) -> bool:
        try:
            self._webhook.verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return False
        return True

    def _strike(self) -> Fault | None:
        """The fault of this request, if one strikes it."""
        behaviour = self.behaviour
        if behaviour.fault is None or behaviour.fault_requests == 0:
            return None
        if self._random.random() >= behaviour.fault_share:
            return None
        if behaviour.fault_requests is not None:
            self.behaviour = behaviour.changed({"fault_requests": behaviour.fault_requests - 1})
        return behaviour.fault


async def _reply(fault: Fault | None, results: list[Result], request: Request) -> Response:
    if fault == "accept_then_timeout":
        while (await request.receive())["type"] != "http.disconnect":
            pass
    elif fault == "accept_then_reset":
        _reset(request)
    elif fault == "accept_then_500":
        return _problem(500, "broken")
    elif fault == "malformed":
        return Response(b'{"results":[{"client_ref":', 202, media_type="application/json")
    elif fault == "huge":
        return Response(b" " * HUGE_REPLY_BYTES, 202, media_type="application/json")
    elif fault == "answer_other":
        results = [Result(f"other-{r.client_ref}", r.gateway_id, r.status, r.code) for r in results]
    return _json(202, {"results": results})


def _reset(request: Request) -> None:
    """Closes the connection with RST instead of an answer."""
    transport: asyncio.Transport = request.scope["transport"]
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _json(status: int, data: Any) -> Response:
    return Response(msgspec.json.encode(data), status, media_type="application/json")


def _problem(status: int, code: str, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode({"status": status, "code": code}),
        status,
        headers,
        media_type="application/problem+json",
    )


class WithTransport:
    """Outermost: lets a route reach its connection, which ASGI does not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's `send` is a method of its request cycle, which holds the transport.
        scope["transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


def create_app(simulator: Simulator) -> ASGIApp:
    """The ASGI application of one simulated gateway."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sending = asyncio.create_task(simulator.receipts.run())
        yield
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        await simulator.receipts.aclose()
        simulator.intake.close()

    app = FastAPI(
        title="Gateway simulator", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_api_route("/v1/messages", simulator.post, methods=["POST"])
    app.add_api_route("/v1/messages", simulator.find, methods=["GET"])
    app.add_api_route("/v1/pending", simulator.pending, methods=["GET"])
    app.add_api_route("/v1/behaviour", simulator.behave, methods=["POST"])
    app.add_api_route("/healthz", simulator.pending, methods=["GET"])
    return WithTransport(app)
