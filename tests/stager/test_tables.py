"""The tables as declared are those that the migrations make."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from stager.tables import METADATA
from tests.stager.stand import Stand

#: Made by the shared first step of every service's migrations.
FLOW = {
    "outbox",
    "outbox_mark",
    "relay",
    "subject_sequence",
    "consumer_progress",
    "inbox",
    "dead_letter",
    "alembic_version",
}


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_server_default": True,
            "include_name": lambda name, kind, _: kind != "table" or name not in FLOW,
        },
    )
    return list(compare_metadata(context, METADATA))


async def test_the_migrated_database_has_the_declared_tables(stager: Stand) -> None:
    async with stager.runtime.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
