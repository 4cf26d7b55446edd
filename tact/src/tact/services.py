"""The four services by name: the only place that knows them all."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spine.settings import PORTS

if TYPE_CHECKING:
    from spine.service import Build

NAMES = tuple(PORTS)


def build_of(name: str) -> Build:
    """The composition root of a service; imported only when asked for, a process needs just its own."""
    build: Build = import_module(f"{name.replace('-', '_')}.app").build
    return build
