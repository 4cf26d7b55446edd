"""How a request ends once its messages are taken in: told, or in one of the ways in which things go wrong."""

from __future__ import annotations

import socket
import struct
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from tact.simulator.behaviour import Fault

HUGE_REPLY_BYTES: Final = 52_428_800
#: Faults under which the messages are taken in but their outcome is not told.
SILENT: Final = frozenset(
    {"accept_then_timeout", "accept_then_500", "accept_then_reset", "answer_other", "malformed", "huge"}
)


async def ended(fault: Fault | None, request: Request, told: Response, other: Response) -> Response:
    """`told` without a fault; `other` is an answer about something else."""
    if fault == "accept_then_timeout":
        while (await request.receive())["type"] != "http.disconnect":
            pass
    elif fault == "accept_then_reset":
        _reset(request)
    elif fault == "accept_then_500":
        return problem(500, "broken")
    elif fault == "malformed":
        return Response(told.body[: len(told.body) // 2], told.status_code, media_type="application/json")
    elif fault == "huge":
        return Response(b" " * HUGE_REPLY_BYTES, told.status_code, media_type="application/json")
    elif fault == "answer_other":
        return other
    return told


def _reset(request: Request) -> None:
    """Closes the connection with RST instead of an answer."""
    transport = request.scope["transport"]
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def answer(status: int, data: Any) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(data), status, media_type="application/json")


def problem(status: int, code: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal in the reference protocol's form."""
    return Response(
        msgspec.json.encode({"status": status, "code": code}),
        status,
        headers,
        media_type="application/problem+json",
    )
