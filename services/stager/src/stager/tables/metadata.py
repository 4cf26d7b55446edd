"""What all the stager's tables are declared in."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, DateTime, MetaData

METADATA: Final = MetaData()


def instant(name: str, *, nullable: bool = False) -> Column[object]:
    """A column for an instant."""
    return Column(name, DateTime(timezone=True), nullable=nullable)
