"""`tact contact`: contact decisions on stated facts, worked out without a database."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from spine.errors import BadJson, EventRefused, TactError

app = typer.Typer(no_args_is_help=True, help="Contact decisions on stated facts, without a database.")

_WRONG_USAGE: Final = 2


@app.callback()
def contact() -> None:
    """Contact decisions on stated facts, without a database."""


@app.command()
def decide(
    pack: Annotated[list[str], typer.Option(metavar="NAME", help="a policy pack; once for each in force")],
) -> None:
    """Decide each request on standard input, one JSON line a request, and answer in the same order.

    Nothing is looked up: a request states all that is known. The strictest
    of the packs wins, and every rule that fired is listed.

    A line that is no request is told as one JSON line on standard error, and
    in its place in the output; the others are still done. Exit status: 0 all
    lines good, whatever the verdicts; 1 some refused; 2 wrong usage, an
    unknown pack, or input that is not UTF-8.
    """
    import msgspec

    from notifier.domain.asked import answered, read_asked
    from notifier.policy import load_packs
    from spine.logs import set_up_logs
    from tact.numbered_lines import MAX_LINE_BYTES, numbered_lines

    # Standard error is for lines that are refused, so that programs can read it.
    set_up_logs("tact", "CRITICAL")
    policy_dir = os.environ.get("TACT_POLICY_DIR")
    encode = msgspec.json.Encoder().encode
    refused = False
    try:
        packs = load_packs(pack, Path(policy_dir) if policy_dir else None)
        for number, line in numbered_lines(sys.stdin.buffer):
            try:
                if line is None:
                    raise BadJson(f"the line is longer than {MAX_LINE_BYTES} bytes")
                answer = encode(answered(read_asked(line), packs))
            except EventRefused as error:
                refused = True
                answer = encode({"line": number, "code": error.code, "message": error.detail})
                _write(sys.stderr.buffer, answer)
            _write(sys.stdout.buffer, answer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # A reader that has seen enough ends the command.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.buffer.fileno())
        raise typer.Exit(1) from None
    except TactError as error:
        sys.stdout.buffer.flush()
        print(f"tact: {error.detail}", file=sys.stderr)
        raise typer.Exit(_WRONG_USAGE) from None
    raise typer.Exit(1 if refused else 0)


def _write(out: object, line: bytes) -> None:
    out.write(line + b"\n")  # type: ignore[attr-defined]
