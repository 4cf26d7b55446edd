"""The reference HTTP gateway: what is certainly not sent, certainly refused, accepted - and all else unknown."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

import structlog

from notifier.gateways.http import (
    HttpLine,
    Limits,
    Now,
    Reply,
    TooLate,
    all_of,
    failed,
    retry_after_s,
    send_in_time,
)
from notifier.gateways.port import Inquiry, Outcome, OutMessage, QueryResult, SendResult, State
from notifier.gateways.signatures import sign
from notifier.gateways.wire import problem_code, read_results, read_state, request_body
from spine.clock import wall_now

log = structlog.get_logger()

#: The gateway's door refused us, not the messages: they may be sent once that is put right.
_DOOR_SHUT: Final = frozenset({401, 403, 404, 405})
#: Refusals that do not say whether an earlier request with the same key got through.
_UNCLEAR: Final = frozenset({408, 409, 425})
_PATH: Final = "/v1/messages"


class ReferenceGateway:
    """Speaks the reference protocol (JSON over HTTP, Standard Webhooks signatures, Idempotency-Key).

    `now` is the business clock: `not_after` is checked against it in the transport, just before bytes leave.
    """

    can_query = True

    def __init__(
        self,
        base_url: str,
        secret: str,
        now: Now,
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
        self._line = HttpLine(base_url, now, limits or Limits())

    async def warm(self) -> str | None:
        return None

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        """One request with all that is not too late."""

        async def send(waiting: list[OutMessage]) -> list[SendResult]:
            headers = {"idempotency-key": idempotency_key} if self.honours_idempotency else {}
            try:
                reply = await self._request("POST", request_body(waiting), headers, waiting)
            except TooLate:
                raise
            except Exception as error:
                return failed(self.name, waiting, error)
            return _judged(reply, waiting)

        return await send_in_time(messages, self._line.now, send)

    async def query(self, asked: Inquiry) -> QueryResult:
        """What became of one message; `unknown` whenever the gateway gives no clear answer."""
        ref = asked.client_ref
        try:
            reply = await self._request("GET", b"", {}, params={"client_ref": ref})
        except Exception as error:
            return QueryResult(ref, State.UNKNOWN, code=type(error).__name__)
        if reply.status == 404:
            return QueryResult(ref, State.NOT_FOUND)
        if reply.status != 200:
            return QueryResult(ref, State.UNKNOWN, code=f"http_{reply.status}")
        return read_state(reply.body, ref)

    async def aclose(self) -> None:
        await self._line.aclose()

    async def _request(
        self,
        method: str,
        body: bytes,
        headers: dict[str, str],
        messages: Sequence[OutMessage] = (),
        params: dict[str, str] | None = None,
    ) -> Reply:
        signed = sign(self._secret, f"msg_{uuid.uuid4().hex}", wall_now(), body)
        return await self._line.request(
            method, _PATH, body=body, headers={**headers, **signed}, params=params, messages=messages
        )


def _judged(reply: Reply, messages: Sequence[OutMessage]) -> list[SendResult]:
    """What an answer means: accepted only where a 202 says so of that very message."""
    if reply.status == 202:
        return read_results(reply.body, messages)
    code = problem_code(reply.body, reply.status)
    if reply.status == 429:
        return all_of(messages, Outcome.NOT_SENT, "throttled", retry_after_s(reply.headers))
    if reply.status in _DOOR_SHUT:
        log.error("gateway refuses us", status=reply.status, code=code)
        return all_of(messages, Outcome.NOT_SENT, code)
    definite = 400 <= reply.status < 500 and reply.status not in _UNCLEAR
    return all_of(messages, Outcome.REJECTED if definite else Outcome.UNKNOWN, code)
