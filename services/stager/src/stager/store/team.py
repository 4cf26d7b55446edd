"""Keeps the team: members, shifts, absences."""

from __future__ import annotations

from typing import Any, Final

from spine.database import Tx
from stager.domain.team import Member, MemberInactive, MemberUnknown

_MEMBER: Final = """
    SELECT member_id, roles, agency_id, skills, regions, locales, capacity, active, version FROM team_member
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
