"""What was agreed with borrowers, judged by the money that came in: at each close, and when money moves later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from spine.database import Tx
from spine.envelope import Envelope
from stager.handlers.claims import match_claims
from stager.handlers.plan_judging import judge_plans, revise_plans
from stager.handlers.promise_judging import judge_promises, revise_promises
from stager.handlers.waiver_judging import judge_waivers, revise_waivers
from stager.policy import House
from stager.store.claims import open_claims
from stager.store.money import forget_money
from stager.store.plans import borrowers_planning, due_plans
from stager.store.promises import borrowers_promising, due_promises
from stager.store.waivers import due_waivers, waivers_by_money


async def borrowers_to_agree(tx: Tx, partition: int, day: date) -> set[str]:
    """Whose agreements the close of `day` judges. They are locked before, together with all the batch needs."""
    found = {promise.borrower_id for promise in await due_promises(tx, partition, day)}
    found |= {plan.borrower_id for plan in await due_plans(tx, partition, day)}
    return found | {waiver.borrower_id for waiver in await due_waivers(tx, partition, day)}


async def borrowers_agreed_with(tx: Tx, loan_ids: Iterable[str]) -> set[str]:
    """Who has agreed to something about these loans, whether it is open or judged already."""
    loans = sorted(set(loan_ids))
    if not loans:
        return set()
    offered = {waiver.borrower_id for waiver in await waivers_by_money(tx, loans)}
    offered |= {claim.borrower_id for claim in await open_claims(tx, loans)}
    return offered | await borrowers_promising(tx, loans) | await borrowers_planning(tx, loans)


async def judge_agreements(tx: Tx, partition: int, day: date, house: House, cause: Envelope) -> None:
    """The close of `day` judges what was agreed: after the money of the batch is kept, and before the stages are
    judged, so that a promise that was broken frees the promotion at the same close.

    The caller has locked the borrowers of `borrowers_to_agree`.
    """
    await judge_promises(tx, partition, day, house, cause)
    await judge_plans(tx, partition, day, house, cause)
    await judge_waivers(tx, partition, day, house, cause)
    await forget_money(tx, partition, day)


async def revise_agreements(tx: Tx, moved: Mapping[str, Envelope], house: House) -> None:
    """Money of these loans came in late or was taken back: what was judged by it is judged again.

    `moved` gives for each loan the fact that says so; the caller has locked their borrowers.
    """
    if moved:
        await match_claims(tx, moved, house)
        await revise_promises(tx, moved, house)
        await revise_plans(tx, moved, house)
        await revise_waivers(tx, moved, house)
