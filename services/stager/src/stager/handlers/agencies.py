"""Cases go to agencies and lawyers with the facts they need, and come back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

import msgspec
import rfc8785

from spine.database import Tx
from spine.errors import BadRequest, Conflict, NotFound
from spine.money import format_minor
from stager.domain.agencies import Agency, Owner, Referral, ReferralTooEarly, check_placeable
from stager.domain.cases import Case, Episode, stable_id
from stager.domain.desk import CaseClosure
from stager.domain.staging import digest_of
from stager.domain.tasks import HistoryEntry
from stager.domain.team import Stale, require
from stager.handlers.team import require_lead
from stager.policy import House
from stager.store.agencies import (
    find_agency,
    insert_referral,
    notice_delivered_at,
    open_referrals,
    owners_of,
    place_tasks,
    referrals_of,
    save_agency,
    save_owners,
    save_referral,
)
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.clocks import clocks_of
from stager.store.holds import active_holds
from stager.store.parties import lock_parties
from stager.store.policies import keep_policies
from stager.store.tasks import add_history
from stager.store.team import member

Kind = Literal["agency", "legal"]


class AlreadyPlaced(Conflict):
    """The case is placed already; recall it before it is placed elsewhere."""

    code = "already_placed"


class NotPlaced(Conflict):
    """The case is not placed, or its data was accounted for already."""

    code = "not_placed"


async def put_agency(tx: Tx, wanted: Agency, expected: int | None, by: str) -> tuple[Agency, bool]:
    """Keeps an agency as wanted; the agency, and whether it is new. Raises NotAllowed (403), Stale (412)."""
    await require_lead(tx, by)
    known = await find_agency(tx, wanted.agency_id)
    if expected is not None and (known.version if known is not None else 0) != expected:
        raise Stale(f"agency {wanted.agency_id} was changed meanwhile", version=known.version if known else 0)
    if known is not None:
        wanted = replace(wanted, version=known.version)
        if wanted != known:
            wanted = replace(wanted, version=known.version + 1)
    await save_agency(tx, wanted)
    return wanted, known is None


async def place_case(
    tx: Tx, house: House, *, case_id: str, kind: Kind, agency_id: str | None, by: str, key: str
) -> tuple[Referral, bool]:
    """Places a case with an agency, or hands it to the lawyers; `key` makes a repeat the same referral.

    Raises NotAllowed (403), AgencyNotReady, ReferralTooEarly, AlreadyPlaced, Conflict (409), NotFound, BadRequest.
    """
    who = await member(tx, by)
    case = await case_by_id(tx, case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    today = house.today(tx.now)
    work = house.rulebook.work.on(today)
    require(who, *work.policy.referrals[kind].by)
    referral_id = stable_id("referral", case_id, key)
    placed = await referrals_of(tx, case_id)
    if (known := next((each for each in placed if each.referral_id == referral_id), None)) is not None:
        if (known.kind, known.agency_id, known.placed_by) != (kind, agency_id, by):
            raise Conflict("this Idempotency-Key was used for another referral", referral_id=referral_id)
        return known, False
    if any(each.kind == kind and each.recalled_at is None for each in placed):
        raise AlreadyPlaced(case_id=case_id)
    if (kind == "agency") != (agency_id is not None):
        raise BadRequest("agency_id: is given for an agency, and only then", field="agency_id")
    if agency_id is not None:
        agency = await find_agency(tx, agency_id)
        if agency is None:
            raise NotFound(f"no agency {agency_id}", agency_id=agency_id)
        agency.check_ready(work.policy, today)
    episodes = [each for each in await episodes_of_case(tx, case) if each.is_open]
    notice_at = await notice_delivered_at(tx, case_id, work.policy.notice_steps)
    loans = {each.loan_id for each in episodes}
    held = {
        hold.kind
        for hold in await active_holds(tx, [case.borrower_id])
        if hold.loan_id in loans and hold.is_active(tx.now)
    }
    holds = house.rulebook.holds.on(today).policy
    # Placing a case is going further with it: what keeps a loan in its stage keeps the case here.
    blocked_by = holds.blocking_referral(held) or holds.blocking_promotion(held)
    barred = {loan for loan, clock in (await clocks_of(tx, loans)).items() if clock.barred}
    if kind == "legal" and barred == loans:
        raise ReferralTooEarly("every claim of the case is time-barred", missing="in_time")
    check_placeable(work.policy, kind, {each.stage or "" for each in episodes}, blocked_by, notice_at)
    pack = _pack(case, episodes, house, tx.now, notice_at, barred)
    referral = Referral(
        referral_id=referral_id,
        case_id=case_id,
        borrower_id=case.borrower_id,
        kind=kind,
        agency_id=agency_id,
        pack=pack,
        pack_digest=digest_of(pack),
        policy_digest=work.digest,
        placed_at=tx.now,
        placed_by=by,
    )
    await insert_referral(tx, referral)
    await keep_policies(tx, house.rulebook, {work.digest})
    if agency_id is not None:
        await _move(tx, case, agency_id, by, f"placed with {agency_id}")
    return referral, True


async def recall_case(tx: Tx, house: House, *, case_id: str, kind: Kind, by: str, reason: str) -> Referral:
    """Takes a case back; again it stays as it is. Raises NotPlaced, NotAllowed, NotFound."""
    who = await member(tx, by)
    case = await case_by_id(tx, case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    require(who, *house.rulebook.work.on(house.today(tx.now)).policy.referrals[kind].by)
    latest = next((each for each in await referrals_of(tx, case_id) if each.kind == kind), None)
    if latest is None:
        raise NotPlaced(case_id=case_id)
    if latest.recalled_at is not None:
        return latest
    return await end_referral(tx, case, latest, by, reason)


async def recall_closed(tx: Tx, closures: Sequence[CaseClosure]) -> None:
    """Nothing is owed any more: what of these cases is placed comes back. The caller has locked the borrowers."""
    closed = {closure.case.case_id: closure for closure in closures}
    for referral in await open_referrals(tx, list(closed)) if closed else ():
        closure = closed[referral.case_id]
        await end_referral(tx, closure.case, referral, None, closure.reason)


async def end_referral(tx: Tx, case: Case, referral: Referral, by: str | None, reason: str) -> Referral:
    """Ends a referral of a locked borrower; what the agency had to do is the house's again."""
    recalled = replace(referral, recalled_at=tx.now, recalled_by=by, recall_reason=reason)
    await save_referral(tx, recalled)
    if referral.agency_id is not None:
        await _move(tx, case, None, by, "recalled")
    return recalled


async def account_for_data(
    tx: Tx, house: House, *, case_id: str, referral_id: str, by: str, data: Literal["returned", "destroyed"]
) -> Referral:
    """The partner returned or destroyed the data of a recalled case. Raises NotPlaced, NotFound, NotAllowed."""
    who = await member(tx, by)
    case = await case_by_id(tx, case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    require(who, "lead", "compliance")
    found = next((each for each in await referrals_of(tx, case_id) if each.referral_id == referral_id), None)
    if found is None:
        raise NotFound(f"no referral {referral_id} of case {case_id}", referral_id=referral_id)
    if found.recalled_at is None or found.data_end not in (None, data):
        raise NotPlaced(f"referral {referral_id} is open or accounted for otherwise", referral_id=referral_id)
    if found.data_end == data:
        return found
    ended = replace(found, data_end=data, data_ended_at=tx.now)
    await save_referral(tx, ended)
    return ended


async def _move(tx: Tx, case: Case, agency_id: str | None, by: str | None, note: str) -> None:
    """The case and its open tasks belong to the agency's people, or to the house's again."""
    known = (await owners_of(tx, [case.case_id])).get(case.case_id, Owner())
    member_id = None if agency_id is not None or known.agency_id is not None else known.member_id
    await save_owners(tx, {case.case_id: (case.borrower_id, Owner(member_id, agency_id))})
    moved = await place_tasks(tx, case.case_id, agency_id)
    await add_history(tx, [HistoryEntry(task_id, tx.now, "moved", by, note=note) for task_id in moved])


def _pack(
    case: Case,
    episodes: Sequence[Episode],
    house: House,
    now: datetime,
    notice_at: datetime | None,
    barred: Collection[str],
) -> str:
    """What the partner needs and no more: no addresses, no names; those come from the notifier to who may see."""
    today = house.today(now)
    loans = [
        {
            "loan_id": each.loan_id,
            "product": each.figures.product,
            "currency": each.figures.currency,
            "stage": each.stage,
            "time_barred": each.loan_id in barred,
            "dpd": each.figures.dpd_on(max(today, each.figures.as_of)),
            "as_of": each.figures.as_of.isoformat(),
            "opened_on": each.opened_on.isoformat(),
            "oldest_unpaid_due_on": each.figures.oldest_unpaid_due_on,
            "overdue": {
                part: format_minor(getattr(each.figures, f"{part}_minor"), each.figures.currency)
                for part in ("principal", "interest", "fee", "penalty", "compound", "total")
            },
            "outstanding_principal": format_minor(
                each.figures.outstanding_principal_minor, each.figures.currency
            ),
        }
        for each in episodes
    ]
    facts = {
        "case_id": case.case_id,
        "borrower_id": case.borrower_id,
        "as_of": today.isoformat(),
        "notice_delivered_at": notice_at.isoformat() if notice_at is not None else None,
        "loans": loans,
    }
    return rfc8785.dumps(msgspec.to_builtins(facts)).decode()
