"""Keeps agencies, who looks after which case, and what was referred where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from spine.database import Tx
from spine.errors import NotFound
from stager.domain.agencies import Agency, Owner, Referral
from stager.domain.team import Member
from stager.store.rows import Rows
from stager.tables.work import REFERRAL

_REFERRALS: Final = Rows(REFERRAL)


async def find_agency(tx: Tx, agency_id: str) -> Agency | None:
    """An agency, locked."""
    row = (
        await tx.execute(
            "SELECT agency_id, name, status, listed, reviewed_on, version FROM agency WHERE agency_id = :id"
            " FOR UPDATE",
            id=agency_id,
        )
    ).one_or_none()
    return Agency(**row._mapping) if row is not None else None


async def list_agencies(tx: Tx) -> list[Agency]:
    """All agencies, by id."""
    rows = await tx.execute(
        "SELECT agency_id, name, status, listed, reviewed_on, version FROM agency ORDER BY agency_id"
    )
    return [Agency(**row._mapping) for row in rows]


async def save_agency(tx: Tx, agency: Agency) -> None:
    """Keeps an agency as it is now."""
    await tx.execute(
        """
        INSERT INTO agency (agency_id, name, status, listed, reviewed_on, version, changed_at)
        VALUES (:id, :name, :status, :listed, :reviewed_on, :version, :now)
        ON CONFLICT (agency_id) DO UPDATE
        SET name = excluded.name, status = excluded.status, listed = excluded.listed,
            reviewed_on = excluded.reviewed_on, version = excluded.version, changed_at = excluded.changed_at
        """,
        id=agency.agency_id,
        name=agency.name,
        status=agency.status,
        listed=agency.listed,
        reviewed_on=agency.reviewed_on,
        version=agency.version,
        now=tx.now,
    )


async def owners_of(tx: Tx, case_ids: Sequence[str]) -> dict[str, Owner]:
    """Who looks after these cases."""
    rows = await tx.execute(
        """
        SELECT o.case_id, o.member_id, o.agency_id
        FROM unnest(CAST(:cases AS text[])) AS u(case_id) JOIN case_owner AS o USING (case_id)
        """,
        cases=sorted(set(case_ids)),
    )
    return {row.case_id: Owner(row.member_id, row.agency_id) for row in rows}


async def save_owners(tx: Tx, owners: Mapping[str, tuple[str, Owner]]) -> None:
    """Who looks after cases now: by case, its borrower and owner."""
    if not owners:
        return
    await tx.execute(
        """
        INSERT INTO case_owner (case_id, borrower_id, member_id, agency_id, since)
        SELECT u.case_id, u.borrower_id, u.member_id, u.agency_id, :now
        FROM unnest(CAST(:cases AS text[]), CAST(:borrowers AS text[]), CAST(:members AS text[]),
                    CAST(:agencies AS text[])) AS u(case_id, borrower_id, member_id, agency_id)
        ON CONFLICT (case_id) DO UPDATE
        SET member_id = excluded.member_id, agency_id = excluded.agency_id, since = excluded.since
        """,
        now=tx.now,
        cases=list(owners),
        borrowers=[borrower for borrower, _ in owners.values()],
        members=[owner.member_id for _, owner in owners.values()],
        agencies=[owner.agency_id for _, owner in owners.values()],
    )


async def disown(tx: Tx, member_id: str) -> None:
    """Whoever left looks after no case any more."""
    await tx.execute(
        "UPDATE case_owner SET member_id = NULL, since = :now WHERE member_id = :id", now=tx.now, id=member_id
    )


#: How the case is found to which something belongs, by the name under which routes ask for it.
SUBJECTS: Final[dict[str, str]] = {
    "task_id": "SELECT case_id FROM task WHERE task_id = :id",
    "request_id": "SELECT case_id FROM contact_request WHERE request_id = :id",
    "hold_id": """
        SELECT e.case_id FROM (
            SELECT borrower_id, loan_id FROM hold WHERE hold_id = :id
            UNION ALL SELECT borrower_id, NULL FROM person_hold WHERE person_hold_id = :id) AS h
        JOIN episode AS e ON e.borrower_id = h.borrower_id AND (h.loan_id IS NULL OR e.loan_id = h.loan_id)
        ORDER BY e.closed_on DESC NULLS FIRST LIMIT 1
    """,
    "loan_id": "SELECT case_id FROM episode WHERE loan_id = :id ORDER BY episode DESC LIMIT 1",
    "borrower_id": """
        SELECT case_id FROM collection_case WHERE borrower_id = :id ORDER BY case_no DESC LIMIT 1
    """,
}


async def case_of(tx: Tx, what: str, id_: str) -> str | None:
    """The case, the newest, to which something of SUBJECTS belongs; None where there is none."""
    row = (await tx.execute(SUBJECTS[what], id=id_)).one_or_none()
    return None if row is None else str(row.case_id)


async def check_sees(tx: Tx, member: Member | None, case_id: str) -> None:
    """Raises NotFound when the case is not placed with the agency the acting member is of.

    What may not be seen is answered like what does not exist: an agency learns nothing of others' cases.
    """
    if member is None or not member.is_of_agency:
        return
    owner = (await owners_of(tx, [case_id])).get(case_id)
    if not member.sees(owner.agency_id if owner is not None else None):
        raise NotFound(f"no case {case_id}", case_id=case_id)


async def insert_referral(tx: Tx, referral: Referral) -> bool:
    """Keeps a new referral; False when it is there already."""
    rows = await tx.execute(
        f"""
        INSERT INTO referral ({_REFERRALS.columns}) SELECT {_REFERRALS.selected} FROM {_REFERRALS.source}
        ON CONFLICT (referral_id) DO NOTHING RETURNING referral_id
        """,  # noqa: S608 (column names of our own tables)
        **_REFERRALS.parameters([referral]),
    )
    return rows.first() is not None


async def save_referral(tx: Tx, referral: Referral) -> None:
    """Keeps how a referral ended and what became of its data."""
    await tx.execute(
        """
        UPDATE referral SET recalled_at = :at, recalled_by = :by, recall_reason = :reason,
            data_end = :data_end, data_ended_at = :data_ended_at
        WHERE referral_id = :id
        """,
        id=referral.referral_id,
        at=referral.recalled_at,
        by=referral.recalled_by,
        reason=referral.recall_reason,
        data_end=referral.data_end,
        data_ended_at=referral.data_ended_at,
    )


async def referrals_of(tx: Tx, case_id: str) -> list[Referral]:
    """The referrals of a case, newest first."""
    rows = await tx.execute(
        f"SELECT {_REFERRALS.columns} FROM referral WHERE case_id = :case"  # noqa: S608
        " ORDER BY placed_at DESC, referral_id",
        case=case_id,
    )
    return [_referral(row) for row in rows]


async def open_referrals(tx: Tx, case_ids: Sequence[str]) -> list[Referral]:
    """The referrals of these cases that were not recalled."""
    rows = await tx.execute(
        f"SELECT {_REFERRALS.columns} FROM unnest(CAST(:cases AS text[])) AS u(case_id)"  # noqa: S608
        " JOIN referral USING (case_id) WHERE recalled_at IS NULL ORDER BY referral_id",
        cases=list(case_ids),
    )
    return [_referral(row) for row in rows]


def _referral(row: Any) -> Referral:
    return Referral(**row._mapping)


async def place_tasks(tx: Tx, case_id: str, agency_id: str | None) -> list[str]:
    """The open tasks of a case become the agency's, or the house's, to be given out there; returns their ids."""
    rows = await tx.execute(
        """
        UPDATE task SET agency_id = :agency, assignee = NULL, claimed_by = '{}', lease_until = NULL,
            retry_at = :now
        WHERE case_id = :case AND status = 'open' RETURNING task_id
        """,
        case=case_id,
        agency=agency_id,
        now=tx.now,
    )
    return sorted(row.task_id for row in rows)


async def notice_delivered_at(tx: Tx, case_id: str, steps: Sequence[str]) -> datetime | None:
    """When an overdue notice of the case reached the person: the document, or a message of one of these steps."""
    row = (
        await tx.execute(
            """
            SELECT least(min(outcome_at), (
                       SELECT min(v.delivered_at) FROM document AS d JOIN document_delivery AS v USING (document_id)
                       WHERE d.case_id = :case AND d.kind = 'overdue_notice')) AS at
            FROM contact_request
            WHERE loan_id IN (SELECT e.loan_id
                              FROM collection_case AS c JOIN episode AS e USING (borrower_id, case_id)
                              WHERE c.case_id = :case)
              AND case_id = :case AND step = ANY(CAST(:steps AS text[])) AND outcome = 'delivered'
            """,
            case=case_id,
            steps=list(steps),
        )
    ).one()
    at: datetime | None = row.at
    return at
