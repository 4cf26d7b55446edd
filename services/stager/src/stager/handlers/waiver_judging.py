"""Approved offers are judged by a close, and again when their money moves: met, lapsed, or met after all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from spine.database import Tx
from spine.envelope import Envelope
from spine.outbox import emit
from stager.domain.decision import Decision, canonical, decided
from stager.domain.money import Money
from stager.domain.waivers import (
    OFFER_ENGINE,
    LapseReason,
    OfferFacts,
    OfferJudgement,
    Waiver,
    WaiverState,
    judge_offer,
)
from stager.emits import plans as emits
from stager.handlers.plan_judging import standing
from stager.handlers.waivers import lapsed
from stager.policy import House
from stager.store.decisions import keep_decisions
from stager.store.money import money_of
from stager.store.waivers import due_waivers, save_waivers, waivers_by_money


async def judge_waivers(tx: Tx, partition: int, day: date, house: House, cause: Envelope) -> None:
    """The books of `day` are closed: offers are met by the money that came in, or lapse.

    The caller has locked the borrowers.
    """
    due = await due_waivers(tx, partition, day)
    if due:
        await _judge(tx, due, day, house, {each.loan_id: cause for each in due})


async def revise_waivers(tx: Tx, moved: Mapping[str, Envelope], house: House) -> None:
    """Money came late with a value date in time, or was taken back. The caller has locked the borrowers."""
    waivers = await waivers_by_money(tx, moved)
    if waivers:
        await _judge(tx, waivers, None, house, moved)


async def _judge(
    tx: Tx, waivers: Sequence[Waiver], closed: date | None, house: House, causes: Mapping[str, Envelope]
) -> None:
    money = await money_of(tx, {each.loan_id for each in waivers})
    judged: list[Waiver] = []
    decisions: list[Decision] = []
    for waiver in waivers:
        facts = _facts(waiver, closed, money[waiver.loan_id])
        judgement = judge_offer(facts)
        now = replace(
            _after(waiver, judgement, tx), judged_on=facts.closed_through, judge_on=judgement.judge_on
        )
        judged.append(now)
        if now.turn == waiver.turn:
            continue
        decisions.append(_decision(now, facts, judgement, tx))
        effective = now.state is WaiverState.EFFECTIVE
        told = emits.waiver_approved if effective else emits.waiver_lapsed
        emit(tx, told(now, house.rulebook, tx.now), cause=causes[waiver.loan_id])
    await save_waivers(tx, judged)
    await keep_decisions(tx, decisions)


def _facts(waiver: Waiver, closed: date | None, money: Sequence[Money]) -> OfferFacts:
    assert waiver.pay_minor is not None
    assert waiver.pay_by_on is not None
    return OfferFacts(
        pay_minor=waiver.pay_minor,
        counts_from=waiver.counts_from,
        pay_by_on=waiver.pay_by_on,
        closed_through=max(waiver.judged_on, closed or waiver.judged_on),
        money=standing(money, waiver.counts_from),
    )


def _after(waiver: Waiver, judgement: OfferJudgement, tx: Tx) -> Waiver:
    """The waiver as it stands now; its turn tells whether that is new."""
    if judgement.state is WaiverState.EFFECTIVE:
        if (waiver.state, waiver.effective_on) == (WaiverState.EFFECTIVE, judgement.effective_on):
            return waiver
        return replace(
            waiver,
            state=WaiverState.EFFECTIVE,
            turn=waiver.turn + 1,
            effective_on=judgement.effective_on,
            was_effective=True,
            lapse_reason=None,
            ended_at=None,
        )
    if waiver.state is WaiverState.EFFECTIVE:
        return lapsed(waiver, LapseReason.MONEY_REVERSED, tx)
    if waiver.state is WaiverState.APPROVED and judgement.state is WaiverState.LAPSED:
        return lapsed(waiver, LapseReason.MONEY_MISSING, tx)
    return waiver


def _decision(waiver: Waiver, facts: OfferFacts, judgement: OfferJudgement, tx: Tx) -> Decision:
    return decided(
        "waiver",
        waiver.waiver_id,
        borrower_id=waiver.borrower_id,
        loan_id=waiver.loan_id,
        engine=OFFER_ENGINE,
        rule=judgement.rule,
        verdict=judgement.state,
        facts=facts,
        policy_digests=(waiver.policy_digest,),
        decided_at=tx.now,
        turn=canonical(facts),
    )
