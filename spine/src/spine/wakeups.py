"""Wakes the schedules of a process: after a batch was consumed, and when the stepped clock jumps."""

from __future__ import annotations

import asyncio


class Wakeups:
    """Events that are set together."""

    def __init__(self) -> None:
        self._events: list[asyncio.Event] = []

    def subscribe(self) -> asyncio.Event:
        """An event of one's own, to be cleared by oneself."""
        event = asyncio.Event()
        self._events.append(event)
        return event

    def wake_all(self) -> None:
        """Sets every subscriber's event."""
        for event in self._events:
            event.set()
