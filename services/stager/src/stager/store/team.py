"""Keeps the team: members, shifts, absences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from spine.database import Tx
from stager.domain.shifts import Absence, Shift
from stager.domain.team import Member, MemberInactive, MemberUnknown

_MEMBER: Final = """
    SELECT member_id, roles, agency_id, skills, regions, locales, capacity, active, version FROM team_member
"""
_ABSENCE: Final = """
    SELECT absence_id, member_id, from_at, to_at, reason, recorded_by, recorded_at, moved_at FROM member_absence
"""


def member_of(row: Any) -> Member:
    """A member from their row."""
    return Member(
        member_id=row.member_id,
        roles=frozenset(row.roles),
        agency_id=row.agency_id,
        skills=frozenset(row.skills),
        regions=frozenset(row.regions),
        locales=frozenset(row.locales),
        capacity=row.capacity,
        active=row.active,
        version=row.version,
    )


async def find_member(tx: Tx, member_id: str) -> Member | None:
    """A member, active or not."""
    row = (await tx.execute(f"{_MEMBER} WHERE member_id = :id", id=member_id)).one_or_none()
    return member_of(row) if row is not None else None


async def member(tx: Tx, member_id: str) -> Member:
    """A member who works here. Raises MemberUnknown, MemberInactive (403)."""
    found = await find_member(tx, member_id)
    if found is None:
        raise MemberUnknown(f"no member {member_id}", member_id=member_id)
    if not found.active:
        raise MemberInactive(f"member {member_id} is not active", member_id=member_id)
    return found


async def lock_member(tx: Tx, member_id: str) -> Member | None:
    """A member, locked against other changes of them."""
    row = (await tx.execute(f"{_MEMBER} WHERE member_id = :id FOR UPDATE", id=member_id)).one_or_none()
    return member_of(row) if row is not None else None


async def lock_leads(tx: Tx) -> set[str]:
    """The active leads; one at a time changes the team, so that they stay those while it does."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('stager.team'))")
    rows = await tx.execute("SELECT member_id FROM team_member WHERE active AND 'lead' = ANY(roles)")
    return {row.member_id for row in rows}


async def save_member(tx: Tx, member: Member) -> None:
    """Keeps a member as they are now."""
    await tx.execute(
        """
        INSERT INTO team_member
            (member_id, roles, agency_id, skills, regions, locales, capacity, active, version, changed_at)
        VALUES (:id, CAST(:roles AS text[]), :agency, CAST(:skills AS text[]), CAST(:regions AS text[]),
                CAST(:locales AS text[]), :capacity, :active, :version, :now)
        ON CONFLICT (member_id) DO UPDATE
        SET roles = excluded.roles, agency_id = excluded.agency_id, skills = excluded.skills,
            regions = excluded.regions, locales = excluded.locales, capacity = excluded.capacity,
            active = excluded.active, version = excluded.version, changed_at = excluded.changed_at
        """,
        id=member.member_id,
        roles=sorted(member.roles),
        agency=member.agency_id,
        skills=sorted(member.skills),
        regions=sorted(member.regions),
        locales=sorted(member.locales),
        capacity=member.capacity,
        active=member.active,
        version=member.version,
        now=tx.now,
    )


async def list_members(tx: Tx, *, active_only: bool = False) -> list[Member]:
    """The team, by id."""
    rows = await tx.execute(f"{_MEMBER} WHERE active OR NOT :only ORDER BY member_id", only=active_only)
    return [member_of(row) for row in rows]


async def replace_shifts(tx: Tx, member_id: str, shifts: Sequence[Shift]) -> None:
    """A member's own shifts; none means the hours of the house."""
    await tx.execute("DELETE FROM member_shift WHERE member_id = :id", id=member_id)
    await tx.execute(
        """
        INSERT INTO member_shift (member_id, day_type, from_minute, to_minute)
        SELECT :id, u.day_type, u.from_minute, u.to_minute
        FROM unnest(CAST(:types AS text[]), CAST(:begins AS int[]), CAST(:ends AS int[]))
             AS u(day_type, from_minute, to_minute)
        """,
        id=member_id,
        types=[shift.day_type for shift in shifts],
        begins=[shift.from_minute for shift in shifts],
        ends=[shift.to_minute for shift in shifts],
    )


async def shifts_of(tx: Tx, member_id: str) -> list[Shift]:
    """A member's own shifts in order."""
    rows = await tx.execute(
        "SELECT day_type, from_minute, to_minute FROM member_shift WHERE member_id = :id"
        " ORDER BY day_type DESC, from_minute",
        id=member_id,
    )
    return [Shift(**row._mapping) for row in rows]


async def insert_absence(tx: Tx, absence: Absence) -> None:
    """Keeps a new absence."""
    await tx.execute(
        """
        INSERT INTO member_absence (absence_id, member_id, from_at, to_at, reason, recorded_by, recorded_at)
        VALUES (:id, :member, :from_at, :to_at, :reason, :by, :at) ON CONFLICT (absence_id) DO NOTHING
        """,
        id=absence.absence_id,
        member=absence.member_id,
        from_at=absence.from_at,
        to_at=absence.to_at,
        reason=absence.reason,
        by=absence.recorded_by,
        at=absence.recorded_at,
    )


async def absences_of(tx: Tx, member_id: str) -> list[Absence]:
    """A member's absences that are not over, earliest first."""
    rows = await tx.execute(
        f"{_ABSENCE} WHERE member_id = :id AND to_at > :now ORDER BY from_at, absence_id",
        id=member_id,
        now=tx.now,
    )
    return [Absence(**row._mapping) for row in rows]


async def lock_begun_absences(tx: Tx, limit: int) -> list[Absence]:
    """Absences that have begun and whose work was not moved yet."""
    rows = await tx.execute(
        f"{_ABSENCE} WHERE moved_at IS NULL AND from_at <= :now ORDER BY from_at LIMIT :limit"
        " FOR UPDATE SKIP LOCKED",
        now=tx.now,
        limit=limit,
    )
    return [Absence(**row._mapping) for row in rows]


async def mark_moved(tx: Tx, absence_ids: Sequence[str]) -> None:
    """Marks absences as dealt with."""
    await tx.execute(
        "UPDATE member_absence SET moved_at = :now WHERE absence_id = ANY(CAST(:ids AS text[]))",
        now=tx.now,
        ids=list(absence_ids),
    )


async def acting(tx: Tx, member_id: str | None) -> Member | None:
    """The member a query is made for; None for the house itself. Raises MemberUnknown, MemberInactive."""
    return await member(tx, member_id) if member_id is not None else None
