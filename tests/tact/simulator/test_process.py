"""`python -m tact.simulator` runs by the stepped clock of the log's database and refuses bad options."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx

from spine.clock import step_clock
from spine.database import create_engine
from spine.migrations import migrate
from tact.ports import free_port
from tact.simulator.record import read_record
from tests.tact.simulator.running import NOON
from tests.tact.simulator.test_simulator import SECRET, message, post_to


async def started(tmp_path: Path, *options: str) -> tuple[asyncio.subprocess.Process, str]:
    """The process, and its URL; it need not answer yet."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tact.simulator", "--port", str(port)),
        *("--record", str(tmp_path / "gateway.ndjson"), "--secret-file", str(tmp_path / "secret"), *options),
        stderr=asyncio.subprocess.PIPE,
    )
    return process, f"http://127.0.0.1:{port}"


async def test_the_process_records_by_the_stepped_clock_and_ends_on_sigterm(
    tmp_path: Path, make_database: Callable[[], Awaitable[str]]
) -> None:
    url = await make_database()
    await migrate("spine.broker", url)
    engine = create_engine(url, name="test", pool_size=1)
    process, gateway = await started(tmp_path, "--clock-url", url)
    try:
        await _answers(process, gateway)
        for hours in (0, 1):
            await step_clock(engine, NOON + timedelta(hours=hours))
            await post_to(gateway, message(f"m{hours}-1"))
        lines = list(read_record(tmp_path / "gateway.ndjson"))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() in (0, -signal.SIGTERM)
    finally:
        await engine.dispose()
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert [line.received_at for line in lines] == [NOON, NOON + timedelta(hours=1)]
    # The second came at its not_after exactly, which is too late.
    assert [line.outcome for line in lines] == ["accepted", "dropped"]


async def test_a_misbehaviour_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    process, _ = await started(tmp_path, "--behaviour", '{"fault": "sulk"}')
    _, complaint = await process.communicate()
    assert process.returncode == 2
    assert b"behaviour" in complaint


async def _answers(process: asyncio.subprocess.Process, url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        while process.returncode is None:
            try:
                await client.get("/healthz")
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return
    raise AssertionError("the gateway did not start")
