"""`python -m tact.simulator`: one simulated gateway as a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvicorn

from spine.clock import BusinessClock, SteppedClock, SystemClock
from spine.database import create_engine
from tact.simulator.accounts import Accounts
from tact.simulator.app import Simulator, create_app
from tact.simulator.behaviour import Behaviour


def main(
    port: Annotated[int, typer.Option(help="port on the loopback interface")],
    record: Annotated[Path, typer.Option(help="NDJSON file that every message is appended to")],
    secret_file: Annotated[Path, typer.Option(help="file with the shared signing secret (whsec_...)")],
    receipts: Annotated[str | None, typer.Option(help="where receipts are posted; none without it")] = None,
    clock_url: Annotated[
        str | None, typer.Option(help="database of the stepped clock, else the system's")
    ] = None,
    behaviour: Annotated[
        str, typer.Option(help="how it misbehaves, as JSON; see tact.simulator.behaviour")
    ] = "{}",
    accounts: Annotated[
        Path | None, typer.Option(help="JSON of the accounts at vendors whose protocols are spoken too")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the faults that strike a share of requests")] = 0,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
) -> None:
    """Runs a simulated gateway until SIGTERM."""
    clock: BusinessClock = SystemClock()
    if clock_url is not None:
        clock = SteppedClock(create_engine(clock_url, name="gateway", pool_size=2))
    try:
        behaves = Behaviour().changed(json.loads(behaviour))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--behaviour") from None
    simulator = Simulator(
        record,
        secret_file.read_text().strip(),
        clock.now,
        receipts_url=receipts,
        behaviour=behaves,
        seed=seed,
    )
    uvicorn.run(
        create_app(simulator, _accounts(accounts)),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        proxy_headers=False,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )


def _accounts(path: Path | None) -> Accounts | None:
    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Accounts)
    except (OSError, msgspec.DecodeError) as error:
        raise typer.BadParameter(str(error), param_hint="--accounts") from None


if __name__ == "__main__":
    typer.run(main)
