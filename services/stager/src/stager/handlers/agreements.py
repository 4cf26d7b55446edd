"""What was agreed with borrowers, judged by the money that came in: at each close, and when money moves later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from spine.database import Tx
from spine.envelope import Envelope
from stager.handlers.promise_judging import judge_promises, revise_promises
from stager.policy import House
from stager.store.money import forget_money
from stager.store.promises import borrowers_promising, due_promises


async def borrowers_to_agree(tx: Tx, partition: int, day: date) -> set[str]:
    """Whose agreements the close of `day` judges. They are locked before, together with all the batch needs."""
    return {promise.borrower_id for promise in await due_promises(tx, partition, day)}


async def borrowers_agreed_with(tx: Tx, loan_ids: Iterable[str]) -> set[str]:
    """Who has agreed to something about these loans, whether it is open or judged already."""
    return await borrowers_promising(tx, loan_ids)


async def judge_agreements(tx: Tx, partition: int, day: date, house: House, cause: Envelope) -> None:
    """The close of `day` judges what was agreed: after the money of the batch is kept, and before the stages are
    judged, so that a promise that was broken frees the promotion at the same close.

    The caller has locked the borrowers of `borrowers_to_agree`.
    """
    await judge_promises(tx, partition, day, house, cause)
    await forget_money(tx, partition, day)


async def revise_agreements(tx: Tx, moved: Mapping[str, Envelope], house: House) -> None:
    """Money of these loans came in late or was taken back: what was judged by it is judged again.

    `moved` gives for each loan the fact that says so; the caller has locked their borrowers.
    """
    if moved:
        await revise_promises(tx, moved, house)
