"""A process of its own that sends a long bulk body to the ledger's door and tells how much memory that took.

Run with the database's URL and the number of lines; the body is made while it is read, never held as a whole.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ledger.app import build
from spine.clock import FixedClock
from spine.database import Runtime, create_engine
from spine.http import create_api
from tests.ledger.events import cloud_event, opened, posted
from tests.runtimes import SHANGHAI

_TOKEN = "t" * 32
_CHUNK_LINES = 100
_DIFFERENT = 1_000
#: By then everything that grows once has grown: code, pools, caches.
_WARM_AFTER = 0.2


def lines() -> Iterator[bytes]:
    """A loan and money for it, over and over, and every hundredth line a bad one; without an end."""
    first = json.dumps(cloud_event(opened(), "o")).encode() + b"\n"
    money = [
        json.dumps(cloud_event(posted("1.00", "11-01", id=f"R-{n}"), f"p-{n}")).encode() + b"\n"
        for n in range(1, _DIFFERENT)
    ]
    while True:
        for n, line in enumerate((first, *money)):
            yield b"{}\n" if n % 100 == 99 else line


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


async def send(url: str, count: int) -> dict[str, Any]:
    engine = create_engine(url, name="bulk")
    runtime = Runtime("ledger", engine, FixedClock(datetime(2026, 11, 23, 4, tzinfo=UTC)), SHANGHAI, 2)
    app = create_api(build(runtime), runtime, token=_TOKEN)
    body = islice(lines(), count)
    sent = answered = sent_bytes = warm = 0
    statuses: Counter[int] = Counter()
    rest = b""

    async def receive() -> dict[str, Any]:
        nonlocal sent, sent_bytes, warm
        chunk = list(islice(body, _CHUNK_LINES))
        sent += len(chunk)
        sent_bytes += sum(map(len, chunk))
        if not warm and sent >= count * _WARM_AFTER:
            warm = peak_bytes()
        return {"type": "http.request", "body": b"".join(chunk), "more_body": bool(chunk)}

    async def take(message: dict[str, Any]) -> None:
        nonlocal answered, rest
        *ended, rest = (rest + message.get("body", b"")).split(b"\n")
        answered += len(ended)
        statuses.update(json.loads(line)["status"] for line in ended)

    await app(_SCOPE, receive, take)  # type: ignore[arg-type]
    await engine.dispose()
    return {
        "answered": answered,
        "statuses": dict(statuses),
        "body_bytes": sent_bytes,
        "grown_bytes": peak_bytes() - warm,
    }


_SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/v1/events",
    "raw_path": b"/v1/events",
    "query_string": b"",
    "root_path": "",
    "headers": [
        (b"host", b"ledger"),
        (b"authorization", f"Bearer {_TOKEN}".encode()),
        (b"content-type", b"application/x-ndjson"),
    ],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 2),
}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(send(sys.argv[1], int(sys.argv[2])))))
