"""The database itself refuses to change or remove what is on record, also to its owner."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from spine.events.notifier import MessageAccepted
from tests.contact_log.building import MakeDatabase, contact_log, fact, keep


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contact_entry SET outcome = 'delivered'",
        "UPDATE contact_entry SET outcome = 'delivered' WHERE false",
        "DELETE FROM contact_entry",
        "TRUNCATE contact_entry",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_an_entry_cannot_be_changed(make_database: MakeDatabase, statement: str, role: str) -> None:
    async with contact_log(make_database) as (runtime, client):
        await keep(runtime, [fact(MessageAccepted)])
        with pytest.raises(DBAPIError, match="append-only"):
            async with runtime.engine.begin() as connection:
                await connection.execute(text(f"SET LOCAL session_replication_role = '{role}'"))
                await connection.execute(text(statement))
        (item,) = (await client.get("/v1/borrowers/b-1/timeline")).json()["items"]
        assert item["outcome"] == "accepted"
