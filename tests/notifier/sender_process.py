"""A sender as a process of its own, to be killed or stopped at a failpoint: forks one for each line it reads."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from notifier.app import assemble
from notifier.settings import NotifierSettings
from notifier.vault import KEY_BYTES, Vault
from spine.clock import FixedClock
from spine.database import Runtime, create_engine
from spine.failpoints import arm
from tests.runtimes import SHANGHAI


async def send(given: dict[str, Any]) -> None:
    """Sends what is due, once."""
    engine = create_engine(given["database"], name="sender")
    clock = FixedClock(datetime.fromisoformat(given["now"]))
    runtime = Runtime("notifier", engine, clock, SHANGHAI, 2)
    settings = replace(
        NotifierSettings(gateway_url=given["gateway"], gateway_secret_file=Path(given["secret_file"])),
        gateway_idempotent=given["idempotent"],
        lanes=1,
        fresh_within_s=600.0,
    )
    vault = Vault({"k1": b"k" * KEY_BYTES, "index": b"i" * KEY_BYTES}, "k1")
    service = assemble(runtime, settings, vault)
    [schedule] = [schedule for schedule in service.schedules if schedule.name == "send"]
    while await schedule.run():
        pass
    for close in service.closing:
        await close()
    await engine.dispose()


def child(given: dict[str, Any]) -> None:
    """Never returns."""
    status = 1
    # What is said there is read by who started it.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        arm(given["failpoints"])
        asyncio.run(send(given))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def main() -> None:
    """A line in is a sender; lines out: its pid, each time it stopped, and how it ended (signal or status)."""
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        print(pid, flush=True)
        while True:
            _, status = os.waitpid(pid, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                print("stopped", flush=True)
                continue
            killed = os.WIFSIGNALED(status)
            how = f"killed {os.WTERMSIG(status)}" if killed else f"ended {os.WEXITSTATUS(status)}"
            print(how, flush=True)
            break


if __name__ == "__main__":
    main()
