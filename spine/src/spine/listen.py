"""Wakes sleepers in this process when another one says NOTIFY: how a new outbox row is seen at once."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Sequence

import asyncpg
import structlog

from spine.database import plain_url

log = structlog.get_logger()

_CONNECT_TIMEOUT_S = 10.0
#: A peer that vanished without a word is noticed after one of these; sleepers also look by themselves.
_PROBE_EVERY_S = 20.0
_LONGEST_RETRY_S = 2.0


class Listener:
    """One connection that listens on `channels` and comes back by itself when it is lost.

    A notification is a hint and may be missed: whoever waits on an event also looks by itself now and then.
    """

    def __init__(self, url: str, channels: Sequence[str]) -> None:
        self._url = plain_url(url)
        self._events: dict[str, weakref.WeakSet[asyncio.Event]] = {
            name: weakref.WeakSet() for name in channels
        }
        self._connection: asyncpg.Connection | None = None
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connects; raises OSError, TimeoutError or asyncpg's errors when the server does not answer."""
        await self._connect()
        self._keeper = asyncio.create_task(self._keep())

    def event(self, *channels: str) -> asyncio.Event:
        """A new event, set at each notification on any of `channels`; its holder clears it before looking."""
        event = asyncio.Event()
        for channel in channels:
            self._events[channel].add(event)
        return event

    async def close(self) -> None:
        """Ends the connection; idempotent."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connect(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_CONNECT_TIMEOUT_S,
            server_settings={"application_name": "tact-listen"},
        )
        self._lost.clear()
        connection.add_termination_listener(lambda _: self._lost.set())
        try:
            for channel in self._events:
                await connection.add_listener(channel, self._notified)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    def _notified(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        for event in self._events[channel]:
            event.set()

    async def _keep(self) -> None:
        while True:
            await self._until_lost()
            log.warning("notifications are lost; connecting again")
            pause_s = 0.1
            while True:
                try:
                    await self._connect()
                    break
                except (
                    OSError,
                    TimeoutError,
                    asyncpg.PostgresError,
                    asyncpg.InterfaceError,
                    asyncpg.InternalClientError,
                ):
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_RETRY_S)
            # What was said meanwhile was not heard.
            for events in self._events.values():
                for event in events:
                    event.set()

    async def _until_lost(self) -> None:
        connection = self._connection
        assert connection is not None
        while not connection.is_closed():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), _PROBE_EVERY_S)
                break
            try:
                await connection.execute("SELECT 1")
            except (
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ):
                break
        connection.terminate()
