"""`tact ledger` as a process: what it prints where, and its exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spine.events.corebanking import LoanTerms, PenaltyTerms
from tact.ledger_commands import app
from tests.ledger.events import due, opened, posted
from tests.ledger.files import Stated, lines_of

TACT = [sys.executable, "-m", "tact", "ledger"]
EXAMPLE = (
    b'{"loan_id":"L-1","borrower_id":"B-1","currency":"CNY","as_of":"2026-10-24","status":"overdue","dpd":31,'
    b'"past_due_days":31,"oldest_unpaid_due_on":"2026-09-23","overdue":{"principal":"2950.00",'
    b'"interest":"250.00","fee":"0.00","penalty":"54.87","compound":"4.65","total":"3259.52"},'
    b'"outstanding_principal":"2950.00","overpaid":"0.00","in_grace":false,"paused":false}\n'
)
LOAN = opened(
    due(1, "09-23", "2950.00", "250.00"),
    annual_rate="0.144",
    terms=LoanTerms(penalty=PenaltyTerms(compound_on_interest=True)),
)


def run(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    command = [*TACT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, **environ})


def age(path: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return run("age", path, "--as-of", "2026-10-24", **environ)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.ndjson"


def write(path: Path, *events: Stated, end: str = "\n") -> Path:
    path.write_bytes(end.join([*lines_of(*events), ""]).encode())
    return path


def problems(error: bytes) -> list[tuple[int, str]]:
    """Line and code of each line on standard error, which must be nothing else."""
    found = [json.loads(line) for line in error.splitlines()]
    assert all(list(each) == ["line", "code", "message"] for each in found)
    return [(each["line"], each["code"]) for each in found]


def test_the_example_of_the_contract_to_the_byte(path: Path) -> None:
    done = age(write(path, LOAN), LC_ALL="C", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (0, EXAMPLE, b"")


def test_bad_lines_are_told_and_the_others_done(path: Path) -> None:
    stray, dollars = posted("1.00", "09-23", loan="L-9"), posted("1.00", "09-23", currency="USD")
    done = age(write(path, "", stray, "nope", dollars, LOAN, " ", "{}"))
    assert (done.returncode, done.stdout) == (1, EXAMPLE)
    assert problems(done.stderr) == [
        (3, "bad_json"),
        (4, "wrong_currency"),
        (7, "bad_schema"),
        (2, "unknown_loan"),
    ]


def test_a_mark_carriage_returns_and_a_missing_end_of_line_are_nothing(path: Path) -> None:
    text = write(path, LOAN, posted("1.00", "12-01", id="贷"), end="\r\n").read_bytes()
    path.write_bytes(b"\xef\xbb\xbf\r\n" + text.removesuffix(b"\r\n"))
    assert age(path).stderr == b""
    path.write_bytes(b"\xef\xbb\xbf" + text + b"\r\n\r\n")
    assert age(path).stdout == EXAMPLE


@pytest.mark.parametrize("text", [b"", b"\xef\xbb\xbf", b"\n \r\n\t\n"], ids=["empty", "mark", "blank"])
def test_nothing_in_nothing_out(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    done = age(path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"{}\n\xff\xfe", b"line 2, byte 3"),
        ('{"a": "贷款"}\n'.encode()[:-5], b"line 1, byte 10"),
        ("{}".encode("utf-16"), b"line 1, byte 0"),
    ],
    ids=["bytes", "cut character", "utf-16"],
)
def test_what_is_not_utf_8_is_no_file_of_events(path: Path, text: bytes, where: bytes) -> None:
    path.write_bytes(text)
    done = age(path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert where in done.stderr


@pytest.mark.parametrize("day", ["20261024", "2026-02-30", "24.10.2026", "２０２６-10-24", "today", "", None])
def test_a_date_is_needed_and_is_a_date(path: Path, day: str | None) -> None:
    done = CliRunner().invoke(
        app, ["age", str(write(path, LOAN)), *(() if day is None else ("--as-of", day))]
    )
    assert (done.exit_code, done.stdout) == (2, "")


def test_wrong_usage(path: Path, tmp_path: Path) -> None:
    write(path, LOAN)
    wrong: Sequence[Sequence[str | Path]] = [
        ("age", tmp_path / "none", "--as-of", "2026-10-24"),
        ("age", tmp_path, "--as-of", "2026-10-24"),
        ("explain", path, "--as-of", "2026-10-24", "--loan", "L-9"),
        ("explain", path, "--as-of", "2025-10-24", "--loan", "L-1"),
    ]
    for arguments in wrong:
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, b""), arguments
        [message] = done.stderr.splitlines()
        assert message.startswith(b"tact: ")


def test_a_calendar_year_that_nobody_knows_is_not_told_among_the_problems(path: Path) -> None:
    terms = LoanTerms(holiday_rule="next_business_day")
    done = age(write(path, opened(due(1, "2090-10-01", "1.00"), due(2, "09-01", "1.00"), terms=terms)))
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_goes_ends_the_command_without_a_word(path: Path) -> None:
    write(path, *(opened(loan=f"L-{number}") for number in range(1_000)))
    command = [*TACT, "age", str(path), "--as-of", "2026-10-24"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b'{"loan_id":"L-0"')
        process.stdout.close()
        assert process.stderr.read() == b""


def test_an_interrupt_ends_it_without_a_traceback(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [*TACT, "age", str(pipe), "--as-of", "2026-10-24"]
    # Whoever runs in the background of a shell ignores interrupts, and so would what it starts.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        with pipe.open("wb") as writer:
            # The command has opened the pipe and reads: the first bad line is told at once.
            writer.write(b"nope\n" * 100)
            writer.flush()
            assert process.stderr is not None and process.stdout is not None
            assert process.stderr.readline().startswith(b'{"line":1,')
            process.send_signal(signal.SIGINT)
            assert b"Traceback" not in process.stderr.read()
        assert process.stdout.read() == b""
    assert process.returncode not in (0, 1, 2)


def test_explain_tells_a_loan_in_sentences(path: Path) -> None:
    write(path, LOAN, opened(loan="L-2"), "nope")
    chinese = run("explain", path, "--as-of", "2026-10-24", "--loan", "L-1", LC_ALL="C")
    assert (chinese.returncode, problems(chinese.stderr)) == (1, [(3, "bad_json")])
    assert "合计3,259.52。" in chinese.stdout.decode()
    english = run("explain", path, "--as-of", "2026-10-24", "--loan", "L-1", "--locale", "en")
    assert "together 3,259.52." in english.stdout.decode()
    assert "L-2" not in english.stdout.decode()
