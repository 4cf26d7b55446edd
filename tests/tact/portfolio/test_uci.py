"""The UCI credit-card file as core banking's events: made-up rows always, the real file when it is here."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from spine.events import decode, event_class
from spine.money import parse_minor
from tact.portfolio.account import Account, Due
from tact.portfolio.errors import PortfolioFileUnreadable, PortfolioLineBad
from tact.portfolio.published import PublishedEvent, add_months
from tact.portfolio.uci import import_uci
from tact.portfolio.uci_clients import UCI_COLUMNS, UciReport, missed_instalments

HEADER = (
    "ID,LIMIT_BAL,SEX,EDUCATION,MARRIAGE,AGE,PAY_0,PAY_2,PAY_3,PAY_4,PAY_5,PAY_6,"
    "BILL_AMT1,BILL_AMT2,BILL_AMT3,BILL_AMT4,BILL_AMT5,BILL_AMT6,"
    "PAY_AMT1,PAY_AMT2,PAY_AMT3,PAY_AMT4,PAY_AMT5,PAY_AMT6,default.payment.next.month"
)


def row(number: int, statuses: list[int], bills: list[int], paid: list[int]) -> str:
    """A line of the file from figures in order of time, April first."""
    values = [number, 50_000, 1, 1, 1, 30, *statuses[::-1], *bills[::-1], *paid[::-1], 0]
    return ",".join(map(str, values))


def written(folder: Path, *rows: str) -> Path:
    path = folder / "clients.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def unpaid_on_eves(events: list[PublishedEvent]) -> dict[str, list[int]]:
    """Instalments unpaid by loan on the eve of each next due date, from the events alone."""
    money = defaultdict(list)
    for published in events:
        data = published.event["data"]
        if published.event["type"] == "repayment.posted.v1":
            money[data["loan_id"]].append(
                (date.fromisoformat(data["value_date"]), parse_minor(data["amount"], "TWD"))
            )
    found: dict[str, list[int]] = {}
    for published in events:
        if published.event["type"] != "loan.opened.v1":
            continue
        loan = published.event["data"]
        schedule = [
            Due(date.fromisoformat(row["due_on"]), parse_minor(row["principal"], "TWD"), 0)
            for row in loan["schedule"]
        ]
        found[loan["loan_id"]] = counts = []
        for due in schedule:
            eve = add_months(due.on, 1) - timedelta(days=1)
            books = Account(schedule, 0)
            for on, amount in money[loan["loan_id"]]:
                if on <= eve:
                    books.pay(on, amount)
            counts.append(books.overdue(eve)[1])
    return found


def statuses_of(path: Path) -> dict[str, list[int]]:
    names = path.read_text(encoding="utf-8").splitlines()
    columns = names[0].split(",")
    wanted = [columns.index(f"PAY_{month}") for month in (6, 5, 4, 3, 2, 0)]
    return {
        f"UCI-L{int(line.split(',')[0]):05d}": [int(line.split(",")[index]) for index in wanted]
        for line in names[1:]
    }


def test_the_status_is_reproduced_on_the_books(tmp_path: Path) -> None:
    bills = [20_000] * 6
    cases = {
        1: [0, 0, 0, 0, 0, 0],
        2: [0, 2, 0, 0, 2, 2],
        3: [2, 3, 4, 5, 6, 7],
        4: [-1, -1, 2, 3, 2, -1],
        5: [0, 0, 0, 0, 0, 1],
        6: [2, 2, 2, 2, 2, 2],
    }
    rows = [row(number, codes, bills, [0, 900, 0, 2_000, 500, 0]) for number, codes in cases.items()]
    report = UciReport()
    events = list(import_uci(written(tmp_path, *rows), report=report))
    for number, codes in cases.items():
        assert unpaid_on_eves(events)[f"UCI-L{number:05d}"] == [missed_instalments(code) for code in codes], (
            codes
        )
    assert (report.clients, report.client_months, report.reproduced) == (6, 36, 36)


def test_what_cannot_be_reproduced_is_counted_with_its_reason(tmp_path: Path) -> None:
    rows = [
        row(1, [4, 0, 0, 0, 0, 0], [20_000] * 6, [1_000] * 6),
        row(2, [-2, 2, 0, 0, 0, 0], [0, 0, 9_000, 9_000, 9_000, 9_000], [1_000] * 6),
        row(3, [0, 3, 0, 0, 0, 0], [20_000] * 6, [1_000] * 6),
        row(4, [-2, -2, -2, -2, -2, -2], [0, -5, 0, 0, 0, 0], [0] * 6),
    ]
    report = UciReport()
    events = list(import_uci(written(tmp_path, *rows), report=report))
    assert report.unreproduced == {
        "missed before April": 1,
        "late with nothing to pay": 1,
        "what was paid cannot be missed again": 1,
    }
    assert (report.clients, report.without_debt, report.clients_unreproduced) == (4, 1, 3)
    assert report.reproduced == report.client_months - 3 == 15
    assert not any(event.key == "UCI-B00004" for event in events)


def test_amounts_come_from_the_statements(tmp_path: Path) -> None:
    statuses, bills = [-1, 0, 0, 2, 0, 0], [5_000, 40_000, 40_000, 40_000, 600, 40_000]
    path = written(tmp_path, row(9, statuses, bills, [0, 5_000, 2_500, 1_500, 0, 9_999]))
    loan = next(event.event["data"] for event in import_uci(path) if event.event["type"] == "loan.opened.v1")
    # In full; a twentieth; what was paid when that is less; a twentieth; the statement; a twentieth.
    expected = ["5000.00", "2000.00", "1500.00", "2000.00", "600.00", "2000.00"]
    assert [line["principal"] for line in loan["schedule"]] == expected
    assert loan["principal"] == "13100.00"
    assert loan["currency"] == "TWD"


def test_months_and_limit_bound_what_is_played(tmp_path: Path) -> None:
    path = written(tmp_path, *(row(n, [0] * 6, [20_000] * 6, [1_000] * 6) for n in (1, 2, 3)))
    events = list(import_uci(path, limit=2, months=4))
    kinds = [event.event["type"] for event in events]
    assert (kinds.count("loan.opened.v1"), kinds.count("repayment.posted.v1")) == (2, 8)


def test_events_are_valid_ordered_and_of_2005(tmp_path: Path) -> None:
    path = written(tmp_path, *(row(n, [0, 2, 2, 0, 3, 0], [20_000] * 6, [700] * 6) for n in range(1, 30)))
    check_events(list(import_uci(path)))


def check_events(events: list[PublishedEvent]) -> None:
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert len({event.event["id"] for event in events}) == len(events)
    taipei = ZoneInfo("Asia/Taipei")
    assert events[0].at == datetime(2005, 4, 1, tzinfo=taipei)
    assert events[-1].at < datetime(2005, 10, 25, tzinfo=taipei)
    for published in events:
        body = json.dumps(published.event["data"]).encode()
        decode(event_class(published.topic, published.event["type"]), body)


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (("20000", "much"), "bad_schema", "BILL_AMT1"),
        (("20000", "nan"), "bad_schema", "BILL_AMT1"),
        ((",1000,", ",-1000,"), "bad_amount", "negative"),
        (("1,50000", "1"), "bad_schema", "fewer values"),
        (("1,50000", "1,50000,7"), "bad_schema", "more or"),
    ],
)
def test_a_bad_row_is_named_by_its_line(
    tmp_path: Path, spoil: tuple[str, str], code: str, words: str
) -> None:
    good = row(1, [0] * 6, [20_000] * 6, [1_000] * 6)
    path = written(tmp_path, good, good.replace(*spoil, 1))
    with pytest.raises(PortfolioLineBad, match=words) as refused:
        import_uci(path)
    assert (refused.value.line, refused.value.line_code) == (3, code)


def test_numbers_as_copies_write_them(tmp_path: Path) -> None:
    good = row(1, [0] * 6, [20_000] * 6, [1_000] * 6)
    plain = list(import_uci(written(tmp_path, good)))
    other = list(import_uci(written(tmp_path, good.replace("20000", "2.0E+04").replace("1000", "1000.0"))))
    assert plain == other


def test_a_missing_column_and_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "half.csv"
    path.write_text("ID,LIMIT_BAL\n1,2\n", encoding="utf-8")
    with pytest.raises(PortfolioFileUnreadable, match="PAY_6"):
        import_uci(path)
    with pytest.raises(PortfolioFileUnreadable, match="No such file"):
        import_uci(tmp_path / "none.csv")


def test_personal_traits_are_not_read() -> None:
    assert not {"SEX", "EDUCATION", "MARRIAGE", "AGE"} & set(UCI_COLUMNS)


def test_the_real_file(uci_file: Path) -> None:
    report = UciReport()
    events = list(import_uci(uci_file, report=report))
    assert (report.clients, report.without_debt) == (30_000, 966)
    assert report.reproduced > 0.98 * report.client_months
    check_events(events)
    unpaid = unpaid_on_eves(events)
    assert len(unpaid) == 30_000 - 966
    real = statuses_of(uci_file)
    agreeing = sum(
        count == missed_instalments(code)
        for loan_id, counts in unpaid.items()
        for count, code in zip(counts, real[loan_id], strict=True)
    )
    assert agreeing == report.reproduced
