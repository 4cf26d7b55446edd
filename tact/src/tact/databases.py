"""Creates and migrates the five databases: one a service and the log's, each with a role of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy.engine import make_url

from spine.database import plain_url
from spine.migrations import create_database, migrate
from tact.postgres import PostgresServer
from tact.services import NAMES

LOG = "log"
#: Package whose migrations a database gets.
PACKAGES = {**{name: name.replace("-", "_") for name in NAMES}, LOG: "spine.broker"}


def embedded_urls(server: PostgresServer) -> dict[str, str]:
    """The URL of each database on an embedded server; every service is a role that owns its database alone."""
    return {name: server.url(database_name(name), role_name(name)) for name in PACKAGES}


def database_name(name: str) -> str:
    return f"tact_{name.replace('-', '_')}"


def role_name(name: str) -> str:
    return f"tact_{name.replace('-', '_')}"


def url_variables(urls: Mapping[str, str]) -> dict[str, str]:
    """The environment that tells child processes their databases."""
    return {f"TACT_{name.upper().replace('-', '_')}_DATABASE_URL": url for name, url in urls.items()}


async def create_all(urls: Mapping[str, str], admin_url: str, *, roles: bool) -> None:
    """Creates the databases that are missing, and their roles on an embedded server."""
    for url in urls.values():
        database = make_url(url).database
        assert database is not None
        await create_database(admin_url, database, database if roles else None)


async def migrate_all(
    urls: Mapping[str, str], only: str | None = None
) -> list[tuple[str, str | None, str | None]]:
    """Migrates every database, or one; returns (name, revision before, after)."""
    return [(name, *await migrate(PACKAGES[name], urls[name])) for name in _chosen(urls, only)]


def _chosen(urls: Mapping[str, str], only: str | None) -> Iterator[str]:
    return iter([only] if only else sorted(urls))


def admin_url_of(given: str) -> str:
    """The maintenance database of a given cluster."""
    return plain_url(make_url(given).set(database="postgres").render_as_string(hide_password=False))
