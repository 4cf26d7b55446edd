"""The reference HTTP gateway: what is certainly not sent, certainly refused, accepted - and all else unknown."""

from __future__ import annotations

import asyncio
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx
import structlog

from notifier.gateways.port import Outcome, OutMessage, QueryResult, SendResult, State
from notifier.gateways.signatures import sign
from notifier.gateways.wire import all_of, problem_code, read_results, read_state, request_body
from spine.clock import wall_now
from spine.failpoints import failpoint

log = structlog.get_logger()

#: Only these say for certain that no byte of the request left this machine.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
#: The gateway's door refused us, not the messages: they may be sent once that is put right.
_DOOR_SHUT: Final = frozenset({401, 403, 404, 405})
#: Refusals that do not say whether an earlier request with the same key got through.
_UNCLEAR: Final = frozenset({408, 409, 425})


class _TooLate(Exception):
    """A message passed its `not_after` before the request's first byte."""


class _TooBig(Exception):
    """The reply is larger than any honest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Wall-clock bounds of one request, in seconds, and the size of a reply."""

    deadline_s: float = 10.0
    connect_s: float = 2.0
    #: Below the gateway's own: a connection it closes as we write looks like a lost reply.
    keepalive_expiry_s: float = 4.0
    connections: int = 16
    reply_bytes: int = 1_048_576


@dataclass(frozen=True, slots=True)
class _Flight:
    """The messages of one request on its way, watched at the last moment."""

    messages: Sequence[OutMessage]
    now: Callable[[], Awaitable[datetime]]

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Told by the transport what it is about to do; raising here keeps it from doing it."""
        if not self.messages:
            return
        if event.endswith("send_request_headers.started"):
            if await self.now() >= min(message.not_after for message in self.messages):
                raise _TooLate
        elif event.endswith("receive_response_headers.started"):
            failpoint("notifier.after_request")


class ReferenceGateway:
    """Speaks the reference protocol (JSON over HTTP, Standard Webhooks signatures, Idempotency-Key).

    `now` is the business clock: `not_after` is checked against it in the transport, just before bytes leave.
    """

    def __init__(
        self,
        base_url: str,
        secret: str,
        now: Callable[[], Awaitable[datetime]],
        *,
        name: str = "reference",
        honours_idempotency: bool = True,
        key_life_s: float = 86_400.0,
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self.honours_idempotency = honours_idempotency
        self.key_life_s = key_life_s if honours_idempotency else 0.0
        self._secret = secret
        self._now = now
        self._limits = limits or Limits()
        self._url = base_url.rstrip("/") + "/v1/messages"
        self._client = _client(self._limits, tls=self._url.startswith("https:"))

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        """One result per message, in their order, about this request alone: a repetition that is `not_sent`
        says nothing of the request it repeats."""
        results: dict[str, SendResult] = {}
        waiting = list(messages)
        while waiting:
            now = await self._now()
            late = [message for message in waiting if message.not_after <= now]
            waiting = [message for message in waiting if message.not_after > now]
            results |= {r.client_ref: r for r in all_of(late, Outcome.NOT_SENT, "too_late")}
            try:
                sent = await self._send(waiting, idempotency_key) if waiting else []
            except _TooLate:
                continue
            results |= {r.client_ref: r for r in sent}
            break
        return [results[message.client_ref] for message in messages]

    async def query(self, client_ref: str) -> QueryResult:
        """What became of one message; `unknown` whenever the gateway gives no clear answer."""
        try:
            status, _, body = await self._request((), "GET", b"", {}, client_ref)
        except Exception as error:
            return QueryResult(client_ref, State.UNKNOWN, code=type(error).__name__.strip("_"))
        if status == 404:
            return QueryResult(client_ref, State.NOT_FOUND)
        if status != 200:
            return QueryResult(client_ref, State.UNKNOWN, code=f"http_{status}")
        return read_state(body, client_ref)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        headers = {"idempotency-key": idempotency_key} if self.honours_idempotency else {}
        try:
            status, reply, body = await self._request(messages, "POST", request_body(messages), headers)
        except _TooLate:
            raise
        except Exception as error:
            outcome = Outcome.NOT_SENT if isinstance(error, _NOT_SENT) else Outcome.UNKNOWN
            # The class alone: messages of the library may quote what was sent.
            code = type(error).__name__.strip("_")
            log.warning("gateway did not answer", gateway=self.name, code=code, outcome=outcome)
            return all_of(messages, outcome, code)
        return _judged(status, reply, body, messages)

    async def _request(
        self,
        messages: Sequence[OutMessage],
        method: str,
        body: bytes,
        headers: dict[str, str],
        client_ref: str | None = None,
    ) -> tuple[int, httpx.Headers, bytes]:
        signed = sign(self._secret, f"msg_{uuid.uuid4().hex}", wall_now(), body)
        request = self._client.build_request(
            method,
            self._url,
            params={"client_ref": client_ref} if client_ref is not None else None,
            content=body or None,
            headers={"content-type": "application/json", "accept-encoding": "identity", **headers, **signed},
            extensions={"trace": _Flight(messages, self._now).trace},
        )
        async with asyncio.timeout(self._limits.deadline_s):
            response = await self._client.send(request, stream=True)
            try:
                return response.status_code, response.headers, await self._read(response)
            finally:
                await response.aclose()

    async def _read(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        async for part in response.aiter_raw():
            size += len(part)
            if size > self._limits.reply_bytes:
                raise _TooBig
            parts.append(part)
        return b"".join(parts)


def _judged(
    status: int, headers: httpx.Headers, body: bytes, messages: Sequence[OutMessage]
) -> list[SendResult]:
    """What an answer means: accepted only where a 202 says so of that very message."""
    if status == 202:
        return read_results(body, messages)
    code = problem_code(body, status)
    if status == 429:
        return all_of(messages, Outcome.NOT_SENT, "throttled", _retry_after_s(headers))
    if status in _DOOR_SHUT:
        log.error("gateway refuses us", status=status, code=code)
        return all_of(messages, Outcome.NOT_SENT, code)
    definite = 400 <= status < 500 and status not in _UNCLEAR
    return all_of(messages, Outcome.REJECTED if definite else Outcome.UNKNOWN, code)


def _retry_after_s(headers: httpx.Headers) -> float:
    """Seconds to wait; the form with a date, or none at all, is a second."""
    text = headers.get("retry-after", "")
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else 1.0


def _client(limits: Limits, *, tls: bool) -> httpx.AsyncClient:
    options: list[Any] = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        # A request written into a stalled connection must not arrive after the deadline: what the peer does
        # not acknowledge is given up, and closing throws away what is still in the kernel's buffers.
        (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
    ]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.deadline_s * 1000)))
    transport = httpx.AsyncHTTPTransport(
        # Without TLS no certificates are needed, and reading them takes a tenth of a second.
        verify=tls,
        trust_env=False,
        retries=0,
        socket_options=options,
        limits=httpx.Limits(
            max_connections=limits.connections,
            max_keepalive_connections=limits.connections,
            keepalive_expiry=limits.keepalive_expiry_s,
        ),
    )
    timeout = httpx.Timeout(limits.deadline_s, connect=limits.connect_s, pool=limits.connect_s)
    return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
