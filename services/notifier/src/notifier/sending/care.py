"""Looks after the gateways: tokens ahead of time, and how each fares where the serving process can read it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from notifier.gateways.switchboard import Line, Switchboard
from notifier.store import gateways
from notifier.store.gateways import Health
from spine.database import Runtime

#: Told at least so often, so that a worker that does not run is seen.
_TELL_EVERY_S: Final = 5.0


class GatewayCare:
    """The schedule beside sending. Its work becomes due by time alone, so it never says that there is more."""

    def __init__(self, runtime: Runtime, switchboard: Switchboard) -> None:
        self._runtime = runtime
        self._switchboard = switchboard
        self._told: dict[str, tuple[str, Counter[str]]] = {}
        self._told_at = float("-inf")

    async def run(self) -> int:
        """One round."""
        await self._switchboard.warm()
        now = time.monotonic()
        due = now > self._told_at + _TELL_EVERY_S
        lines = [line for line in self._switchboard.lines if due or self._has_changed(line)]
        if lines:
            told = [self._health(line, now) for line in lines]
            seen = {line.gateway.name: (line.state, Counter(line.counts)) for line in lines}
            await self._runtime.run(lambda tx: gateways.tell_health(tx, told))
            self._told |= seen
        if due:
            self._told_at = now
        return 0

    def _has_changed(self, line: Line) -> bool:
        return self._told.get(line.gateway.name) != (line.state, line.counts)

    def _health(self, line: Line, now: float) -> Health:
        before = self._told.get(line.gateway.name, ("", Counter[str]()))[1]
        failing_since = line.breaker.failing_since
        new = line.counts - before
        return Health(
            line.gateway.name,
            line.state,
            line.code,
            None if failing_since is None else now - failing_since,
            accepted=new["accepted"],
            rejected=new["rejected"],
            unknown=new["unknown"],
            not_sent=new["not_sent"],
        )
