"""What the launchers of PostgreSQL and Kafka share: children that end with their parent, logs, waiting."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def ending_with_parent(command: Sequence[str], signal_name: str) -> list[str]:
    """The command, sent the signal when the thread that started it ends.

    Uses `setpriv` of util-linux, since the kernel forgets the wish at a change of user and Python code
    between fork and exec is unsafe in a process with threads. Where there is no `setpriv` the command is
    returned as it is: the child then outlives a killed parent, and the next start ends it.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, "--", *command] if setpriv else list(command)


def run_apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs the coroutine to its end in an event loop of its own, also when the caller is in one."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def last_lines(file: Path, since_byte: int = 0, count: int = 15) -> str:
    """The end of a log, indented, for an error message."""
    try:
        with file.open("rb") as log:
            log.seek(since_byte)
            lines = log.read().decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  (nothing logged)"
