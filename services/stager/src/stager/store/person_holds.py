"""Keeps holds on people, and finds the loans that follow them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from spine.database import Tx
from stager.domain.cases import Hold
from stager.domain.person_holds import PersonHold
from stager.store.holds import hold_of
from stager.store.rows import Rows
from stager.tables.cases import HOLD
from stager.tables.holds import PERSON_HOLD

_PERSONS: Final = Rows(PERSON_HOLD)
_HOLDS: Final = Rows(HOLD)
_INSERT: Final = f"""
    INSERT INTO person_hold ({_PERSONS.columns}) SELECT {_PERSONS.selected} FROM {_PERSONS.source}
    ON CONFLICT (person_hold_id) DO NOTHING RETURNING person_hold_id
"""  # noqa: S608 (column names of our own tables)
_SAVE: Final = f"""
    UPDATE person_hold AS p SET {_PERSONS.updates({"person_hold_id"})} FROM {_PERSONS.source}
    WHERE p.person_hold_id = u.person_hold_id
"""  # noqa: S608
_SELECT: Final = f"SELECT {_PERSONS.columns} FROM person_hold"  # noqa: S608


def _person(row: Any) -> PersonHold:
    return PersonHold(**row._mapping)


async def insert_person_holds(tx: Tx, persons: Sequence[PersonHold]) -> set[str]:
    """Keeps new holds on people; returns the ids that were not there before."""
    rows = await tx.execute(_INSERT, **_PERSONS.parameters(persons))
    return {row.person_hold_id for row in rows}


async def save_person_holds(tx: Tx, persons: Sequence[PersonHold]) -> None:
    """Keeps holds on locked people as they are now."""
    if persons:
        await tx.execute(_SAVE, **_PERSONS.parameters(persons))


async def person_hold_by_id(tx: Tx, person_hold_id: str) -> PersonHold | None:
    """A hold on a person, lifted or not."""
    row = (await tx.execute(f"{_SELECT} WHERE person_hold_id = :id", id=person_hold_id)).one_or_none()
    return _person(row) if row is not None else None


async def person_holds_of(tx: Tx, borrower_id: str) -> list[PersonHold]:
    """All holds on a person, newest first."""
    rows = await tx.execute(
        f"{_SELECT} WHERE borrower_id = :id ORDER BY placed_at DESC, person_hold_id", id=borrower_id
    )
    return [_person(row) for row in rows]


async def active_person_holds(tx: Tx, borrower_ids: Sequence[str]) -> list[PersonHold]:
    """The holds on these people that are in force at this instant."""
    rows = await tx.execute(
        f"{_SELECT} JOIN unnest(CAST(:ids AS text[])) AS u(borrower_id) USING (borrower_id)"
        " WHERE lifted_at IS NULL AND (until IS NULL OR until > :now) ORDER BY person_hold_id",
        ids=list(borrower_ids),
        now=tx.now,
    )
    return [_person(row) for row in rows]


async def holds_following(tx: Tx, person_hold_id: str) -> list[Hold]:
    """The holds of the loans that follow a hold on a person."""
    rows = await tx.execute(
        f"SELECT {_HOLDS.columns} FROM hold WHERE person_hold_id = :id ORDER BY loan_id",  # noqa: S608
        id=person_hold_id,
    )
    return [hold_of(row) for row in rows]


async def loans_of_borrowers(tx: Tx, borrower_ids: Sequence[str]) -> list[tuple[str, str]]:
    """The (borrower, loan) that are known here, in arrears or not; loans that are paid, closed or sold are over."""
    rows = await tx.execute(
        """
        WITH last AS (
            SELECT DISTINCT ON (e.loan_id) e.borrower_id, e.loan_id, e.close_reason
            FROM unnest(CAST(:ids AS text[])) AS u(borrower_id) JOIN episode AS e USING (borrower_id)
            ORDER BY e.loan_id, e.episode DESC
        )
        SELECT borrower_id, loan_id FROM last
        WHERE close_reason IS NULL OR close_reason NOT IN ('settled', 'closed', 'sold')
        UNION
        SELECT h.borrower_id, h.loan_id FROM unnest(CAST(:ids AS text[])) AS u(borrower_id)
        JOIN hold AS h USING (borrower_id)
        WHERE NOT EXISTS (SELECT FROM last WHERE last.loan_id = h.loan_id)
        ORDER BY 1, 2
        """,
        ids=sorted(set(borrower_ids)),
    )
    return [(row.borrower_id, row.loan_id) for row in rows]


async def borrower_of_loan(tx: Tx, loan_id: str) -> str | None:
    """Whose loan it is, if anything of it is known here."""
    rows = await tx.execute(
        """
        (SELECT borrower_id FROM episode WHERE loan_id = :loan LIMIT 1)
        UNION (SELECT borrower_id FROM hold WHERE loan_id = :loan LIMIT 1)
        LIMIT 1
        """,
        loan=loan_id,
    )
    row = rows.one_or_none()
    return row.borrower_id if row is not None else None
