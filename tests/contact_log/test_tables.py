"""The tables that the code believes in are those that the migrations make."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from contact_log.tables import metadata
from tests.contact_log.building import MakeDatabase, contact_log


def _differences(connection: Connection) -> list[object]:
    own = set(metadata.tables)

    def ours(_object: object, name: str | None, type_: str, _reflected: bool, _other: object) -> bool:
        return type_ != "table" or name in own

    options = {"include_object": ours, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_the_tables_are_those_of_the_migrations(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, _), runtime.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_the_constraints_have_the_names_of_the_migrations(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, _), runtime.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u', 'c')"
            " AND conrelid::regclass::text LIKE 'contact_%'"
        )
        declared = {str(c.name) for table in metadata.tables.values() for c in table.constraints if c.name}
        assert {row[0] for row in rows} == declared
