"""The team changes: members come, change and leave, and are away; what they had to do goes to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spine.database import Tx
from spine.errors import BadRequest, NotFound
from stager.domain.shifts import Absence, Shift
from stager.domain.tasks import HistoryEntry
from stager.domain.team import LastLead, Member, Role, Stale, require
from stager.store.agencies import disown, find_agency
from stager.store.tasks import add_history
from stager.store.team import insert_absence, lock_leads, lock_member, member, replace_shifts, save_member
from stager.store.worklist import offer_waiting, take_from

#: How many waiting tasks are offered when somebody comes who may be fit for them.
_OFFERED = 500


async def require_lead(tx: Tx, by: str) -> set[str]:
    """The active leads, of whom `by` is one. Until there is a lead, whoever sets up the team names themselves.

    Raises NotAllowed, MemberUnknown, MemberInactive (403).
    """
    leads = await lock_leads(tx)
    if leads:
        require(await member(tx, by), Role.LEAD)
    return leads


async def put_member(
    tx: Tx, wanted: Member, shifts: Sequence[Shift] | None, expected: int | None, by: str
) -> tuple[Member, bool]:
    """Keeps a member as wanted; the member, and whether they are new. `expected`: the version that is edited.

    Who becomes inactive gives back their tasks and cases. Raises NotAllowed unless `by` is a lead, Stale (412),
    LastLead, BadRequest for an agency that is not known or a member of one without it.
    """
    leads = await require_lead(tx, by)
    if leads == {wanted.member_id} and not (wanted.active and Role.LEAD in wanted.roles):
        raise LastLead(member_id=wanted.member_id)
    known = await lock_member(tx, wanted.member_id)
    if expected is not None and (known.version if known is not None else 0) != expected:
        raise Stale(f"member {wanted.member_id} was changed meanwhile", version=known.version if known else 0)
    if Role.AGENCY in wanted.roles and wanted.agency_id is None:
        raise BadRequest("agency_id: a member with the role agency is of one", field="agency_id")
    if wanted.agency_id is not None and await find_agency(tx, wanted.agency_id) is None:
        raise BadRequest(f"agency_id: no agency {wanted.agency_id}", field="agency_id")
    if known is not None:
        wanted = replace(wanted, version=known.version)
        if wanted != known:
            wanted = replace(wanted, version=known.version + 1)
    await save_member(tx, wanted)
    if shifts is not None:
        await replace_shifts(tx, wanted.member_id, shifts)
    if not wanted.active or (known is not None and known.agency_id != wanted.agency_id):
        moved = await take_from(tx, wanted.member_id, None)
        await disown(tx, wanted.member_id)
        await add_history(
            tx, [HistoryEntry(id_, tx.now, "moved", wanted.member_id, note="left") for id_ in moved]
        )
    if wanted.active:
        await offer_waiting(tx, _OFFERED)
    return wanted, known is None


async def record_absence(tx: Tx, absence: Absence) -> Absence:
    """A member will be away. What they have to do until they are back moves when it begins. Raises NotFound."""
    if await lock_member(tx, absence.member_id) is None:
        raise NotFound(f"no member {absence.member_id}", member_id=absence.member_id)
    if absence.to_at <= tx.now:
        raise BadRequest("to: is over already", field="to")
    await insert_absence(tx, absence)
    return absence
