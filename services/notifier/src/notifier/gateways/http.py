"""HTTP as every adapter uses it: bounded in time and size, `not_after` checked as the bytes leave."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx
import structlog

from notifier.gateways.last_look import barred
from notifier.gateways.port import Outcome, OutMessage, SendResult
from spine.failpoints import failpoint

log = structlog.get_logger()

Now = Callable[[], Awaitable[datetime]]

#: Only these say for certain that no byte of the request left this machine.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LONGEST_RETRY_AFTER_S: Final = 3600.0


class TooLate(Exception):
    """A message passed its `not_after` before the request's first byte."""


class Barred(TooLate):
    """A gate closed between the reservation and the request's first byte."""

    def __init__(self, client_refs: frozenset[str]) -> None:
        super().__init__()
        self.client_refs = client_refs


class TooBig(Exception):
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
class Reply:
    """An answer, read to its end."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class _Flight:
    """The messages of one request on its way, watched at the last moment."""

    messages: Sequence[OutMessage]
    now: Now

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Told by the transport what it is about to do; raising here keeps it from doing it."""
        if not self.messages:
            return
        if event.endswith("send_request_headers.started"):
            failpoint("notifier.before_request")
            if shut := await barred([message.client_ref for message in self.messages]):
                raise Barred(shut)
            if await self.now() >= min(message.not_after for message in self.messages):
                raise TooLate
        elif event.endswith("receive_response_headers.started"):
            failpoint("notifier.after_request")


class HttpLine:
    """Connections to one gateway. `now` is the business clock, which `not_after` is checked against."""

    def __init__(self, base_url: str, now: Now, limits: Limits) -> None:
        self.url = base_url.rstrip("/")
        self.now = now
        self._limits = limits
        self._client = _client(limits, tls=self.url.startswith("https:"))

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        messages: Sequence[OutMessage] = (),
    ) -> Reply:
        """One request and its answer. Raises TooLate, TooBig, or what httpx and the deadline raise."""
        request = self._client.build_request(
            method,
            self.url + path,
            params=params,
            content=body or None,
            headers={"content-type": "application/json", "accept-encoding": "identity", **(headers or {})},
            extensions={"trace": _Flight(messages, self.now).trace},
        )
        async with asyncio.timeout(self._limits.deadline_s):
            response = await self._client.send(request, stream=True)
            try:
                return Reply(response.status_code, response.headers, await self._read(response))
            finally:
                await response.aclose()

    async def _read(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        async for part in response.aiter_raw():
            size += len(part)
            if size > self._limits.reply_bytes:
                raise TooBig
            parts.append(part)
        return b"".join(parts)

    async def aclose(self) -> None:
        await self._client.aclose()


async def send_in_time(
    messages: Sequence[OutMessage],
    now: Now,
    send: Callable[[list[OutMessage]], Awaitable[list[SendResult]]],
) -> list[SendResult]:
    """Hands to `send` what is not too late, again without what became too late while it waited for a connection;
    one result per message, in their order. `send` raises TooLate when not a byte has left."""
    results: dict[str, SendResult] = {}
    waiting = list(messages)
    while waiting:
        at = await now()
        late = [message for message in waiting if message.not_after <= at]
        waiting = [message for message in waiting if message.not_after > at]
        results |= {r.client_ref: r for r in all_of(late, Outcome.NOT_SENT, "too_late")}
        try:
            sent = await send(waiting) if waiting else []
        except Barred as shut:
            stopped = [message for message in waiting if message.client_ref in shut.client_refs]
            waiting = [message for message in waiting if message.client_ref not in shut.client_refs]
            results |= {r.client_ref: r for r in all_of(stopped, Outcome.NOT_SENT, "gate_closed")}
            continue
        except TooLate:
            continue
        results |= {r.client_ref: r for r in sent}
        break
    return [results[message.client_ref] for message in messages]


def failed(gateway: str, messages: Sequence[OutMessage], error: Exception) -> list[SendResult]:
    """What a request that brought no answer means: unknown, unless certainly no byte of it left."""
    outcome = Outcome.NOT_SENT if isinstance(error, _NOT_SENT) else Outcome.UNKNOWN
    # The class alone: messages of the library may quote what was sent.
    code = type(error).__name__
    log.warning("gateway did not answer", gateway=gateway, code=code, outcome=outcome)
    return all_of(messages, outcome, code)


def all_of(
    messages: Sequence[OutMessage], outcome: Outcome, code: str, retry_after_s: float | None = None
) -> list[SendResult]:
    """The same result for every message."""
    return [SendResult(m.client_ref, outcome, None, code, retry_after_s) for m in messages]


def retry_after_s(headers: httpx.Headers) -> float:
    """Seconds to wait; the form with a date, or none at all, is a second."""
    text = headers.get("retry-after", "")
    return min(float(text), LONGEST_RETRY_AFTER_S) if text.isascii() and text.isdigit() else 1.0


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
