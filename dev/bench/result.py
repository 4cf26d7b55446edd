"""One measured figure beside its bare limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """`figure` and `bare` are in `unit`; `target` is what the architecture asks for, when it does."""

    path: str
    unit: str
    figure: float
    bare_loop: str
    bare: float
    target: float | None = None


def print_results(results: Sequence[Result], console: Console) -> None:
    """A table with the ratio of each figure to its bare loop."""
    table = Table("path", "figure", "bare loop", "bare", "ratio", "target")
    for one in results:
        target = f"{one.target:,.0f}" if one.target else ""
        table.add_row(
            one.path,
            f"{one.figure:,.1f} {one.unit}" if one.figure < 100 else f"{one.figure:,.0f} {one.unit}",
            one.bare_loop,
            f"{one.bare:,.1f}" if one.bare < 100 else f"{one.bare:,.0f}",
            f"{one.figure / one.bare:.2f}x",
            target,
        )
    console.print(table)
