"""The other side of the gateway protocol on a real socket: it remembers what arrived and can misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(slots=True)
class SocketGateway:
    """`reply`: accept; reject; silent (takes the messages, closes without a word); broken (500, takes nothing);
    lost (closes, takes nothing). Deduplicates by key and client_ref, as it is asked to."""

    url: str = ""
    reply: str = "accept"
    honours_keys: bool = True
    forgets: bool = False
    requests: int = 0
    arrived: list[dict[str, Any]] = field(default_factory=list)
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    on_request: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event | None = None

    def bodies(self) -> list[str]:
        """The text of every message that was taken, each once."""
        return [message["body"] for message in self.taken.values()]

    async def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes | None:
        """The raw reply; None closes the connection without one."""
        if method == "GET":
            return self._found(parse_qs(urlsplit(target).query)["client_ref"][0])
        self.requests += 1
        self.on_request.set()
        if self.go_on is not None:
            await self.go_on.wait()
        if self.reply == "lost":
            return None
        if self.reply == "broken":
            return _reply(500, {"code": "broken"})
        messages = json.loads(body)["messages"]
        self.arrived += messages
        results = [self._take(message, headers.get("idempotency-key", "")) for message in messages]
        return None if self.reply == "silent" else _reply(202, {"results": results})

    def _take(self, message: dict[str, Any], key: str) -> dict[str, Any]:
        ref = message["client_ref"]
        if self.reply == "reject":
            return {
                "client_ref": ref,
                "gateway_id": f"gw-{ref}",
                "status": "rejected",
                "code": "number_refused",
            }
        if self.keys.get((key, ref)) is None or not self.honours_keys:
            name = ref if ref not in self.taken else f"{ref} again"
            self.taken[name] = message
            self.keys[key, ref] = f"gw-{name}"
        return {"client_ref": ref, "gateway_id": self.keys[key, ref], "status": "accepted"}

    def _found(self, client_ref: str) -> bytes:
        if client_ref not in self.taken or self.forgets:
            return _reply(404, {"code": "not_found"})
        return _reply(200, {"client_ref": client_ref, "gateway_id": f"gw-{client_ref}", "status": "accepted"})


def _reply(status: int, body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


@asynccontextmanager
async def socket_gateway() -> AsyncIterator[SocketGateway]:
    """A gateway that listens on a free port of the loopback."""
    gateway = SocketGateway()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split(" ", 2)
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                reply = await gateway.answer(method, target, headers, body)
                if reply is None:
                    break
                writer.write(reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    gateway.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield gateway
    finally:
        server.close()
