"""What the REST door shows of the team, its agencies and what was placed with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from typing_extensions import TypedDict

from stager.domain.agencies import Agency, Referral
from stager.domain.shifts import Absence, Shift
from stager.domain.team import Member
from stager.domain.work_policy import clock_of


class ShiftView(TypedDict):
    """Work from one local time to another on days of a type."""

    day_type: str
    begins: str
    ends: str


class AbsenceView(TypedDict):
    """A member is away in [from, to); `moved_at`: when what they had to do went to others."""

    absence_id: str
    begins_at: datetime
    ends_at: datetime
    reason: str
    recorded_by: str
    moved_at: datetime | None


class MemberView(TypedDict):
    """A member of the team; `at_work` at this instant, by the calendar, the shifts and the absences."""

    member_id: str
    roles: list[str]
    agency_id: str | None
    skills: list[str]
    regions: list[str]
    locales: list[str]
    capacity: int
    active: bool
    version: int
    shifts: list[ShiftView]
    absences: list[AbsenceView]
    at_work: bool


class TeamView(TypedDict):
    items: list[MemberView]


class AgencyView(TypedDict):
    """A partner: listed publicly, reviewed every year, active or suspended."""

    agency_id: str
    name: str
    status: str
    listed: bool
    reviewed_on: date | None
    version: int


class AgencyList(TypedDict):
    items: list[AgencyView]


class ReferralView(TypedDict):
    """A case placed elsewhere with the facts it went with."""

    referral_id: str
    case_id: str
    kind: str
    agency_id: str | None
    pack: dict[str, Any]
    pack_digest: str
    placed_at: datetime
    placed_by: str
    recalled_at: datetime | None
    recalled_by: str | None
    recall_reason: str | None
    data_end: str | None
    data_ended_at: datetime | None


class ReferralList(TypedDict):
    items: list[ReferralView]


def member_view(
    member: Member, shifts: Sequence[Shift], absences: Sequence[Absence], *, at_work: bool
) -> MemberView:
    """A member with shifts of their own and the absences that are not over."""
    return MemberView(
        member_id=member.member_id,
        roles=sorted(member.roles),
        agency_id=member.agency_id,
        skills=sorted(member.skills),
        regions=sorted(member.regions),
        locales=sorted(member.locales),
        capacity=member.capacity,
        active=member.active,
        version=member.version,
        shifts=[
            ShiftView(
                day_type=shift.day_type, begins=clock_of(shift.from_minute), ends=clock_of(shift.to_minute)
            )
            for shift in shifts
        ],
        absences=[absence_view(absence) for absence in absences],
        at_work=at_work,
    )


def absence_view(absence: Absence) -> AbsenceView:
    """An absence."""
    return AbsenceView(
        absence_id=absence.absence_id,
        begins_at=absence.from_at,
        ends_at=absence.to_at,
        reason=absence.reason,
        recorded_by=absence.recorded_by,
        moved_at=absence.moved_at,
    )


def agency_view(agency: Agency) -> AgencyView:
    """An agency."""
    return AgencyView(
        agency_id=agency.agency_id,
        name=agency.name,
        status=agency.status,
        listed=agency.listed,
        reviewed_on=agency.reviewed_on,
        version=agency.version,
    )


def referral_view(referral: Referral) -> ReferralView:
    """A referral with its pack."""
    return ReferralView(
        referral_id=referral.referral_id,
        case_id=referral.case_id,
        kind=referral.kind,
        agency_id=referral.agency_id,
        pack=msgspec.json.decode(referral.pack),
        pack_digest=referral.pack_digest,
        placed_at=referral.placed_at,
        placed_by=referral.placed_by,
        recalled_at=referral.recalled_at,
        recalled_by=referral.recalled_by,
        recall_reason=referral.recall_reason,
        data_end=referral.data_end,
        data_ended_at=referral.data_ended_at,
    )
