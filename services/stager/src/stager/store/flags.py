"""Keeps what is marked on a case while it lasts: hardship, and who is worked with on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from spine.database import Tx
from stager.domain.cases import stable_id
from stager.store.rows import Rows
from stager.tables.holds import CASE_FLAG

_FLAGS: Final = Rows(CASE_FLAG)


@dataclass(frozen=True, slots=True)
class CaseFlag:
    """A mark on a case, and the contact that it comes from. It ends with the case."""

    case_id: str
    flag: str
    borrower_id: str
    loan_id: str
    origin: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class OpenCase:
    """The open case of a borrower, with its loans in arrears."""

    case_id: str
    loans: tuple[str, ...]


async def raise_flags(tx: Tx, flags: Sequence[CaseFlag]) -> None:
    """Marks cases; what is marked already stays as it was."""
    if flags:
        await tx.execute(
            f"""
            INSERT INTO case_flag ({_FLAGS.columns}) SELECT {_FLAGS.selected} FROM {_FLAGS.source}
            ON CONFLICT DO NOTHING
            """,  # noqa: S608 (column names of our own tables)
            **_FLAGS.parameters(flags),
        )


async def flags_of_case(tx: Tx, case_id: str) -> tuple[str, ...]:
    """What a case is marked with, sorted."""
    rows = await tx.execute("SELECT flag FROM case_flag WHERE case_id = :case ORDER BY flag", case=case_id)
    return tuple(row.flag for row in rows)


async def open_cases(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, OpenCase]:
    """The open cases of these borrowers, by borrower."""
    rows = await tx.execute(
        """
        SELECT e.borrower_id, e.case_id, array_agg(e.loan_id ORDER BY e.loan_id) AS loans
        FROM unnest(CAST(:ids AS text[])) AS u(borrower_id) JOIN episode AS e USING (borrower_id)
        WHERE e.closed_on IS NULL GROUP BY 1, 2
        """,
        ids=sorted(set(borrower_ids)),
    )
    return {row.borrower_id: OpenCase(row.case_id, tuple(row.loans)) for row in rows}


async def case_on_file(tx: Tx, borrower_id: str, loan_id: str | None) -> OpenCase:
    """The case under which a person has something to do for a locked borrower, who may not be in arrears: the open
    one, else the last one, else one opened and closed now. `loan_id`: what was spoken of, where that was said.

    The first of its loans is that one where it is known, else the newest in arrears. Of a person of whom no loan is
    known here the borrower's own id stands in its place.
    """
    if (case := (await open_cases(tx, [borrower_id])).get(borrower_id)) is not None:
        return _about(case, loan_id if loan_id in case.loans else None)
    rows = await tx.execute(
        "SELECT loan_id FROM episode WHERE borrower_id = :id"
        " GROUP BY loan_id ORDER BY max(opened_on) DESC, loan_id",
        id=borrower_id,
    )
    known = tuple(row.loan_id for row in rows) or (loan_id or borrower_id,)
    last = (
        await tx.execute(
            "SELECT case_id FROM collection_case WHERE borrower_id = :id ORDER BY case_no DESC LIMIT 1",
            id=borrower_id,
        )
    ).one_or_none()
    if last is not None:
        return _about(OpenCase(last.case_id, known), loan_id)
    case_id = stable_id("case", borrower_id, 1)
    await tx.execute(
        "INSERT INTO collection_case (case_id, borrower_id, case_no, opened_at, closed_at)"
        " VALUES (:case, :id, 1, :now, :now)",
        case=case_id,
        id=borrower_id,
        now=tx.now,
    )
    return _about(OpenCase(case_id, known), loan_id)


def _about(case: OpenCase, loan_id: str | None) -> OpenCase:
    if loan_id is None:
        return case
    return OpenCase(case.case_id, (loan_id, *(each for each in case.loans if each != loan_id)))
