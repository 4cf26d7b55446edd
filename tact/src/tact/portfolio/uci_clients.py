"""Reads the public UCI credit-card file: each client as instalments and the payments the statuses imply.

Data: "Default of Credit Card Clients", I-Cheng Yeh, UCI Machine Learning Repository, doi 10.24432/C55S3H.

How the file is read. Each client is one loan in New Taiwan dollars with six monthly instalments, one for each
statement from April to September 2005; columns run backwards (BILL_AMT6, PAY_6: April; BILL_AMT1, PAY_0:
September).

- *Amount.* Status -1 and -2 (paid duly, no consumption): the whole statement. Any other: a minimum payment
  of one twentieth of the statement, at least 1,000 or the statement if less. A statement of zero or below
  asks nothing. The money that answers a statement is recorded in the following month (PAY_AMT of May for
  April: where the status turns from 0 to 2 it is the *next* amount that is zero, four times of five), and
  a client who is not late cannot have been asked for more than it: a lesser one above zero is the amount.
- *Status.* It describes the eve of the next due date. Code 2 is where a first missed payment shows (1 is
  almost absent before September, and a monthly account cannot be two months late a month after it was
  current), so 1 and 2 are one instalment unpaid, n is n - 1, and anything else is none.
- *Payments.* As many of the oldest instalments are paid as leave the status's number unpaid: on the due date
  when nothing was missed before, else some days after it (the file has no dates; the client number decides).
  Money recorded while more stays unpaid is a part payment, at most half of the oldest instalment.
- *Dates.* Due dates are on one of five days of the month, by client number. No interest and no penalty: the
  statements contain them.

Not read: SEX, EDUCATION, MARRIAGE, AGE and the default flag.
`UciReport` counts the client-months whose status this cannot reproduce, with the reason.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from tact.portfolio.errors import PortfolioFileUnreadable, PortfolioLineBad
from tact.portfolio.published import add_months

FIRST_MONTH: Final = date(2005, 4, 1)
MONTHS: Final = 6
_STATUS: Final = ("PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2", "PAY_0")
_BILL: Final = tuple(f"BILL_AMT{month}" for month in range(MONTHS, 0, -1))
_PAID: Final = tuple(f"PAY_AMT{month}" for month in range(MONTHS, 0, -1))
UCI_COLUMNS: Final = ("ID", "LIMIT_BAL", *_STATUS, *_BILL, *_PAID)

_MINIMUM_SHARE: Final = 20
_MINIMUM_MINOR: Final = 1_000_00
_DUE_DAYS: Final = (5, 10, 15, 20, 25)
#: Part payments and late ones come this many days after the due date, by client number.
_LATE_DAYS: Final = (1, 2, 3, 5, 8, 12, 17, 22)


@dataclass(slots=True)
class UciReport:
    """`reproduced` of `client_months` have the file's status on our books; `unreproduced` says why not."""

    clients: int = 0
    without_debt: int = 0
    client_months: int = 0
    reproduced: int = 0
    clients_unreproduced: int = 0
    unreproduced: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Answer:
    """A payment in minor units that answers the statement of `month` (0 is April), `late_days` after it."""

    month: int
    late_days: int
    amount: int


@dataclass(frozen=True, slots=True)
class Client:
    """One row of the file: instalments in minor units by month, and the payments its statuses imply."""

    number: int
    instalments: tuple[int, ...]
    payments: tuple[Answer, ...]

    @property
    def loan_id(self) -> str:
        return f"UCI-L{self.number:05d}"

    @property
    def borrower_id(self) -> str:
        return f"UCI-B{self.number:05d}"

    def due_on(self, month: int) -> date:
        return add_months(FIRST_MONTH.replace(day=_DUE_DAYS[self.number % len(_DUE_DAYS)]), month)


def read_clients(path: Path, *, limit: int | None = None, report: UciReport) -> Iterator[Client]:
    """The rows of the file, checked and counted in `report`; raises as import_uci."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in UCI_COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise PortfolioFileUnreadable(f"{path}: no column {', '.join(missing)}", path=str(path))
            for row in rows:
                if limit is not None and report.clients >= limit:
                    return
                yield _client(row, rows.line_num, report)
    except OSError as error:
        raise PortfolioFileUnreadable(f"{path}: {error.strerror}", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise PortfolioFileUnreadable(f"{path}: not UTF-8 ({error.reason})", path=str(path)) from error


def missed_instalments(code: int) -> int:
    """Unpaid instalments on the eve of the next due date at a status code."""
    return 0 if code <= 0 else max(1, code - 1)


def _client(row: dict[Any, Any], line: int, report: UciReport) -> Client:
    if None in row or None in row.values():
        raise PortfolioLineBad(line, "bad_schema", "more or fewer values than the header has columns")
    number = _whole(row, "ID", line)
    codes = [_whole(row, name, line) for name in _STATUS]
    bills = [_whole(row, name, line) * 100 for name in _BILL]
    # The answer to September's statement would be October's payment, which the file does not have.
    answers = [*(_whole(row, name, line) * 100 for name in _PAID[1:]), None]
    if number < 1 or any(answer is not None and answer < 0 for answer in answers):
        raise PortfolioLineBad(line, "bad_amount", "ID and the amounts paid cannot be negative")
    asked = tuple(_asked(*given) for given in zip(codes, bills, answers, strict=True))
    report.clients += 1
    if not any(asked):
        report.without_debt += 1
        return Client(number, asked, ())
    payments = tuple(_payments(number, asked, codes, answers, report))
    return Client(number, asked, payments)


def _whole(row: dict[str, Any], name: str, line: int) -> int:
    """A whole number; copies of the file also write 20000.0 and 1.00E+05."""
    text = row[name]
    try:
        value = Decimal(text)
        if value == int(value):
            return int(value)
    except (InvalidOperation, TypeError, ValueError, OverflowError):
        pass
    raise PortfolioLineBad(line, "bad_schema", f"{name}: {text!r} is not a whole number")


def _asked(code: int, bill: int, answer: int | None) -> int:
    """The instalment of one statement, in minor units."""
    if bill <= 0:
        return 0
    asked = bill if code < 0 else min(bill, max(bill // _MINIMUM_SHARE, _MINIMUM_MINOR))
    return min(asked, answer) if code <= 0 and answer else asked


def _payments(
    number: int, asked: tuple[int, ...], codes: list[int], answers: list[int | None], report: UciReport
) -> Iterator[Answer]:
    """Pays the oldest instalments so that the status's number stays unpaid, and counts where it cannot be."""
    unpaid: list[tuple[int, int]] = []
    failed = False
    for month, code in enumerate(codes):
        wanted = missed_instalments(code)
        was_late = bool(unpaid)
        if asked[month]:
            unpaid.append((month, asked[month]))
        paying, unpaid = unpaid[: max(0, len(unpaid) - wanted)], unpaid[max(0, len(unpaid) - wanted) :]
        late_days = _LATE_DAYS[(number + month) % len(_LATE_DAYS)]
        settled = sum(rest for _, rest in paying)
        part = 0
        if unpaid and answers[month]:
            oldest, rest = unpaid[0]
            part = max(0, min((answers[month] or 0) - settled, rest // 2))
            unpaid[0] = (oldest, rest - part)
        if settled + part:
            yield Answer(month, late_days if was_late or part else 0, settled + part)
        report.client_months += 1
        if len(unpaid) == wanted:
            report.reproduced += 1
        else:
            failed = True
            report.unreproduced[_reason(month, wanted, asked)] += 1
    report.clients_unreproduced += failed


def _reason(month: int, wanted: int, asked: tuple[int, ...]) -> str:
    if wanted > month + 1:
        return "missed before April"
    if sum(amount > 0 for amount in asked[: month + 1]) < wanted:
        return "late with nothing to pay"
    return "what was paid cannot be missed again"
