"""A portfolio taken in and closed day by day comes to the very figures of `tact ledger age` on the same file."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

import ledger
from ledger import closing
from ledger.domain.position import position
from ledger.door import read_event
from ledger.figures import arrears
from ledger.handlers.core_facts import Intake, take
from ledger.policy import House
from ledger.store import loans, reads
from ledger.views.loans import loan_page
from spine.database import Tx
from tact.portfolio.files import open_portfolio
from tact.portfolio.generator import generate
from tact.portfolio.ndjson import write_events
from tact.portfolio.published import COREBANKING, PublishedEvent
from tests.ledger.desk import Desk
from tests.runtimes import SHANGHAI, service_runtime

Make = Callable[[], Awaitable[str]]
DAY = timedelta(days=1)
BATCH = 500


def house(folder: Path, first: date) -> House:
    """The shipped rules with the contract's tolerance: a file knows no house of its own."""
    shipped = (Path(ledger.__file__).parent / "rules" / "products.yaml").read_text(encoding="utf-8")
    (folder / "ledger").mkdir()
    strict = shipped.replace('tolerance: "10.00"', 'tolerance: "0.00"')
    assert strict != shipped
    (folder / "ledger" / "products.yaml").write_text(strict, encoding="utf-8")
    return House.load(SHANGHAI, policy_dir=folder, first_business_date=first)


def aged(file: Path, on: date) -> list[dict[str, Any]]:
    """What the command says of the file."""
    command = [sys.executable, "-m", "tact", "ledger", "age", str(file), "--as-of", on.isoformat()]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return [msgspec.json.decode(line) for line in done.stdout.splitlines()]


async def booked(desk: Desk, on: date, known: Sequence[str]) -> list[dict[str, Any]]:
    """What the service says of the same loans."""
    found: list[dict[str, Any]] = []

    async def work(tx: Tx, ids: Sequence[str]) -> None:
        accounts = await loans.accounts(tx, await loans.lock(tx, ids), desk.intake.terms)
        for loan_id in ids:
            facts = accounts[loan_id].facts
            figures = arrears(facts, position(facts, on))
            found.append(msgspec.json.decode(msgspec.json.encode(figures)))

    for start in range(0, len(known), BATCH):
        ids = known[start : start + BATCH]
        await desk.runtime.run(lambda tx, ids=ids: work(tx, ids))
    return found


async def listed(desk: Desk, on: date) -> dict[str, int]:
    """Every loan past due with its days, from the standings that the closes have kept."""
    async with desk.runtime.transaction() as tx:
        rows = await reads.list_arrears(
            tx, open_on=on, dpd_min=1, status=None, borrower_id=None, after=None, limit=1_000_000
        )
    return {item["loan_id"]: item["dpd"] for item in loan_page(rows, on, len(rows) + 1, by_dpd=True)["items"]}


async def play(
    desk: Desk, events: Sequence[PublishedEvent], zone: ZoneInfo, file: Path, *, checks: int, after: int
) -> int:
    """Takes each day's events in, closes the day, and compares on some days; returns how many figures agreed."""
    by_day: defaultdict[date, list[PublishedEvent]] = defaultdict(list)
    for event in events:
        by_day[event.at.astimezone(zone).date()].append(event)
    first, last = min(by_day), max(by_day) + timedelta(days=after)
    every = max(1, (last - first).days // checks)
    known: list[str] = []
    published: list[PublishedEvent] = []
    compared = 0
    for day in (first + n * DAY for n in range((last - first).days + 1)):
        batch = by_day.get(day, [])
        published += batch
        known += [e.event["data"]["loan_id"] for e in batch if e.event["type"] == "loan.opened.v1"]
        lines = iter(msgspec.json.encode(e.event) for e in batch if e.topic == COREBANKING)
        desk.go_to(day)
        while some := list(islice(lines, BATCH)):
            received = [read_event(line, desk.intake.house, desk.runtime.partitions) for line in some]
            await desk.runtime.run(lambda tx, received=received: take(tx, received, to=desk.intake))
        desk.go_to(day + DAY)
        await closing.close(desk.runtime, desk.intake, day)
        if (last - day).days % every == 0:
            write_events(file, published)
            expected = aged(file, day)
            assert await booked(desk, day, known) == expected
            late = {line["loan_id"]: line["dpd"] for line in aged(file, day + DAY) if line["dpd"]}
            assert await listed(desk, day + DAY) == late
            compared += len(expected)
    return compared


async def test_a_made_up_portfolio(make_database: Make, tmp_path: Path) -> None:
    start = date(2026, 1, 5)
    events = sorted(generate(loans=120, start_on=start, days=80, seed=7), key=lambda event: event.at)
    async with service_runtime(make_database, "ledger") as runtime:
        desk = Desk(runtime, Intake(house(tmp_path, events[0].at.astimezone(SHANGHAI).date())))
        assert await play(desk, events, SHANGHAI, tmp_path / "e.ndjson", checks=4, after=35) > 400


@pytest.mark.parametrize("clients", [300, pytest.param(30_000, marks=pytest.mark.long)])
async def test_the_real_portfolio(make_database: Make, tmp_path: Path, uci_file: Path, clients: int) -> None:
    events = sorted(open_portfolio(uci_file, limit=clients), key=lambda event: event.at)
    zone = ZoneInfo("Asia/Taipei")
    async with service_runtime(make_database, "ledger") as runtime:
        desk = Desk(runtime, Intake(house(tmp_path, events[0].at.astimezone(zone).date())))
        compared = await play(desk, events, zone, tmp_path / "e.ndjson", checks=6, after=45)
    assert compared > 5 * clients
