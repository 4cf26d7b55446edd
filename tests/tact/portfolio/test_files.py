"""Portfolio files: their kind, what was written read back, and bad lines by number."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tact.portfolio.errors import PortfolioFileUnreadable, PortfolioLineBad
from tact.portfolio.files import PortfolioKind, detect, open_portfolio
from tact.portfolio.generator import generate
from tact.portfolio.ndjson import BadLine, load_events, scan_events, to_line, write_events
from tact.portfolio.uci_clients import UCI_COLUMNS

START = date(2026, 1, 5)


def repayment(**changes: Any) -> dict[str, Any]:
    data = {
        "borrower_id": "B1",
        "loan_id": "L1",
        "repayment_id": "R1",
        "amount": "10.00",
        "currency": "CNY",
        "value_date": "2026-01-05",
        "posted_at": "2026-01-05T11:30:00+08:00",
    }
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "core",
        "type": changes.pop("type", "repayment.posted.v1"),
        "data": data | changes,
    }


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "portfolio"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_what_is_written_is_read_back_the_same(tmp_path: Path) -> None:
    events = list(generate(loans=40, start_on=START, days=60, seed=5))
    path = tmp_path / "corebanking.ndjson"
    assert write_events(path, events) == len(events)
    assert detect(path) is PortfolioKind.NDJSON
    assert open_portfolio(path) == events


def test_bad_lines_are_numbered_and_the_others_are_read(tmp_path: Path) -> None:
    good = json.dumps(repayment())
    lines = [
        good,
        "{broken",
        "",
        json.dumps(repayment(amount=10)),
        json.dumps(repayment(amount="-1.00")),
        good.replace('"10.00"', "NaN"),
        json.dumps(repayment(type="repayment.guessed.v1")),
        json.dumps(repayment(loan_id="")),
        good,
    ]
    found = list(scan_events(write(tmp_path, "\n".join(lines))))
    assert [(bad.line, bad.code) for bad in found if isinstance(bad, BadLine)] == [
        (2, "bad_json"),
        (4, "bad_amount"),
        (5, "bad_amount"),
        (6, "bad_amount"),
        (7, "unknown_type"),
        (8, "bad_schema"),
    ]
    assert sum(not isinstance(line, BadLine) for line in found) == 2


def test_loading_stops_at_the_first_bad_line(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(repayment()) + "\nnonsense\n")
    with pytest.raises(PortfolioLineBad, match="line 2") as refused:
        load_events(path)
    assert (refused.value.line, refused.value.line_code) == (2, "bad_json")


def test_lines_in_any_order_are_played_in_order_of_time(tmp_path: Path) -> None:
    later = repayment(repayment_id="R2", posted_at="2026-01-06T11:30:00+08:00") | {"id": "e2"}
    loan = {
        "borrower_id": "B1",
        "loan_id": "L1",
        "product": "consumer-loan",
        "currency": "CNY",
        "principal": "10.00",
        "annual_rate": "0.12",
        "opened_on": "2026-01-05",
        "schedule": [{"seq": 1, "due_on": "2026-02-05", "principal": "10.00", "interest": "0.00"}],
    }
    opened = {"specversion": "1.0", "id": "e0", "source": "core", "type": "loan.opened.v1", "data": loan}
    path = write(tmp_path, "\n".join(json.dumps(event) for event in (later, repayment(), opened)))
    events = load_events(path)
    assert [event.event["id"] for event in events] == ["e0", "e1", "e2"]
    assert events[0].at == datetime(2026, 1, 4, 16, tzinfo=UTC)
    assert events[1].at == datetime(2026, 1, 5, 3, 30, tzinfo=UTC)


def test_the_time_of_an_event_is_when_it_is_published(tmp_path: Path) -> None:
    told = repayment() | {"time": "2026-03-01T00:00:00Z"}
    assert load_events(write(tmp_path, json.dumps(told)))[0].at == datetime(2026, 3, 1, tzinfo=UTC)


def test_names_are_written_as_people_read_them() -> None:
    event = next(iter(generate(loans=1, start_on=START, days=1, seed=1)))
    assert event.event["data"]["name"] in to_line(event)
    assert "\n" not in to_line(event)


@pytest.mark.parametrize("content", ["", "\n\n", '\n{"specversion":"1.0"}', "\ufeff{}"])
def test_ndjson_is_recognised(tmp_path: Path, content: str) -> None:
    assert detect(write(tmp_path, content)) is PortfolioKind.NDJSON


@pytest.mark.parametrize("quote", ["", '"'])
def test_the_uci_file_is_recognised_by_its_header(tmp_path: Path, quote: str) -> None:
    header = ",".join(f"{quote}{name}{quote}" for name in (*UCI_COLUMNS, "AGE"))
    assert detect(write(tmp_path, header + "\r\n")) is PortfolioKind.UCI
    assert open_portfolio(tmp_path / "portfolio") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("loan,amount\n1,2\n", "neither"),
        ("ID,LIMIT_BAL\n1,2\n", "PAY_AMT1"),
        ("[]\n", "neither"),
        (b"{}\n" * 500_000 + b"\xff\xfe", "not UTF-8.*1500000"),
        (b"\xe5\xae", "not UTF-8"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    with pytest.raises(PortfolioFileUnreadable, match=words):
        detect(write(tmp_path, content))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(PortfolioFileUnreadable):
            detect(path)
        with pytest.raises(PortfolioFileUnreadable):
            list(scan_events(path))
