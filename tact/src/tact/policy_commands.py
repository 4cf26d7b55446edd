"""`tact policy`: policies checked before they go live, without a database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from spine.business_days import business_date
from spine.errors import TactError
from spine.settings import Surroundings

app = typer.Typer(no_args_is_help=True, help="Policies checked before they go live, without a database.")

_BAD: Final = 1
_WRONG_USAGE: Final = 2


@app.callback()
def policy() -> None:
    """Policies checked before they go live, without a database."""


@app.command()
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="policy files, contact policy packs and templates")
    ],
) -> None:
    """Find everything wrong with policy files: one line a fault, FILE:LINE: reason.

    Stage policies, strategies and the stager's other policies are checked among
    those in force, files of one call together; each step of a strategy against
    the templates and, over two weeks of its slot's openings, against the contact
    policy packs. Packs are checked by themselves and by their vectors, templates
    by the packs of their countries.
    Exit status 0: all good; 1: something is wrong; 2: a file is missing or not UTF-8.
    """
    # What they decide by takes a while to load; other commands do not wait for it.
    from tact.policy_check import check as check_files

    texts = {path: _text_of(path) for path in files}
    try:
        surroundings = Surroundings.from_environment()
        today = business_date(datetime.now(surroundings.zone), surroundings.zone)
        reports = check_files(texts, surroundings.policy_dir, surroundings.zone, today)
    except TactError as error:
        typer.echo(f"tact: {error.detail}", err=True)
        raise typer.Exit(_WRONG_USAGE) from None
    for report in reports:
        for fault in report.faults:
            typer.echo(str(fault))
        for note in report.notes:
            typer.echo(f"{report.path}: note: {note}")
        if not report.faults:
            typer.echo(f"{report.path}: good: {report.what}")
    if any(report.faults for report in reports):
        raise typer.Exit(_BAD)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
        typer.echo(f"tact: {path}: {reason}", err=True)
        raise typer.Exit(_WRONG_USAGE) from None
