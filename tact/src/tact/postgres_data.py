"""The data directory of the embedded PostgreSQL: made whole or not at all, and only for one major version."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from spine.errors import TactError
from tact.postgres_account import Account
from tact.postgres_binaries import PostgresBinaries


class PostgresFailed(TactError):
    """The embedded PostgreSQL did not start; the last lines of its log say why."""

    code = "postgres_failed"


class PostgresOtherVersion(TactError):
    """The data were made by another major version of PostgreSQL than the one at hand."""

    code = "postgres_other_version"


def initialise(data: Path, binaries: PostgresBinaries, account: Account, *, sync: bool) -> None:
    """Makes the data directory unless it is there. Raises PostgresOtherVersion, PostgresFailed."""
    version_file = data / "PG_VERSION"
    if version_file.exists():
        _check_version(data, version_file.read_text().strip(), binaries)
        return
    if data.exists() and any(data.iterdir()):
        raise PostgresFailed(f"{data} is not empty and has no PG_VERSION: move it away and start again.")
    fresh = data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _initdb(account.own(fresh), binaries, account, sync=sync)
    # Renamed when whole, so that an interrupted initdb is not taken for a database.
    fresh.rename(data)


def environment() -> dict[str, str]:
    """The caller's environment without its PG* and language settings, which change what the programs do."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _check_version(data: Path, made_by: str, binaries: PostgresBinaries) -> None:
    if made_by != binaries.major:
        raise PostgresOtherVersion(
            f"The data in {data} were made by PostgreSQL {made_by}, the programs in {binaries.folder} are "
            f"{binaries.version}. Either set TACT_POSTGRES_BINARIES to the folder of `postgres` {made_by}, "
            f"or dump the databases with {made_by} (pg_dumpall), move that directory away and load the dump "
            f"after the next start (psql)."
        )


def _initdb(directory: Path, binaries: PostgresBinaries, account: Account, *, sync: bool) -> None:
    command = [binaries.program("initdb"), "-D", str(directory), "-U", "postgres", "-A", "trust"]
    command += ["-E", "UTF8", "--locale=C.UTF-8"]
    if not sync:
        command.append("--no-sync")
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/",
        env=environment(),
        check=False,
        **account.arguments(),
    )
    if done.returncode != 0:
        raise PostgresFailed(f"initdb failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}".rstrip())
