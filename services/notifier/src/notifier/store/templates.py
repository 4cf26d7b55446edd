"""Keeps templates on their way into force, and tells every process which have been activated or withdrawn."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from notifier.domain.template_drafts import DraftStatus, TemplateDraft
from spine.database import Tx
from spine.errors import NotFound

_NAMES: Final = tuple(field.name for field in fields(TemplateDraft))
_COLUMNS: Final = ", ".join(_NAMES)
_CHANGES: Final = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "draft_id")


def _draft(row: Any) -> TemplateDraft:
    values = dict(row._mapping)
    return TemplateDraft(
        **{**values, "status": DraftStatus(values["status"]), "authors": tuple(values["authors"])}
    )


async def save(tx: Tx, draft: TemplateDraft) -> None:
    """Keeps a draft as it is now."""
    placeholders = ", ".join(f":{name}" for name in _NAMES)
    values = {name: getattr(draft, name) for name in _NAMES}
    await tx.execute(
        f"INSERT INTO template_draft ({_COLUMNS}) VALUES ({placeholders})"  # noqa: S608 (our own columns)
        f" ON CONFLICT (draft_id) DO UPDATE SET {_CHANGES}",
        **{**values, "status": draft.status.value, "authors": list(draft.authors)},
    )


async def find(tx: Tx, draft_id: str) -> TemplateDraft | None:
    """A draft, in whatever state, locked against other changes."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM template_draft WHERE draft_id = :id FOR UPDATE",  # noqa: S608
        id=draft_id,
    )
    row = rows.one_or_none()
    return _draft(row) if row is not None else None


async def by_id(tx: Tx, draft_id: str) -> TemplateDraft:
    """As `find`. Raises NotFound."""
    found = await find(tx, draft_id)
    if found is None:
        raise NotFound(f"there is no draft {draft_id[:80]}", draft_id=draft_id[:80])
    return found


async def drafts(tx: Tx, *, status: str | None, after: str | None, limit: int) -> list[TemplateDraft]:
    """Drafts in order of their ids, those of a status where one is given; one more than `limit`."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM template_draft"  # noqa: S608
        " WHERE (CAST(:status AS text) IS NULL OR status = :status)"
        " AND (CAST(:after AS text) IS NULL OR draft_id > :after) ORDER BY draft_id LIMIT :limit",
        status=status,
        after=after,
        limit=limit + 1,
    )
    return [_draft(row) for row in rows]


async def of_template(tx: Tx, template_id: str) -> list[TemplateDraft]:
    """All that was ever in force of a template, the newest version first."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM template_draft"  # noqa: S608
        " WHERE template_id = :id AND revision IS NOT NULL ORDER BY version DESC",
        id=template_id,
    )
    return [_draft(row) for row in rows]


async def newest_revision(tx: Tx) -> int:
    """The number of the newest change of what is in force; 0 while there was none."""
    rows = await tx.execute("SELECT coalesce(max(revision), 0) AS revision FROM template_draft")
    return int(rows.one().revision)


async def activated(tx: Tx) -> list[TemplateDraft]:
    """All that is in force, in the order in which it was put there."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM template_draft WHERE status = 'active' ORDER BY revision"  # noqa: S608
    )
    return [_draft(row) for row in rows]
