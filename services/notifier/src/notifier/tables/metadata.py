"""What all the notifier's tables are declared in, and how their columns are written."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, DateTime, Integer, LargeBinary, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB

METADATA: Final = MetaData()


def words(name: str, *, null: bool = False) -> Column[str]:
    """A column for text."""
    return Column(name, Text, nullable=null)


def instant(name: str, *, null: bool = False, stamped: bool = False) -> Column[object]:
    """A column for an instant; `stamped`: of the database's own wall clock."""
    default = text("clock_timestamp()") if stamped else None
    return Column(name, DateTime(timezone=True), nullable=null, server_default=default)


def flag(name: str, default: str | None = None) -> Column[bool]:
    """A column for yes or no."""
    return Column(name, Boolean, nullable=False, server_default=text(default) if default else None)


def whole(name: str, *, default: str | None = None) -> Column[int]:
    """A column for a whole number."""
    return Column(name, Integer, nullable=False, server_default=text(default) if default else None)


def structure(name: str) -> Column[object]:
    """A column for a JSON value."""
    return Column(name, JSONB, nullable=False)


def sealed(name: str, *, null: bool = False) -> Column[bytes]:
    """A column for what only the vault can read, or a keyed hash."""
    return Column(name, LargeBinary, nullable=null)
