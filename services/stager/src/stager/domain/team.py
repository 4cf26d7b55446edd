"""Who works here and what each of them may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spine.errors import Conflict, TactError


class Role(StrEnum):
    """What a member of the team does here; `agency` works for a partner, and only on what is placed there."""

    COLLECTOR = "collector"
    LEAD = "lead"
    COMPLIANCE = "compliance"
    ANALYST = "analyst"
    ENGINEER = "engineer"
    AGENCY = "agency"


class NotAllowed(TactError):
    """This member may not do that; someone with one of the roles named can."""

    code = "not_allowed"
    status = 403


class MemberUnknown(TactError):
    """No member of the team has this id; PUT /v1/team/members/{id} makes one known."""

    code = "member_unknown"
    status = 403


class MemberInactive(TactError):
    """This member does not work here any more."""

    code = "member_inactive"
    status = 403


class SamePerson(Conflict):
    """Who made something does not check it: another member has to."""

    code = "same_person"


class LastLead(Conflict):
    """This is the only lead; make another member one first, or nobody could change the team any more."""

    code = "last_lead"


class Stale(TactError):
    """What was edited has changed meanwhile; read it again and decide anew."""

    code = "stale"
    status = 412


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the team by an opaque id. `capacity`: how many open tasks are given to them at most."""

    member_id: str
    roles: frozenset[str]
    agency_id: str | None = None
    skills: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    locales: frozenset[str] = frozenset()
    capacity: int = 0
    active: bool = True
    version: int = 1

    @property
    def is_of_agency(self) -> bool:
        """Whether the member sees and works only the cases placed with their agency."""
        return self.agency_id is not None or Role.AGENCY in self.roles

    def sees(self, agency_id: str | None) -> bool:
        """Whether the member may see what is placed with `agency_id` (None: with nobody)."""
        return not self.is_of_agency or (agency_id is not None and agency_id == self.agency_id)


def require(member: Member, *roles: str) -> None:
    """Raises NotAllowed unless the member has one of these roles."""
    if member.roles.isdisjoint(roles):
        needed = " or ".join(roles)
        raise NotAllowed(
            f"member {member.member_id} may not do this: role {needed} is needed",
            needs=[str(r) for r in roles],
        )


def require_other(maker: str, checker: Member, *roles: str) -> None:
    """Raises SamePerson when the maker checks, NotAllowed when the checker has none of the roles."""
    if checker.member_id == maker:
        raise SamePerson(f"member {maker} made this; another member has to check it", member_id=maker)
    require(checker, *roles)
