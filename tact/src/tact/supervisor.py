"""Keeps the processes of a one-machine system running: starts, restarts with backoff, stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from spine.process import EXIT_REFUSED
from tact.child_process import ending_with_parent

#: A process that refuses to run this often within the window is left down, with the reason in its log.
MAX_REFUSALS: Final = 5
REFUSAL_WINDOW_S: Final = 600.0
STOP_TIMEOUT_S: Final = 12.0
_LOG_LIMIT_BYTES: Final = 20_000_000


@dataclass(slots=True)
class Child:
    """One supervised process. `restarts` counts its unasked ends.

    `first_environment` is for its next start only.
    """

    name: str
    arguments: Sequence[str]
    first_environment: Mapping[str, str] = field(default_factory=dict)
    spawned: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    restarts: int = 0
    refusals: deque[float] = field(default_factory=deque)
    given_up: bool = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self.process is not None and self.process.returncode is None
        return self.process.pid if running and self.process else None


class Supervisor:
    """Runs children of this Python (`python -m tact ...`) until told to stop."""

    def __init__(self, logs: Path, environment: Mapping[str, str], on_change: Callable[[], None]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._on_change = on_change
        self.children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def start(self, child: Child) -> None:
        """Starts a child and keeps it running."""
        self.children[child.name] = child
        await self._spawn(child)
        self._keepers[child.name] = asyncio.create_task(self._keep(child))

    async def restart(self, name: str, environment: Mapping[str, str]) -> None:
        """Ends a child in order and starts it with more environment, which its next start no longer has."""
        child = self.children[name]
        child.first_environment = dict(environment)
        child.spawned.clear()
        if child.process is not None and child.pid is not None:
            child.process.send_signal(signal.SIGTERM)
            await child.process.wait()
        await child.spawned.wait()

    async def stop(self) -> None:
        """Ends all children, workers before doors so that what was accepted is also passed on."""
        self._stopping = True
        for keeper in self._keepers.values():
            keeper.cancel()
        running = [c for c in self.children.values() if c.pid is not None]
        for child in running:
            with contextlib.suppress(ProcessLookupError):
                assert child.process is not None
                child.process.send_signal(signal.SIGTERM)
        for child in running:
            assert child.process is not None
            try:
                await asyncio.wait_for(child.process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                child.process.kill()
                await child.process.wait()
        self._on_change()

    async def _spawn(self, child: Child) -> None:
        log_path = self._logs / f"{child.name}.log"
        if log_path.exists() and log_path.stat().st_size > _LOG_LIMIT_BYTES:
            log_path.replace(log_path.with_suffix(".log.1"))
        command = ending_with_parent([sys.executable, *child.arguments], "TERM")
        with log_path.open("ab") as log:
            child.process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self._inherited(), **self._environment, **child.first_environment},
                # Ctrl-C in the terminal is for the supervisor, which stops its children in order.
                start_new_session=True,
            )
        child.first_environment = {}
        child.spawned.set()
        child.started_at = time.monotonic()
        self._on_change()

    def _inherited(self) -> dict[str, str]:
        """This process's environment without what it says of databases and brokers: that is given anew."""
        away = ("TACT_KAFKA_", "TACT_DATABASE_URL")
        return {name: value for name, value in os.environ.items() if not name.startswith(away)}

    async def _keep(self, child: Child) -> None:
        delay_s = 0.5
        while not self._stopping:
            assert child.process is not None
            code = await child.process.wait()
            if self._stopping:
                return
            child.restarts += 1
            if code == EXIT_REFUSED and self._refused_too_often(child):
                child.given_up = True
                self._on_change()
                return
            lived_s = time.monotonic() - child.started_at
            delay_s = 0.5 if lived_s > 30 else min(delay_s * 2, 10.0)
            await asyncio.sleep(delay_s if lived_s < 5 else 0.1)
            await self._spawn(child)

    def _refused_too_often(self, child: Child) -> bool:
        now = time.monotonic()
        child.refusals.append(now)
        while child.refusals and now - child.refusals[0] > REFUSAL_WINDOW_S:
            child.refusals.popleft()
        return len(child.refusals) > MAX_REFUSALS
