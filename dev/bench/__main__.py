"""`make bench`: intake, relay and end-to-end latency beside the bare loops of this machine, in one run."""

from __future__ import annotations

import logging

import structlog
import uvloop
from rich.console import Console

from dev.bench import intake, latency, relay
from dev.bench.machine import describe, kafka, place, postgres
from dev.bench.result import Result, print_results
from tact.postgres import PostgresServer

console = Console(width=150, soft_wrap=True)


async def _measure(server: PostgresServer, bootstrap: str | None) -> list[Result]:
    results: list[Result] = []
    brokers = [None, bootstrap] if bootstrap else [None]
    for number, broker in enumerate(brokers):
        name = "Kafka" if broker else "embedded log"
        console.print(f"{name}: relay ...")
        async with place(server, f"relay{number}", broker) as here:
            results.append(await relay.measure(here))
        console.print(f"{name}: intake ...")
        async with place(server, f"intake{number}", broker) as here:
            results.append(await intake.measure(here))
    return results


async def _latency(bootstrap: str | None) -> list[Result]:
    console.print(f"{'Kafka' if bootstrap else 'embedded log'}: settlement to gate ...")
    return await latency.measure(bootstrap)


def main() -> None:
    """Prints the table; every server it starts ends with it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console.print(describe())
    with kafka() as bootstrap:
        with postgres() as server:
            results = uvloop.run(_measure(server, bootstrap))
        results += uvloop.run(_latency(None))
    with kafka() as bootstrap:
        # A broker of its own: the system's topics must be empty.
        if bootstrap:
            results += uvloop.run(_latency(bootstrap))
    print_results(results, console)


if __name__ == "__main__":
    main()
