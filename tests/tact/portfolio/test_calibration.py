"""The calibration is what the script derives from the real file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tact.portfolio import calibration

SCRIPT = Path(__file__).parents[3] / "dev" / "calibrate.py"


def test_the_constants_are_what_the_script_prints(uci_file: Path) -> None:
    command = [sys.executable, str(SCRIPT), str(uci_file)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    derived = dict(line.split(" = ") for line in printed.splitlines())
    assert len(derived) == 4
    for name, value in derived.items():
        assert getattr(calibration, name) == ast.literal_eval(value), name


def test_the_script_derives_from_rows_it_is_given(tmp_path: Path) -> None:
    """One client: current in April and May, one missed in June and July, two in August."""
    months = (6, 5, 4, 3, 2)
    figures = {f"PAY_{month}": code for month, code in zip(months, (-1, 0, 2, 2, 3), strict=True)}
    figures |= {f"BILL_AMT{month}": 20_000 for month in months}
    figures |= {
        f"PAY_AMT{month}": paid for month, paid in zip((5, 4, 3, 2, 1), (9, 9, 0, 0, 400), strict=True)
    }
    figures["LIMIT_BAL"] = 30_000
    path = tmp_path / "one.csv"
    path.write_text(",".join(figures) + "\n" + ",".join(map(str, figures.values())) + "\n", encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(path)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert printed.splitlines() == [
        "ROLL_COUNTS = ((1, 1, 0, 0), (0, 1, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0))",
        "PARTIAL_COUNTS = ((0, 1), (1, 1), (0, 0), (0, 0))",
        f"PARTIAL_PERCENT_DECILES = {(40,) * 11}",
        f"LIMIT_DECILES_TWD = {(30000,) * 11}",
    ]
