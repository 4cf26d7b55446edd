"""Derives the constants of tact.portfolio.calibration from the UCI credit-card file named on the command line.

Data: "Default of Credit Card Clients", I-Cheng Yeh, UCI Machine Learning Repository, doi 10.24432/C55S3H.

    python dev/calibrate.py uci_credit_card.csv

The personal traits in the file (SEX, EDUCATION, MARRIAGE, AGE) are not read.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

#: April to August. September's status is coded differently (code 1 occurs 3,688 times there and 34 times
#: in the five months before), so a roll into it would compare two codings.
_STATUS: Final = ("PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2")
#: The money that answers the statement of the same place in _STATUS is recorded one month later.
_ANSWER: Final = ("PAY_AMT5", "PAY_AMT4", "PAY_AMT3", "PAY_AMT2", "PAY_AMT1")
_BILL: Final = ("BILL_AMT6", "BILL_AMT5", "BILL_AMT4", "BILL_AMT3", "BILL_AMT2")


def missed_instalments(code: int) -> int:
    """Instalments missed at a status code; 3 stands for three or more.

    A missed payment first shows as code 2: where 0 turns into 2, the amount paid in the following month is
    zero for four of five clients, and the one before for one of twenty-five.
    """
    return 0 if code <= 0 else min(max(1, code - 1), 3)


def _deciles(values: Iterable[int]) -> tuple[int, ...]:
    ordered = sorted(values)
    return tuple(ordered[(len(ordered) - 1) * tenth // 10] for tenth in range(11))


def _columns(row: Mapping[str, str], names: tuple[str, ...]) -> list[int]:
    return [int(row[name]) for name in names]


def derive(rows: Iterable[Mapping[str, str]]) -> dict[str, object]:
    """The calibration by the names it has in tact.portfolio.calibration."""
    rolls = [[0] * 4 for _ in range(4)]
    partial = [[0, 0] for _ in range(4)]
    limits: list[int] = []
    percents: list[int] = []
    for row in rows:
        limits.append(int(row["LIMIT_BAL"]))
        states = [missed_instalments(code) for code in _columns(row, _STATUS)]
        bills, answers = _columns(row, _BILL), _columns(row, _ANSWER)
        for month in range(1, len(states)):
            before, after = states[month - 1], states[month]
            rolls[before][after] += 1
            if after > before or before == after == 3:
                partial[before][0] += answers[month] > 0
                partial[before][1] += 1
                if answers[month] > 0 and bills[month] > 0:
                    percents.append(answers[month] * 20 * 100 // bills[month])
    return {
        "ROLL_COUNTS": tuple(map(tuple, rolls)),
        "PARTIAL_COUNTS": tuple(map(tuple, partial)),
        "PARTIAL_PERCENT_DECILES": _deciles(percent for percent in percents if 0 < percent < 100),
        "LIMIT_DECILES_TWD": _deciles(limits),
    }


def _read(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python dev/calibrate.py FILE")
    for name, value in derive(_read(Path(sys.argv[1]))).items():
        print(f"{name} = {value}")
