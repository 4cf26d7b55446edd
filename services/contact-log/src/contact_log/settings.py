"""The contact log's own settings, TACT_CONTACT_LOG_*: it has none yet, so any but the database is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from spine.settings import own_settings


@dataclass(frozen=True, slots=True)
class ContactLogSettings:
    """Nothing to set: what is kept, and how, is not a matter of environment."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Reads TACT_CONTACT_LOG_*. Raises BadSettings for unknown ones."""
        own_settings("contact-log", {}, environ)
        return cls()
