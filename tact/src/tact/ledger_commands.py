"""`tact ledger`: what a file of events says of loans, worked out without a database."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from spine.errors import BadJson, TactError

if TYPE_CHECKING:
    from ledger.offline import FactsOfFile, Problem

app = typer.Typer(no_args_is_help=True, help="Ageing of a file of core-banking events, without a database.")

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WRONG_USAGE: Final = 2


class Language(StrEnum):
    """Languages in which figures are explained."""

    ZH_CN = "zh-CN"
    EN = "en"


def _date(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is not a date; dates are YYYY-MM-DD")


EventsFile = Annotated[
    Path, typer.Argument(metavar="EVENTS.ndjson", help="structured CloudEvents of core banking, one a line")
]
AsOf = Annotated[
    date, typer.Option("--as-of", metavar="DATE", parser=_date, help="the end of which business date")
]


@app.command()
def age(events: EventsFile, as_of: AsOf) -> None:
    """Print the arrears of every loan at the end of a date, one JSON line a loan.

    The file is what is known; its lines may be in any order, and those of
    parties are skipped. Loans come by the first line that names them; those
    opened later are left out. Terms that a loan does not state are those of
    the contract (no grace, tolerance 0.00, 1.5 times its rate over 360 days,
    one instalment settled after another), never those of a product's policy.
    The reversal of money that is not in the file changes nothing.

    A refused line is told as one JSON line on standard error and has no
    effect; the others are still done. Exit status: 0 all lines good, 1 some
    refused, 2 wrong usage, or the file is missing or not UTF-8.
    """
    import msgspec

    facts = _facts_of(events)
    encode = msgspec.json.Encoder().encode
    _write(encode(figures) + b"\n" for figures in facts.arrears(as_of))
    _end(facts)


@app.command()
def explain(
    events: EventsFile,
    as_of: AsOf,
    loan: Annotated[str, typer.Option(metavar="ID", help="the loan")],
    locale: Annotated[Language, typer.Option(help="the language")] = Language.ZH_CN,
) -> None:
    """Tell in plain sentences how a loan's arrears at the end of a date came about.

    Files and exit status are those of `tact ledger age`.
    """
    from ledger.domain.breakdown import breakdown
    from ledger.phrases import Locale
    from ledger.sentences import sentences

    facts = _facts_of(events)
    known = next(iter([each for each in facts.loans() if each.loan_id == loan]), None)
    if known is None or known.opened_on > as_of:
        _tell(facts.problems())
        _fail(f"{events}: no line opens loan {loan} by {as_of}")
    _write(line.encode() + b"\n" for line in sentences(breakdown(known, as_of), Locale(locale)))
    _end(facts)


def _facts_of(path: Path) -> FactsOfFile:
    """Reads the whole file; problems that nothing can precede are told at once."""
    from ledger.offline import FactsOfFile
    from spine.calendars import load_calendars
    from spine.logs import set_up_logs
    from tact.numbered_lines import MAX_LINE_BYTES, numbered_lines

    # Standard error is for lines that are refused, so that programs can read it.
    set_up_logs("tact", "CRITICAL")
    try:
        policy_dir = os.environ.get("TACT_POLICY_DIR")
        facts = FactsOfFile(load_calendars(Path(policy_dir) if policy_dir else None))
        with path.open("rb") as file:
            for number, line in numbered_lines(file):
                if line is None:
                    facts.refuse(number, BadJson(f"the line is longer than {MAX_LINE_BYTES} bytes"))
                else:
                    facts.read(number, line)
                if facts.refused:
                    _tell(facts.settled_problems())
    except OSError as error:
        _fail(f"{path}: {error.strerror or error}")
    except TactError as error:
        _fail(f"{path}: {error.detail}")
    return facts


def _tell(problems: Iterable[Problem]) -> None:
    import msgspec

    for problem in problems:
        sys.stderr.buffer.write(msgspec.json.encode(problem) + b"\n")
    sys.stderr.flush()


def _write(lines: Iterable[bytes]) -> None:
    """Standard output, in UTF-8 whatever the locale. A reader that has seen enough ends the command."""
    out = sys.stdout.buffer
    try:
        out.writelines(lines)
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        raise typer.Exit(1) from None
    except OSError as error:
        _fail(f"standard output: {error.strerror}")


def _end(facts: FactsOfFile) -> NoReturn:
    _tell(facts.problems())
    raise typer.Exit(1 if facts.refused else 0)


def _fail(message: str) -> NoReturn:
    print(f"tact: {message}", file=sys.stderr)
    raise typer.Exit(_WRONG_USAGE)
