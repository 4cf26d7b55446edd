"""The tables in code are those that the migrations make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect

from ledger.tables import metadata as ledger_tables
from notifier.tables import METADATA as notifier_tables
from tests.runtimes import service_runtime


def differences(connection: Connection, metadata: MetaData) -> list[object]:
    def ours(name: str | None, kind: str, parents: object) -> bool:
        return kind != "table" or name in metadata.tables

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": ours})
    return list(compare_metadata(context, metadata))


def constraints(connection: Connection, metadata: MetaData) -> set[str | None]:
    inspector = inspect(connection)
    return {
        constraint["name"]
        for table in metadata.tables
        for constraint in (inspector.get_pk_constraint(table), *inspector.get_check_constraints(table))
    }


@pytest.mark.parametrize(("service", "metadata"), [("ledger", ledger_tables), ("notifier", notifier_tables)])
async def test_tables_and_migrations_agree(
    make_database: Callable[[], Awaitable[str]], service: str, metadata: MetaData
) -> None:
    async with service_runtime(make_database, service) as runtime, runtime.engine.connect() as connection:
        assert await connection.run_sync(differences, metadata) == []
        declared = {
            constraint.name
            for table in metadata.tables.values()
            for constraint in table.constraints
            if type(constraint).__name__ in ("PrimaryKeyConstraint", "CheckConstraint")
        }
        assert await connection.run_sync(constraints, metadata) == declared
