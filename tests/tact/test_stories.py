"""The stories a demo plays: the public data set is moved to days on which today's contact rules hold."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tact.portfolio.ndjson import write_events
from tact.portfolio.published import Publisher
from tact.portfolio.uci_clients import UCI_COLUMNS
from tact.stories import UCI_YEARS, portfolio_story

ZONE = ZoneInfo("Asia/Shanghai")


def test_the_uci_months_are_played_years_later_on_the_same_days(tmp_path: Path) -> None:
    values = {name: "0" for name in UCI_COLUMNS} | {"ID": "1", "LIMIT_BAL": "20000"}
    values |= {f"BILL_AMT{n}": "3000" for n in range(1, 7)} | {f"PAY_AMT{n}": "500" for n in range(1, 7)}
    path = tmp_path / "clients.csv"
    path.write_text(",".join(values) + "\n" + ",".join(values.values()) + "\n", encoding="utf-8")
    story = portfolio_story(path, loans=10, zone=ZONE)
    events = list(story.events)
    assert story.start_on == date(2005 + UCI_YEARS, 4, 1)
    loan = next(event.event for event in events if event.event["type"] == "loan.opened.v1")
    assert {row["due_on"][:4] for row in loan["data"]["schedule"]} == {str(2005 + UCI_YEARS)}
    assert all(event.at.isoformat() == event.event["time"] for event in events)


def test_a_file_of_events_is_played_as_it_is(tmp_path: Path) -> None:
    at = datetime(2026, 1, 5, 4, tzinfo=UTC)
    data = {"borrower_id": "B1", "name": "王", "contact_points": []}
    path = tmp_path / "events.ndjson"
    write_events(path, [Publisher("urn:test", "p").publish(at, "borrower.updated.v1", "b1", data)])
    story = portfolio_story(path, loans=1, zone=ZONE)
    assert (story.start_on, [event.at for event in story.events]) == (date(2026, 1, 5), [at])
