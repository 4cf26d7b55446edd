"""Loads what is said after the money arrived: strictly, or the process does not start."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from notifier.domain.closing import ClosingPolicy
from spine.policy import load_policy, read_rule_files

_FILE: Final = "closing.yaml"


def load_closing(override_dir: Path | None = None) -> ClosingPolicy:
    """The shipped policy, or the one in `override_dir`/notifier. BadPolicy names file, place and reason."""
    texts = read_rule_files("notifier", override_dir)
    return load_policy(ClosingPolicy, texts[_FILE], path=_FILE).policy
