"""Whom the embedded PostgreSQL runs as, and which directories that user can reach."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from spine.errors import TactError

#: PostgreSQL refuses to run as root; a bare number without an entry in the user database fails as well.
_UNPRIVILEGED_USERS = ("postgres", "nobody")


class NoUnprivilegedUser(TactError):
    """PostgreSQL does not run as root and there is no user `postgres` or `nobody`: start Tact as another."""

    code = "no_unprivileged_user"


class AccountArguments(TypedDict, total=False):
    """The arguments of subprocess that switch the user; empty when the caller is that user already."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's user that owns the data directory and runs the server."""

    name: str
    uid: int
    gid: int
    switched: bool

    @classmethod
    def for_postgres(cls) -> Account:
        """The caller's own user, or an unprivileged one when the caller is root."""
        if os.geteuid() != 0:
            return cls(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid(), switched=False)
        for name in _UNPRIVILEGED_USERS:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(name=name, uid=entry.pw_uid, gid=entry.pw_gid, switched=True)
        raise NoUnprivilegedUser()

    def arguments(self) -> AccountArguments:
        """What to give to subprocess so that the child runs as this user."""
        if not self.switched:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, directory: Path) -> bool:
        """Whether this user gets into the directory, through all of its parents."""
        try:
            # Asked of the kernel rather than read off the mode bits: access lists and mounts count too.
            probe = subprocess.run(
                ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                check=False,
                **self.arguments(),
            )
        except OSError:
            return False
        return probe.returncode == 0

    def own(self, directory: Path) -> Path:
        """Makes the directory, for this user alone, and returns it."""
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.stat(follow_symlinks=False)
        if found.st_uid not in (self.uid, os.geteuid()):
            raise PermissionError(f"{directory} belongs to another user; remove it or choose another home")
        if self.switched:
            os.chown(directory, self.uid, self.gid, follow_symlinks=False)
        directory.chmod(0o700)
        return directory

    def first_reachable(self, candidates: Iterable[Path]) -> Path | None:
        """The first directory that can be made (readable by all) and that this user gets into."""
        for directory in candidates:
            try:
                directory.mkdir(mode=0o755, parents=True, exist_ok=True)
                if directory.stat(follow_symlinks=False).st_uid != os.geteuid():
                    continue
            except OSError:
                continue
            if self.can_enter(directory):
                return directory
        return None
