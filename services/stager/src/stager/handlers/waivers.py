"""Waivers and settlement offers are approved by another member than proposed them, refused, or run out."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from spine.database import Runtime, Tx
from spine.errors import NotFound
from spine.outbox import emit
from stager.domain.team import require, require_other
from stager.domain.waiver_policy import WaiverPolicy
from stager.domain.waivers import LapseReason, Waiver, WaiverClosed, WaiverExpired, WaiverState
from stager.emits import plans as emits
from stager.policy import House
from stager.store.parties import lock_parties
from stager.store.team import member
from stager.store.waivers import lock_unapproved, save_waivers, waiver_by_id

_BATCH: Final = 500


async def approve_waiver(tx: Tx, house: House, *, case_id: str, waiver_id: str, by: str) -> Waiver:
    """Another member approves; without a condition it is effective today. Approving again changes nothing.

    Raises NotFound, WaiverExpired, WaiverClosed, SamePerson, and what `member` and `require` raise.
    """
    waiver = await _locked(tx, house, case_id, waiver_id)
    policy = _policy_of(waiver, house)
    band = next((each for each in policy.bands if each.id == waiver.band), None)
    require_other(
        waiver.proposed_by, await member(tx, by), *(band.approved_by if band else policy.refused_by)
    )
    if waiver.approved_by == by:
        return waiver
    if waiver.state is WaiverState.PROPOSED and tx.now >= waiver.expires_at:
        raise WaiverExpired(waiver_id=waiver_id, approve_by_on=str(waiver.approve_by_on))
    if waiver.state is not WaiverState.PROPOSED:
        raise WaiverClosed(
            f"waiver {waiver_id} is {waiver.state}", waiver_id=waiver_id, state=waiver.state.value
        )
    approved = replace(waiver, turn=waiver.turn + 1, approved_by=by, approved_at=tx.now)
    if waiver.pay_minor is not None:
        approved = replace(approved, state=WaiverState.APPROVED, judge_on=waiver.counts_from)
        await save_waivers(tx, [approved])
        return approved
    effective = replace(
        approved, state=WaiverState.EFFECTIVE, effective_on=house.today(tx.now), was_effective=True
    )
    await save_waivers(tx, [effective])
    emit(tx, emits.waiver_approved(effective, house.rulebook, tx.now))
    return effective


async def refuse_waiver(
    tx: Tx, house: House, *, case_id: str, waiver_id: str, by: str, reason: str
) -> Waiver:
    """A proposal or an offer that waits for its money is refused, or taken back by who proposed it."""
    waiver = await _locked(tx, house, case_id, waiver_id)
    who = await member(tx, by)
    if who.member_id != waiver.proposed_by:
        require(who, *_policy_of(waiver, house).refused_by)
    if waiver.lapse_reason is LapseReason.REFUSED:
        return waiver
    if waiver.state not in (WaiverState.PROPOSED, WaiverState.APPROVED):
        raise WaiverClosed(
            f"waiver {waiver_id} is {waiver.state}", waiver_id=waiver_id, state=waiver.state.value
        )
    refused = replace(
        lapsed(waiver, LapseReason.REFUSED, tx), refused_by=by, reason=f"{waiver.reason}\n{reason}"
    )
    await save_waivers(tx, [refused])
    emit(tx, emits.waiver_lapsed(refused, house.rulebook, tx.now))
    return refused


async def end_unapproved(runtime: Runtime, house: House) -> int:
    """Ends one batch of proposals that nobody approved in time; returns how many."""

    async def work(tx: Tx) -> int:
        ended = [lapsed(each, LapseReason.NOT_APPROVED, tx) for each in await lock_unapproved(tx, _BATCH)]
        await save_waivers(tx, ended)
        for each in ended:
            emit(tx, emits.waiver_lapsed(each, house.rulebook, tx.now))
        return len(ended)

    return await runtime.run(work)


def lapsed(waiver: Waiver, reason: LapseReason, tx: Tx) -> Waiver:
    """A waiver by which nothing is waived any more, or never was."""
    return replace(
        waiver,
        state=WaiverState.LAPSED,
        turn=waiver.turn + 1,
        lapse_reason=reason,
        effective_on=None,
        ended_at=tx.now,
        judge_on=None,
    )


async def _locked(tx: Tx, house: House, case_id: str, waiver_id: str) -> Waiver:
    """A waiver, its borrower locked. Raises NotFound."""
    found = await waiver_by_id(tx, waiver_id)
    if found is None or found.case_id != case_id:
        raise NotFound(f"no waiver {waiver_id} in case {case_id}", waiver_id=waiver_id)
    await lock_parties(tx, [found.borrower_id], house.zone)
    waiver = await waiver_by_id(tx, waiver_id)
    assert waiver is not None
    return waiver


def _policy_of(waiver: Waiver, house: House) -> WaiverPolicy:
    """The policy of the proposal, or the one of then where its file is gone."""
    try:
        policy: WaiverPolicy = house.rulebook.edition(waiver.policy_digest).policy
    except KeyError:
        policy = house.rulebook.waivers.on(house.today(waiver.proposed_at)).policy
    return policy
