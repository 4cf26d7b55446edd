"""`make bench`: day close, staging, relay, intake and latency beside bare loops of this machine, in one run."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Collection

import structlog
import uvloop
from rich.console import Console

from dev.bench import day_close, decide, intake, latency, opening, relay, sends, staging
from dev.bench.machine import describe, kafka, place, postgres
from dev.bench.result import Result, print_results
from dev.bench.worklist import CASES as OPEN_CASES
from dev.bench.worklist import measure as measure_worklist
from spine.process import settle_garbage
from tact.postgres import PostgresServer

console = Console(width=150, soft_wrap=True)


BENCHES = ("day-close", "staging", "worklist", "decide", "send", "opening", "relay", "intake", "latency")


async def _day_close(server: PostgresServer, loans: int, changes: int) -> list[Result]:
    """The same changes in a tenth of the loans, and in all of them."""
    console.print(f"day close: {loans:,} loans and a tenth of them ...")
    async with place(server, "tenth", None) as small, place(server, "whole", None) as large:
        closes = await day_close.measure([(small, loans // 10), (large, loans)], changes)
    console.print(day_close.summary(*closes))
    return [each.result() for each in closes]


async def _measure(server: PostgresServer, bootstrap: str | None, chosen: Collection[str]) -> list[Result]:
    results: list[Result] = []
    brokers = [None, bootstrap] if bootstrap else [None]
    for number, broker in enumerate(brokers):
        name = "Kafka" if broker else "embedded log"
        if "relay" in chosen:
            console.print(f"{name}: relay ...")
            async with place(server, f"relay{number}", broker) as here:
                results.append(await relay.measure(here))
        if "intake" in chosen:
            console.print(f"{name}: intake ...")
            async with place(server, f"intake{number}", broker) as here:
                results.append(await intake.measure(here))
    return results


async def _staging(server: PostgresServer) -> list[Result]:
    console.print(f"staging: {staging.CASES:,} cases ...")
    async with place(server, "staging", None) as here:
        return await staging.measure(here)


async def _latency(bootstrap: str | None) -> list[Result]:
    console.print(f"{'Kafka' if bootstrap else 'embedded log'}: settlement to gate ...")
    return await latency.measure(bootstrap)


async def _worklist(server: PostgresServer) -> list[Result]:
    console.print(f"worklist: {OPEN_CASES:,} open cases ...")
    async with place(server, "work", None) as here:
        return await measure_worklist(here)


async def _send(server: PostgresServer) -> list[Result]:
    results = []
    for batched in (True, False):
        console.print(f"sends, {'in batches' if batched else 'one by one'} ...")
        async with place(server, "batched" if batched else "single", None) as here:
            results.append(await sends.measure(here, batched=batched))
    return results


async def _opening(server: PostgresServer, messages: int) -> list[Result]:
    console.print(f"opening: {messages:,} messages wait for 08:00 ...")
    async with place(server, "opening", None) as here:
        figure, curve = await opening.measure(here, messages)
    console.print(curve)
    return [figure]


def _with_brokers(chosen: Collection[str]) -> list[Result]:
    """Relay, intake and latency, on the embedded log and on Kafka where there is one."""
    results: list[Result] = []
    with kafka() as bootstrap:
        with postgres() as server:
            results += uvloop.run(_measure(server, bootstrap, chosen))
        if "latency" in chosen:
            results += uvloop.run(_latency(None))
    if "latency" in chosen:
        with kafka() as bootstrap:
            # A broker of its own: the system's topics must be empty.
            if bootstrap:
                results += uvloop.run(_latency(bootstrap))
    return results


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.bench", description=__doc__)
    parser.add_argument("bench", nargs="*", help=f"which to run, of {', '.join(BENCHES)}; without a name all")
    parser.add_argument("--loans", type=int, default=day_close.LOANS, help="loans of the day close")
    parser.add_argument("--changes", type=int, default=day_close.CHANGES, help="of which so many change")
    parser.add_argument("--messages", type=int, default=opening.MESSAGES, help="messages of the opening")
    given = parser.parse_args()
    if unknown := set(given.bench) - set(BENCHES):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    if not 0 < given.changes <= given.loans // 10:
        parser.error("--changes must be at least 1 and at most a tenth of --loans")
    return given


def main() -> None:
    """Prints the table; every server it starts ends with it."""
    given = _arguments()
    chosen = given.bench or BENCHES
    # Ended from outside it still takes its servers and their data along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console.print(describe())
    settle_garbage()
    results: list[Result] = []
    if "day-close" in chosen:
        # First: the memory it reports is the most this process ever held.
        with postgres() as server:
            results += uvloop.run(_day_close(server, given.loans, given.changes))
    if "staging" in chosen:
        with postgres() as server:
            results += uvloop.run(_staging(server))
    if "worklist" in chosen:
        with postgres() as server:
            results += uvloop.run(_worklist(server))
    if "decide" in chosen:
        console.print(f"decide: {decide.DECISIONS:,} contact decisions a round ...")
        results += decide.measure()
    if "send" in chosen:
        with postgres() as server:
            results += uvloop.run(_send(server))
    if "opening" in chosen:
        with postgres() as server:
            results += uvloop.run(_opening(server, given.messages))
    if set(chosen) - {"worklist", "day-close", "staging", "send", "opening", "decide"}:
        results += _with_brokers(chosen)
    print_results(results, console)


if __name__ == "__main__":
    main()
