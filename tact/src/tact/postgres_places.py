"""Where the embedded PostgreSQL keeps data, socket and log, and which of its processes still live there."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from spine.errors import TactError
from tact.postgres_account import Account

#: The kernel's limit of a socket's path, less "/.s.PGSQL.32767" and the closing zero byte.
_SOCKET_DIR_LIMIT_BYTES = 107 - 16
_LEFT_OVER_TIMEOUT_S = 30.0


class NoReachableDirectory(TactError):
    """The user that PostgreSQL runs as reaches neither TACT_HOME nor a system directory; open one to it."""

    code = "no_reachable_directory"


@dataclass(frozen=True, slots=True)
class Places:
    """The directories and files of one server.

    `folder` lies in the home and is the owner's. `data` lies there as well if the account reaches it, else
    the folder has a symbolic link to it. `reachable` takes copies of programs.
    """

    folder: Path
    data: Path
    socket: Path
    reachable: Path

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def lock(self) -> Path:
        return self.folder / "owner.lock"

    def remove(self) -> None:
        """Deletes data, socket and log; copies of programs stay for the next server."""
        for directory in (self.data, self.data.with_name("data.new"), self.socket):
            shutil.rmtree(directory, ignore_errors=True)
        if self.data.parent != self.folder:
            self.data.parent.rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)


def find_places(home: Path, account: Account) -> Places:
    """Makes what is missing of the places: in the home, or outside it when the account cannot reach it."""
    folder = home.absolute() / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    if account.switched:
        folder.chmod(0o755)
    link = folder / "data"
    mark = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    if account.can_enter(folder) and not link.is_symlink():
        data, reachable = link, folder
    else:
        found = account.first_reachable(base / "tact" for base in _outside_bases())
        if found is None:
            raise NoReachableDirectory(user=account.name)
        data, reachable = _linked_data(link, found / f"postgres-{mark}", account), found
    return Places(folder, data, _socket_dir(data.parent, mark, account), reachable)


def _outside_bases() -> Iterator[Path]:
    # /var/lib first: the others are swept by age on many systems.
    yield from (Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir()), Path("/tmp"))


def _linked_data(link: Path, fresh: Path, account: Account) -> Path:
    """The data directory outside the home, which the link in the home remembers."""
    if not link.is_symlink():
        link.symlink_to(fresh / "data")
    data = link.readlink()
    account.own(data.parent)
    return data


def _socket_dir(beside_data: Path, mark: str, account: Account) -> Path:
    temporary = (Path(base) for base in (tempfile.gettempdir(), "/tmp"))
    candidates = [beside_data / "socket", *(base / f"tact-{mark}" for base in temporary)]
    for directory in candidates:
        if len(os.fsencode(directory)) <= _SOCKET_DIR_LIMIT_BYTES and account.can_enter(directory.parent):
            return account.own(directory)
    raise NoReachableDirectory(user=account.name)


def end_left_overs(data: Path) -> None:
    """Ends what a crash left of a server on this data: its children can outlive it, and it its owner."""
    deadline = time.monotonic() + _LEFT_OVER_TIMEOUT_S
    while left_overs := _processes_in(data):
        force = time.monotonic() > deadline
        for process in left_overs:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL if force else signal.SIGQUIT)
        psutil.wait_procs(left_overs, timeout=5)


def _processes_in(data: Path) -> list[psutil.Process]:
    directory = str(data.resolve())
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name().startswith("postgres") and process.cwd() == directory:
                found.append(process)
    return found
