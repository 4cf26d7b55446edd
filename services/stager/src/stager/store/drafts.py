"""Keeps policies on their way into force, and tells every process which have been activated."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from spine.database import Tx
from spine.errors import NotFound
from stager.domain.drafts import Draft, DraftStatus

_NAMES: Final = tuple(field.name for field in fields(Draft))
_COLUMNS: Final = ", ".join(_NAMES)
_CHANGES: Final = ", ".join(
    f"{name} = excluded.{name}" for name in _NAMES if name not in ("draft_id", "file")
)


def _draft_of(row: Any) -> Draft:
    values = dict(row._mapping)
    return Draft(**{**values, "status": DraftStatus(values["status"])})


async def save_draft(tx: Tx, draft: Draft) -> None:
    """Keeps a draft as it is now."""
    placeholders = ", ".join(f":{name}" for name in _NAMES)
    await tx.execute(
        f"INSERT INTO policy_draft ({_COLUMNS}) VALUES ({placeholders})"  # noqa: S608 (our own columns)
        f" ON CONFLICT (draft_id) DO UPDATE SET {_CHANGES}",
        **{name: getattr(draft, name) for name in _NAMES},
    )


async def find_draft(tx: Tx, draft_id: str) -> Draft | None:
    """A draft, in whatever state, locked against other changes."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM policy_draft WHERE draft_id = :id FOR UPDATE",  # noqa: S608
        id=draft_id,
    )
    row = rows.one_or_none()
    return _draft_of(row) if row is not None else None


async def draft_by_id(tx: Tx, draft_id: str) -> Draft:
    """As `find_draft`. Raises NotFound."""
    found = await find_draft(tx, draft_id)
    if found is None:
        raise NotFound(f"there is no policy {draft_id}", draft_id=draft_id)
    return found


async def drafts(tx: Tx, *, status: str | None, after: str | None, limit: int) -> list[Draft]:
    """Drafts in order of their ids, those of a status where one is given; one more than `limit`."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM policy_draft"  # noqa: S608
        " WHERE (CAST(:status AS text) IS NULL OR status = :status)"
        " AND (CAST(:after AS text) IS NULL OR draft_id > :after) ORDER BY draft_id LIMIT :limit",
        status=status,
        after=after,
        limit=limit + 1,
    )
    return [_draft_of(row) for row in rows]


async def newest_revision(tx: Tx) -> int:
    """The number of the newest activation; 0 while there is none."""
    rows = await tx.execute("SELECT coalesce(max(revision), 0) AS revision FROM policy_draft")
    return int(rows.one().revision)


async def next_revision(tx: Tx) -> int:
    """The number of an activation made in this transaction; one is made at a time."""
    await tx.execute("LOCK TABLE policy_draft IN SHARE ROW EXCLUSIVE MODE")
    return await newest_revision(tx) + 1


async def activated(tx: Tx) -> list[Draft]:
    """All that was activated, in the order in which that was done."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM policy_draft WHERE revision IS NOT NULL ORDER BY revision"  # noqa: S608
    )
    return [_draft_of(row) for row in rows]
