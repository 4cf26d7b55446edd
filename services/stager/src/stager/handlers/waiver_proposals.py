"""Waivers and settlement offers are proposed: within a band, counted together with those of the loan before."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from spine.business_days import end_of_business_date
from spine.database import Tx
from spine.errors import BadRequest, Conflict, WrongCurrency
from spine.money import format_minor
from spine.policy import Loaded
from stager.domain.cases import Episode, stable_id
from stager.domain.decision import decided
from stager.domain.plans import Structure
from stager.domain.promise_refusals import NotInArrears
from stager.domain.waiver_policy import WaiverKind, WaiverPolicy
from stager.domain.waivers import BAND_ENGINE, BandFacts, Waiver, WaiverState, find_band
from stager.policy import House
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.decisions import keep_decisions
from stager.store.parties import lock_parties
from stager.store.policies import keep_policies
from stager.store.team import member
from stager.store.waivers import save_waivers, waiver_by_id, waivers_of_case


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
    others = [each for each in await waivers_of_case(tx, case_id) if each.loan_id == loan_id]
    facts = _facts(proposal, episode, roles, others, house, tx)
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


def _facts(
    proposal: Proposal,
    episode: Episode,
    roles: tuple[str, ...],
    others: Sequence[Waiver],
    house: House,
    tx: Tx,
) -> BandFacts:
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
        before=_together(each for each in others if each.state is not WaiverState.LAPSED),
        gone=_together(each for each in others if each.state is WaiverState.EFFECTIVE),
    )


def _together(waivers: Iterable[Waiver]) -> Structure:
    """What these waivers take off in all."""
    sums: Counter[str] = Counter()
    for waiver in waivers:
        sums.update({name: getattr(waiver.waived, name) for name in Structure.__struct_fields__})
    return Structure(**sums)


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
