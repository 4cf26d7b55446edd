"""Names what a decision depends on besides its facts and policy: the core, how words are read, the zones' data."""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from notifier.domain.words import FOLDING

#: Raised whenever the same facts, policy and instant may be decided otherwise than before.
CORE: Final = "decide-3"


@cache
def engine() -> str:
    """Such as `decide-3 words-2 tzdata-2025b`; a decision of another engine need not come out the same again."""
    return f"{CORE} {FOLDING} tzdata-{_zones()}"


def _zones() -> str:
    """The version of the zone data in use: the system's wins over the package's, as in zoneinfo itself."""
    for folder in zoneinfo.TZPATH:
        source = Path(folder) / "tzdata.zi"
        if source.is_file():
            with source.open(encoding="ascii", errors="replace") as lines:
                return lines.readline().removeprefix("# version").strip()[:20] or "unknown"
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "unknown"
