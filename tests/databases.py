"""Fresh databases for tests: on the given server, else on an embedded one that is deleted afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import asyncpg

from tact.postgres import EmbeddedPostgres

#: Only a crash of the machine needs these. Commits stay synchronous: a killed server must lose none.
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


class DatabaseServer(Protocol):
    """Where tests make their databases."""

    def url(self, database: str) -> str: ...


@dataclass(frozen=True, slots=True)
class GivenServer:
    """The server of TACT_DATABASE_URL; its user must be allowed to create databases."""

    given: str

    def url(self, database: str) -> str:
        parts = urlsplit(self.given)
        scheme = parts.scheme.partition("+")[0]
        # Not urlunsplit, which drops the empty host of a socket's address.
        query = f"?{parts.query}" if parts.query else ""
        return f"{scheme}://{parts.netloc}/{database}{query}"


@contextmanager
def running_server() -> Iterator[DatabaseServer]:
    """TACT_DATABASE_URL if set, else an embedded PostgreSQL that is removed at the end."""
    if given := os.environ.get("TACT_DATABASE_URL"):
        yield GivenServer(given)
        return
    with open_directory("tact-postgres-") as home:
        postgres = EmbeddedPostgres(home, settings=FAST_SETTINGS, die_with_parent=True)
        try:
            yield postgres.start()
        finally:
            postgres.remove()


@asynccontextmanager
async def fresh_database(server: DatabaseServer, template: str | None = None) -> AsyncIterator[str]:
    """The URL of a new database, empty or a copy of `template`; it is dropped at the end."""
    name = f"tact_test_{uuid.uuid4().hex[:16]}"
    copy = f'TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
    await _administer(server, f'CREATE DATABASE "{name}" {copy}')
    try:
        yield server.url(name)
    finally:
        await _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def open_directory(prefix: str) -> Iterator[Path]:
    """A temporary directory that other users reach: as root, PostgreSQL runs as one of them."""
    directory = Path(tempfile.mkdtemp(prefix=prefix))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _administer(server: DatabaseServer, statement: str) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
