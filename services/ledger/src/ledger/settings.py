"""The ledger's own settings, TACT_LEDGER_*; business numbers are policy, not settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from spine.settings import BadSettings, own_settings


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """`first_business_date`: the date that is open at the very first start; None for today's."""

    first_business_date: date | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Reads TACT_LEDGER_*. Raises BadSettings for unknown or malformed ones."""
        own = own_settings("ledger", {"FIRST_BUSINESS_DATE": ""}, environ)
        stated = own["FIRST_BUSINESS_DATE"]
        if not stated:
            return cls()
        try:
            return cls(date.fromisoformat(stated))
        except ValueError:
            raise BadSettings(f"TACT_LEDGER_FIRST_BUSINESS_DATE: YYYY-MM-DD, not {stated!r}") from None
