"""Container health: an API answers; a worker's relay has shown a sign of life in its own database lately.

Usage: health.py api SERVICE | worker SERVICE | url URL
"""

from __future__ import annotations

import asyncio
import sys
import urllib.request

import asyncpg

from spine.database import plain_url
from spine.settings import PORTS, Surroundings

#: A relay that waits for the broker signs nothing: after this it does not count as healthy.
STALE_S = 15.0
TIMEOUT_S = 4.0


def answers(url: str) -> str | None:
    """None when `url` answers 200, else what is wrong."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as reply:
            return None if reply.status == 200 else f"{url} answers {reply.status}"
    except OSError as error:
        return f"{url}: {error}"


async def works(service: str) -> str | None:
    """None when a worker of the service is alive, else what is wrong."""
    url = plain_url(Surroundings.from_environment().database_url(service))
    try:
        connection = await asyncpg.connect(url, timeout=TIMEOUT_S, command_timeout=TIMEOUT_S)
        try:
            age_s = await connection.fetchval(
                "SELECT extract(epoch FROM clock_timestamp() - seen_at) FROM relay"
            )
        finally:
            await connection.close(timeout=TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"the database of {service}: {error!r}"
    if age_s is None:
        return f"no relay of {service} has worked yet"
    return None if age_s < STALE_S else f"the relay of {service} was last seen {age_s:.0f} s ago"


def main(arguments: list[str]) -> int:
    """0 healthy, 1 not, 2 wrong usage."""
    match arguments:
        case ["api", service] if service in PORTS:
            wrong = answers(f"http://127.0.0.1:{PORTS[service]}/healthz")
        case ["worker", service] if service in PORTS:
            wrong = asyncio.run(works(service))
        case ["url", url] if url.startswith("http://"):
            wrong = answers(url)
        case _:
            print((__doc__ or "").strip(), file=sys.stderr)
            return 2
    if wrong:
        print(wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
