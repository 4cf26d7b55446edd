"""The stager's REST door for the team: members, shifts, absences, agencies, and the cases placed with them."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from spine.database import Tx
from spine.errors import BadRequest, NotFound
from stager.api.asking import ActingMember, Day, HouseOf, IdempotencyKey, Instant, MemberId, Reason, RuntimeOf
from stager.domain.agencies import Agency
from stager.domain.cases import stable_id
from stager.domain.shifts import Absence, Shift, is_at_work, shifts_of_house
from stager.domain.team import Member, Role, require
from stager.domain.work_policy import DayType, minutes_of
from stager.handlers.agencies import account_for_data, place_case, put_agency, recall_case
from stager.handlers.team import put_member, record_absence
from stager.policy import House
from stager.store.agencies import check_sees, list_agencies, referrals_of
from stager.store.cases import case_by_id
from stager.store.keys import first_time
from stager.store.team import absences_of, acting, find_member, list_members, member, shifts_of
from stager.views import team as views

router = APIRouter()

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
IfMatch = Annotated[str | None, Header(alias="If-Match", pattern=r'^"?[0-9]{1,9}"?$')]


class NewShift(BaseModel):
    """Work from one local time to another on days of a type."""

    model_config = ConfigDict(extra="forbid")

    day_type: DayType
    begins: Clock
    ends: Clock


class PutMember(BaseModel):
    """A member as they shall be. Without `shifts` they stay as they are; none means the hours of the house."""

    model_config = ConfigDict(extra="forbid")

    roles: Annotated[list[Role], Field(min_length=1, max_length=6)]
    agency_id: Word | None = None
    skills: Annotated[list[Word], Field(max_length=50)] = []
    regions: Annotated[list[Word], Field(max_length=200)] = []
    locales: Annotated[list[Word], Field(max_length=20)] = []
    capacity: Annotated[int, Field(ge=0, le=10_000)] = 0
    active: bool = True
    shifts: Annotated[list[NewShift], Field(max_length=20)] | None = None
    by: MemberId


class NewAbsence(BaseModel):
    """From when until when a member is away."""

    model_config = ConfigDict(extra="forbid")

    begins_at: Instant
    ends_at: Instant
    reason: Literal["leave", "sick", "training", "other"]
    by: MemberId


class PutAgency(BaseModel):
    """An agency as it shall be."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    status: Literal["active", "suspended", "ended"]
    listed: bool
    reviewed_on: Day | None = None
    by: MemberId


class NewReferral(BaseModel):
    """Where a case goes."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["agency", "legal"]
    agency_id: Word | None = None
    by: MemberId


class Recall(BaseModel):
    """Why a case is taken back."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["agency", "legal"] = "agency"
    reason: Reason
    by: MemberId


class DataEnd(BaseModel):
    """What became of the data after the recall."""

    model_config = ConfigDict(extra="forbid")

    data: Literal["returned", "destroyed"]
    by: MemberId


@router.get("/v1/team/members")
async def get_members(
    runtime: RuntimeOf, house: HouseOf, acting_member: ActingMember = None
) -> views.TeamView:
    """The team, by id; an agency's members see those of their own agency."""
    async with runtime.transaction() as tx:
        who = await acting(tx, acting_member)
        seen = [each for each in await list_members(tx) if _sees(who, each)]
        return views.TeamView(items=[await _member(tx, house, each) for each in seen])


@router.get("/v1/team/members/{member_id}")
async def get_member(
    member_id: MemberId,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    acting_member: ActingMember = None,
) -> views.MemberView:
    """A member with shifts and absences; the ETag is what If-Match asks for. 404 for those of other agencies."""
    async with runtime.transaction() as tx:
        found = await find_member(tx, member_id)
        if found is None or not _sees(await acting(tx, acting_member), found):
            raise NotFound(f"no member {member_id}", member_id=member_id)
        response.headers["ETag"] = f'"{found.version}"'
        return await _member(tx, house, found)


@router.put("/v1/team/members/{member_id}")
async def put_team_member(
    member_id: MemberId,
    body: PutMember,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    if_match: IfMatch = None,
) -> views.MemberView:
    """Makes a member known or changes one: 201 when new. Who becomes inactive gives back tasks and cases.

    A lead does; until there is one, whoever sets up the team.
    """
    wanted = Member(
        member_id=member_id,
        roles=frozenset(role.value for role in body.roles),
        agency_id=body.agency_id,
        skills=frozenset(body.skills),
        regions=frozenset(body.regions),
        locales=frozenset(body.locales),
        capacity=body.capacity,
        active=body.active,
    )
    shifts = [_shift(each) for each in body.shifts] if body.shifts is not None else None

    async def work(tx: Tx) -> tuple[views.MemberView, bool]:
        kept, is_new = await put_member(tx, wanted, shifts, _version(if_match), body.by)
        return await _member(tx, house, kept), is_new

    view, is_new = await runtime.run(work)
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = f'"{view["version"]}"'
    return view


@router.post("/v1/team/members/{member_id}/absences", status_code=201)
async def post_absence(
    member_id: MemberId, body: NewAbsence, runtime: RuntimeOf, idempotency_key: IdempotencyKey = None
) -> views.AbsenceView:
    """A member will be away: what they have to do until then goes to others when it begins."""
    if body.begins_at >= body.ends_at:
        raise BadRequest("ends_at: comes after begins_at", field="ends_at")

    async def work(tx: Tx) -> Absence:
        who = await member(tx, body.by)
        if body.by != member_id:
            require(who, Role.LEAD)
        key = idempotency_key or str(uuid4())
        await first_time(tx, idempotency_key, [member_id, "absence", body.model_dump(mode="json")])
        absence = Absence(
            absence_id=stable_id("absence", member_id, key),
            member_id=member_id,
            from_at=body.begins_at,
            to_at=body.ends_at,
            reason=body.reason,
            recorded_by=body.by,
            recorded_at=tx.now,
        )
        return await record_absence(tx, absence)

    return views.absence_view(await runtime.run(work))


@router.get("/v1/agencies")
async def get_agencies(runtime: RuntimeOf) -> views.AgencyList:
    """The agencies, by id."""
    async with runtime.transaction() as tx:
        return views.AgencyList(items=[views.agency_view(each) for each in await list_agencies(tx)])


@router.put("/v1/agencies/{agency_id}")
async def put_one_agency(
    agency_id: Word, body: PutAgency, response: Response, runtime: RuntimeOf, if_match: IfMatch = None
) -> views.AgencyView:
    """Makes an agency known or changes it: 201 when new. A lead does."""
    wanted = Agency(agency_id, body.name, body.status, body.listed, body.reviewed_on)
    kept, is_new = await runtime.run(lambda tx: put_agency(tx, wanted, _version(if_match), body.by))
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = f'"{kept.version}"'
    return views.agency_view(kept)


@router.get("/v1/cases/{case_id}/referrals")
async def get_referrals(
    case_id: str, runtime: RuntimeOf, acting_member: ActingMember = None
) -> views.ReferralList:
    """Where a case was placed, newest first, each with the facts it went with."""
    async with runtime.transaction() as tx:
        await case_by_id(tx, case_id)
        await check_sees(tx, await acting(tx, acting_member), case_id)
        found = await referrals_of(tx, case_id)
    return views.ReferralList(items=[views.referral_view(each) for each in found])


@router.post("/v1/cases/{case_id}/referrals", status_code=201)
async def post_referral(
    case_id: str,
    body: NewReferral,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.ReferralView:
    """Places a case with an agency or hands it to the lawyers: 201 when new, 200 for the same Idempotency-Key."""
    key = idempotency_key or str(uuid4())
    referral, is_new = await runtime.run(
        lambda tx: place_case(
            tx, house, case_id=case_id, kind=body.kind, agency_id=body.agency_id, by=body.by, key=key
        )
    )
    response.status_code = 201 if is_new else 200
    return views.referral_view(referral)


@router.post("/v1/cases/{case_id}/recall")
async def post_recall(case_id: str, body: Recall, runtime: RuntimeOf, house: HouseOf) -> views.ReferralView:
    """Takes a case back; the agency sees it no more, and returns or destroys its data."""
    return views.referral_view(
        await runtime.run(
            lambda tx: recall_case(tx, house, case_id=case_id, kind=body.kind, by=body.by, reason=body.reason)
        )
    )


@router.post("/v1/cases/{case_id}/referrals/{referral_id}/data")
async def post_data_end(
    case_id: str, referral_id: str, body: DataEnd, runtime: RuntimeOf, house: HouseOf
) -> views.ReferralView:
    """Puts on record that the partner returned or destroyed the data of a recalled case."""
    return views.referral_view(
        await runtime.run(
            lambda tx: account_for_data(
                tx, house, case_id=case_id, referral_id=referral_id, by=body.by, data=body.data
            )
        )
    )


def _shift(new: NewShift) -> Shift:
    begin, end = minutes_of(new.begins), minutes_of(new.ends)
    if begin >= end:
        raise BadRequest("shifts: each ends after it begins", field="shifts")
    return Shift(new.day_type, begin, end)


def _version(if_match: str | None) -> int | None:
    return int(if_match.strip('"')) if if_match is not None else None


async def _member(tx: Tx, house: House, found: Member) -> views.MemberView:
    policy = house.rulebook.work.on(house.today(tx.now)).policy
    shifts, absences = await shifts_of(tx, found.member_id), await absences_of(tx, found.member_id)
    at_work = found.active and is_at_work(
        tx.now,
        shifts or shifts_of_house(policy),
        absences,
        house.zone,
        house.rulebook.calendars[policy.calendar],
    )
    return views.member_view(found, shifts, absences, at_work=at_work)


def _sees(who: Member | None, other: Member) -> bool:
    return who is None or not who.is_of_agency or other.agency_id == who.agency_id
