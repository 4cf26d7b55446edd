"""The stager's own settings, TACT_STAGER_*; business numbers are policy, not settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from spine.settings import BadSettings, own_settings

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class StagerSettings:
    """`step_batch`: how many due steps one transaction decides."""

    step_batch: int = 500

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Reads TACT_STAGER_*. Raises BadSettings for unknown or malformed ones."""
        stated = own_settings("stager", {"STEP_BATCH": "500"}, environ)["STEP_BATCH"]
        if not stated.isdecimal() or not 1 <= int(stated) <= _MOST:
            raise BadSettings(f"TACT_STAGER_STEP_BATCH: 1 to {_MOST}, not {stated!r}")
        return cls(int(stated))
