"""The JSON of the reference gateway's protocol: what is sent, and how strictly answers are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from notifier.gateways.http import all_of
from notifier.gateways.port import Outcome, OutMessage, QueryResult, SendResult, State


class WireMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a request."""

    client_ref: str
    channel: str
    to: str
    body: str
    not_after: datetime
    template: str | None = None


class WireRequest(msgspec.Struct, frozen=True):
    """POST /v1/messages."""

    messages: list[WireMessage]


class WireResult(msgspec.Struct, frozen=True):
    """What the gateway says of one message of the request."""

    client_ref: str
    status: Literal["accepted", "rejected"]
    gateway_id: str | None = None
    code: str | None = None


class WireReply(msgspec.Struct, frozen=True):
    """The body of a 202."""

    results: list[WireResult]


class WireState(msgspec.Struct, frozen=True):
    """The body of GET /v1/messages?client_ref=."""

    client_ref: str
    status: Literal["accepted", "rejected", "delivered", "failed", "dropped"]
    gateway_id: str | None = None
    code: str | None = None


class WireProblem(msgspec.Struct, frozen=True):
    """As much of a problem document as is of use."""

    code: str | None = None


_ENCODER = msgspec.json.Encoder()
_REPLY = msgspec.json.Decoder(WireReply)
_STATE = msgspec.json.Decoder(WireState)
_PROBLEM = msgspec.json.Decoder(WireProblem)


def request_body(messages: Sequence[OutMessage]) -> bytes:
    """The JSON body of a request."""
    return _ENCODER.encode(
        WireRequest(
            [
                WireMessage(m.client_ref, m.channel, m.to, m.body, m.not_after.astimezone(UTC), m.template)
                for m in messages
            ]
        )
    )


def read_results(body: bytes, messages: Sequence[OutMessage]) -> list[SendResult]:
    """One result per message from the body of a 202: what is not said clearly of a message is unknown."""
    try:
        results = _REPLY.decode(body).results
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return all_of(messages, Outcome.UNKNOWN, "malformed_reply")
    by_ref: dict[str, WireResult | None] = {}
    for result in results:
        # Two answers that differ are none.
        by_ref[result.client_ref] = result if by_ref.get(result.client_ref, result) == result else None
    return [_result(message.client_ref, by_ref.get(message.client_ref)) for message in messages]


def _result(client_ref: str, said: WireResult | None) -> SendResult:
    if said is None:
        return SendResult(client_ref, Outcome.UNKNOWN, code="no_result")
    if said.status == "rejected":
        return SendResult(client_ref, Outcome.REJECTED, said.gateway_id, said.code)
    if not said.gateway_id:
        return SendResult(client_ref, Outcome.UNKNOWN, code="no_gateway_id")
    return SendResult(client_ref, Outcome.ACCEPTED, said.gateway_id, said.code)


def read_state(body: bytes, client_ref: str) -> QueryResult:
    """What became of a message, unknown unless the answer is clearly about it."""
    try:
        said = _STATE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return QueryResult(client_ref, State.UNKNOWN, code="malformed_reply")
    if said.client_ref != client_ref:
        return QueryResult(client_ref, State.UNKNOWN, code="other_message")
    return QueryResult(client_ref, State(said.status), said.gateway_id, said.code)


def problem_code(body: bytes, status: int) -> str:
    """The gateway's own code for a refusal, else the HTTP status."""
    try:
        code = _PROBLEM.decode(body).code
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        code = None
    return code[:64] if code else f"http_{status}"
