"""Waivers and settlement offers are proposed by one member and approved or refused by another, within bands."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import msgspec

from spine.business_days import end_of_business_date
from spine.database import Runtime, Tx
from spine.errors import BadRequest, Conflict, NotFound, WrongCurrency
from spine.money import format_minor
from spine.outbox import emit
from spine.policy import Loaded
from stager.domain.cases import Episode, stable_id
from stager.domain.decision import decided
from stager.domain.plans import Structure
from stager.domain.promise_refusals import NotInArrears
from stager.domain.team import require, require_other
from stager.domain.waiver_policy import WaiverKind, WaiverPolicy
from stager.domain.waivers import (
    BAND_ENGINE,
    BandFacts,
    LapseReason,
    Waiver,
    WaiverClosed,
    WaiverExpired,
    WaiverState,
    find_band,
)
from stager.emits import plans as emits
from stager.policy import House
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.decisions import keep_decisions
from stager.store.parties import lock_parties
from stager.store.policies import keep_policies
from stager.store.team import member
from stager.store.waivers import lock_unapproved, save_waivers, waiver_by_id

_BATCH = 500


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be waived, in minor units; `owed` as the ledger quoted it today, else as it last told.

    `pay_minor` by `pay_by_on` is the condition of an offer; every settlement has one.
    """

    loan_id: str
    kind: WaiverKind
    currency: str
    waived: Structure
    reason: str
    by: str
    owed: Structure | None = None
    pay_minor: int | None = None
    pay_by_on: date | None = None


async def propose_waiver(
    tx: Tx, house: House, *, case_id: str, proposal: Proposal, key: str
) -> tuple[Waiver, bool]:
    """Keeps a proposal that a band allows; the waiver, and whether it is new. `key` makes a repeat the same.

    Raises NotFound, BadRequest, NotInArrears, NoBand, BeyondBand, Conflict for a key used otherwise, and what
    `member` raises.
    """
    case = await case_by_id(tx, case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    waiver_id = stable_id("waiver", case_id, key)
    digest = hashlib.sha256(msgspec.json.encode(proposal)).hexdigest()
    known = await waiver_by_id(tx, waiver_id)
    if known is not None:
        if known.request_digest != digest:
            raise Conflict("this Idempotency-Key was used for another waiver", waiver_id=waiver_id)
        return known, False
    loan_id = proposal.loan_id
    episode = next((each for each in await episodes_of_case(tx, case) if each.loan_id == loan_id), None)
    if episode is None:
        raise BadRequest(f"loan_id: loan {loan_id} is not in case {case_id}", field="loan_id")
    if not episode.is_open:
        raise NotInArrears(loan_id=loan_id)
    loaded = house.rulebook.waivers.on(house.today(tx.now))
    roles = tuple(sorted((await member(tx, proposal.by)).roles))
    _check_condition(proposal, loaded.policy, house.today(tx.now))
    facts = _facts(proposal, episode, roles, house, tx)
    waiver = _proposed(waiver_id, proposal, episode, facts, loaded, digest, house, tx)
    await save_waivers(tx, [waiver])
    await keep_policies(tx, house.rulebook, {loaded.digest})
    decision = decided(
        "waiver_band",
        waiver_id,
        borrower_id=waiver.borrower_id,
        loan_id=loan_id,
        engine=BAND_ENGINE,
        rule=f"band/{waiver.band}",
        verdict=waiver.band,
        facts=facts,
        policy_digests=(loaded.digest,),
        decided_at=tx.now,
    )
    await keep_decisions(tx, [decision])
    return waiver, True


def _check_condition(proposal: Proposal, policy: WaiverPolicy, today: date) -> None:
    if not proposal.waived.total:
        raise BadRequest("waived: nothing would be waived", field="waived")
    if (proposal.pay_minor is None) != (proposal.pay_by_on is None):
        raise BadRequest("condition: an amount and the day by which it is paid", field="condition")
    if proposal.pay_by_on is None:
        if proposal.kind == "settlement":
            raise BadRequest("condition: a settlement is on condition that money comes in", field="condition")
        return
    last = today + timedelta(days=policy.offer_within_days)
    if not proposal.pay_minor or not today <= proposal.pay_by_on <= last:
        raise BadRequest(f"condition: some money, from {today} through {last}", field="condition")


def _facts(proposal: Proposal, episode: Episode, roles: tuple[str, ...], house: House, tx: Tx) -> BandFacts:
    figures = episode.figures
    if proposal.currency != figures.currency:
        raise WrongCurrency(f"currency: the loan is in {figures.currency}", field="currency")
    told = Structure(
        principal=figures.outstanding_principal_minor,
        interest=figures.interest_minor,
        penalty=figures.penalty_minor,
        compound=figures.compound_minor,
        fee=figures.fee_minor,
    )
    owed = proposal.owed or told
    for name in ("principal", "interest", "fee"):
        # These change only when the ledger tells it; penalty and compound grow by the day.
        if getattr(owed, name) > getattr(told, name):
            most = format_minor(getattr(told, name), figures.currency)
            raise BadRequest(f"owed.{name}: {most} is what the ledger told", field=f"owed.{name}")
    stages = house.rulebook.stages.on(house.today(tx.now)).policy
    return BandFacts(
        loan_id=episode.loan_id,
        product=figures.product,
        stage=episode.stage or stages.stage_of(figures.dpd_on(house.today(tx.now))).id,
        kind=proposal.kind,
        roles=roles,
        currency=figures.currency,
        waived=proposal.waived,
        owed=owed,
    )


def _proposed(
    waiver_id: str,
    proposal: Proposal,
    episode: Episode,
    facts: BandFacts,
    loaded: Loaded[WaiverPolicy],
    digest: str,
    house: House,
    tx: Tx,
) -> Waiver:
    today = house.today(tx.now)
    last = today + timedelta(days=loaded.policy.approve_within_days)
    approve_by = last if proposal.pay_by_on is None else min(last, proposal.pay_by_on)
    return Waiver(
        waiver_id=waiver_id,
        loan_id=episode.loan_id,
        borrower_id=episode.borrower_id,
        case_id=episode.case_id,
        partition=episode.partition,
        kind=proposal.kind,
        state=WaiverState.PROPOSED,
        turn=0,
        stage=facts.stage,
        currency=facts.currency,
        waived=proposal.waived,
        owed=facts.owed,
        band=find_band(facts, loaded.policy).id,
        policy_digest=loaded.digest,
        request_digest=digest,
        reason=proposal.reason,
        proposed_by=proposal.by,
        proposed_at=tx.now,
        approve_by_on=approve_by,
        expires_at=end_of_business_date(approve_by, house.zone),
        counts_from=today,
        judged_on=today - timedelta(days=1),
        pay_minor=proposal.pay_minor,
        pay_by_on=proposal.pay_by_on,
    )


async def approve_waiver(tx: Tx, house: House, *, waiver_id: str, by: str) -> Waiver:
    """Another member approves; without a condition it is effective today. Approving again changes nothing.

    Raises NotFound, WaiverExpired, WaiverClosed, SamePerson, and what `member` and `require` raise.
    """
    waiver = await _locked(tx, house, waiver_id)
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


async def refuse_waiver(tx: Tx, house: House, *, waiver_id: str, by: str, reason: str) -> Waiver:
    """A proposal or an offer that waits for its money is refused, or taken back by who proposed it."""
    waiver = await _locked(tx, house, waiver_id)
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


async def _locked(tx: Tx, house: House, waiver_id: str) -> Waiver:
    """A waiver, its borrower locked. Raises NotFound."""
    found = await waiver_by_id(tx, waiver_id)
    if found is None:
        raise NotFound(f"no waiver {waiver_id}", waiver_id=waiver_id)
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
