"""The real data set, when the machine has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def uci_file() -> Path:
    folder = os.environ.get("TACT_DATASETS")
    if not folder:
        pytest.skip("TACT_DATASETS does not name a folder of public data sets")
    file = Path(folder) / "uci_credit_card.csv"
    if not file.is_file():
        pytest.skip(f"{folder} holds no uci_credit_card.csv")
    return file
