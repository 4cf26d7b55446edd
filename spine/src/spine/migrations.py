"""Runs a service's alembic migrations from its package, and checks that a database is at the head."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, StampStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from spine.database import create_engine
from spine.errors import TactError


class WrongSchema(TactError):
    """The database's schema is not the one this version needs; run `tact migrate`."""

    code = "wrong_schema"


def _script(package: str) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files(package))) / "migrations"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


async def migrate(package: str, url: str) -> tuple[str | None, str | None]:
    """Brings a service's database to the newest revision; returns (before, after). Transactional."""
    engine = create_engine(url, name=f"migrate-{package}", pool_size=1)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_upgrade, package)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, package: str) -> tuple[str | None, str | None]:
    # The time-outs of a service's work are not for this: a large table takes its time, and so does a busy machine
    # between two steps. Only what waits for rows that services hold gives up soon.
    for bound in ("idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {bound} = 0")
    # One migrator at a time; the others find nothing left to do.
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('tact-migrate'))")
    connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
    script = _script(package)

    def run(revision: object, _: MigrationContext) -> list[StampStep]:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type, return-value]

    environment = EnvironmentContext(Config(), script, fn=run)
    before = MigrationContext.configure(connection).get_current_revision()
    environment.configure(connection=connection, transactional_ddl=True)
    environment.run_migrations()
    return before, script.get_current_head()


async def require_head(package: str, engine: AsyncEngine) -> None:
    """Raises WrongSchema unless the database is at the newest revision."""
    head = _script(package).get_current_head()
    async with engine.connect() as connection:
        current = await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )
    if current != head:
        raise WrongSchema(f"{package}: schema {current or 'none'}, needed {head}; run `tact migrate`")


async def create_database(admin_url: str, name: str, owner: str | None = None) -> None:
    """Creates a database (and its owner role, on the embedded cluster) unless it exists."""
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        if owner and not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", owner):
            await connection.execute(f'CREATE ROLE "{owner}" LOGIN')
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            suffix = f' OWNER "{owner}"' if owner else ""
            await connection.execute(f'CREATE DATABASE "{name}"{suffix}')
    except asyncpg.InsufficientPrivilegeError:
        raise TactError(
            f"the database {name} does not exist and this user may not create it; create it, or give a URL"
            f" of its own with TACT_{name.removeprefix('tact_').upper()}_DATABASE_URL"
        ) from None
    finally:
        await connection.close()
