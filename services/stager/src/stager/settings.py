"""The stager's own settings, TACT_STAGER_*; business numbers are policy, not settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from spine.settings import BadSettings, own_settings

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class StagerSettings:
    """`step_batch`: how many due steps one transaction decides. `notifier_url`: where the gate is asked,
    `ledger_url`: where the lines of an amount are; empty: nowhere."""

    step_batch: int = 500
    notifier_url: str = ""
    ledger_url: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Reads TACT_STAGER_*. Raises BadSettings for unknown or malformed ones."""
        own = own_settings("stager", {"STEP_BATCH": "500", "NOTIFIER_URL": "", "LEDGER_URL": ""}, environ)
        stated = own["STEP_BATCH"]
        if not stated.isdecimal() or not 1 <= int(stated) <= _MOST:
            raise BadSettings(f"TACT_STAGER_STEP_BATCH: 1 to {_MOST}, not {stated!r}")
        return cls(int(stated), _address("NOTIFIER_URL", own), _address("LEDGER_URL", own))


def _address(name: str, own: Mapping[str, str]) -> str:
    url = own[name].rstrip("/")
    if url and not url.startswith(("http://", "https://")):
        raise BadSettings(f"TACT_STAGER_{name}: an http(s) address, not {url!r}")
    return url
