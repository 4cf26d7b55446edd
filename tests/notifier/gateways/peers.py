"""Peers that answer a request with exactly the bytes a test gives, or in no way at all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Peer:
    """What one listener saw."""

    url: str
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def answering(reply: bytes | None) -> AsyncIterator[Peer]:
    """Answers every request with `reply` and closes; None closes at once, without an answer."""
    peer = Peer("")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: *(\d+)", head.lower())
        length = int(found[1]) if found else 0
        peer.requests.append(head + await reader.readexactly(length))
        if reply is not None:
            writer.write(reply)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield peer
    finally:
        server.close()
        await server.wait_closed()


def http(status: int, body: bytes, *headers: str) -> bytes:
    """An HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body
