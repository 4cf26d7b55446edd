"""Open promises are judged by a close, and judged ones again when their money moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from spine.business_days import business_date
from spine.database import Tx
from spine.envelope import Envelope
from spine.outbox import emit
from stager.domain.cases import stable_id
from stager.domain.decision import Decision, canonical, decided
from stager.domain.money import Money
from stager.domain.promises import (
    JUDGED,
    JUDGING_ENGINE,
    JudgeFacts,
    Judgement,
    Promise,
    PromiseStatus,
    due_days,
    facts_to_judge,
    judge,
)
from stager.emits import promises as emits
from stager.handlers.promises import release, start_promises, supersede
from stager.policy import House
from stager.store.decisions import keep_decisions
from stager.store.money import money_of
from stager.store.parties import lock_parties
from stager.store.promises import due_promises, how_ended, planned_loans, promises_of_loans, save_promises

#: How a loan ends when core banking takes it away: what was promised on it is no longer owed here.
_TAKEN_AWAY = ("closed", "sold")


@dataclass(frozen=True, slots=True)
class _Judged:
    """A promise after a judgement that changed it, and what it stood at before."""

    promise: Promise
    was: PromiseStatus
    cause: Envelope


async def judge_promises(tx: Tx, partition: int, day: date, house: House, cause: Envelope) -> None:
    """The books of `day` are closed: what was to be paid by then is kept, partly kept or broken.

    The caller has locked the borrowers.
    """
    due = await due_promises(tx, partition, day)
    if due:
        await _judge(tx, due, day, house, {each.loan_id: cause for each in due})


async def revise_promises(tx: Tx, moved: Mapping[str, Envelope], house: House) -> None:
    """Money came late with a value date in time, or was taken back: what it was judged by is judged again.

    The caller has locked the borrowers.
    """
    judged = await promises_of_loans(tx, moved, JUDGED)
    if judged:
        # What is judged was judged after its close, so the due day itself is the least that is closed.
        await _judge(tx, judged, None, house, moved)


async def _judge(
    tx: Tx,
    promises: Sequence[Promise],
    closed_through: date | None,
    house: House,
    causes: Mapping[str, Envelope],
) -> None:
    loans = {each.loan_id for each in promises}
    money, ended = await money_of(tx, loans), await _taken_away(tx, loans)
    changed: list[_Judged] = []
    decisions: list[Decision] = []
    for each in promises:
        through = closed_through or each.due_on
        facts = facts_to_judge(each, money[each.loan_id], through, ended=ended.get(each.loan_id))
        judgement = judge(facts)
        if (judgement.status, judgement.received_minor) == (each.status, each.received_minor):
            continue
        decisions.append(_decision(each, facts, judgement, tx))
        now = replace(
            each,
            status=judgement.status,
            received_minor=judgement.received_minor,
            reason=judgement.rule if judgement.status is PromiseStatus.CANCELLED else each.reason,
            changed_at=tx.now,
        )
        changed.append(_Judged(now, each.status, causes[each.loan_id]))
    await save_promises(tx, [one.promise for one in changed])
    await keep_decisions(tx, decisions)
    for one in changed:
        emit(tx, emits.promise_changed(one.promise, one.was, house.rulebook, "money"), cause=one.cause)
    await release(tx, [one.promise for one in changed if one.was is PromiseStatus.OPEN], "facts")
    await _follow_up(tx, changed, money, house)


async def _taken_away(tx: Tx, loans: set[str]) -> dict[str, str]:
    """Of which loans a promise is not owed any more here, and why."""
    ended = {loan: how for loan, how in (await how_ended(tx, loans)).items() if how in _TAKEN_AWAY}
    return ended | dict.fromkeys(await planned_loans(tx, loans), "planned")


def _decision(promise: Promise, facts: JudgeFacts, judgement: Judgement, tx: Tx) -> Decision:
    return decided(
        "promise",
        promise.promise_id,
        borrower_id=promise.borrower_id,
        loan_id=promise.loan_id,
        engine=JUDGING_ENGINE,
        rule=judgement.rule,
        verdict=judgement.status,
        facts=facts,
        policy_digests=(promise.policy_digest,),
        decided_at=tx.now,
        turn=canonical(facts),
    )


async def _follow_up(
    tx: Tx, changed: Sequence[_Judged], money: Mapping[str, Sequence[Money]], house: House
) -> None:
    """The second date of a part offer: promised once the part is kept, and no more when the part is not."""
    parts = [each for each in changed if each.promise.second_on is not None]
    if not parts:
        return
    open_now = await promises_of_loans(tx, {each.promise.loan_id for each in parts}, [PromiseStatus.OPEN])
    taken = {each.loan_id: each for each in open_now}
    zones = await lock_parties(tx, sorted({each.promise.borrower_id for each in parts}), house.zone)
    for each in parts:
        part, other = each.promise, taken.get(each.promise.loan_id)
        if part.status is not PromiseStatus.KEPT:
            if other is not None and other.follows == part.promise_id:
                await supersede(tx, [other], house, by=f"promise {part.promise_id}", cause=each.cause)
            continue
        second = second_of(part, house, tx)
        if other is None and second is not None:
            await start_promises(tx, [second], house, zones, cause=each.cause)


def second_of(part: Promise, house: House, tx: Tx) -> Promise | None:
    """The promise of the rest on the second date of a part that was kept; None when that day is over."""
    if part.second_on is None or not part.second_minor or part.second_on < house.today(tx.now):
        return None
    policy = house.rulebook.promises.on(business_date(part.made_at, house.zone)).policy
    counts_through, due_on = due_days(part.second_on, policy, house.rulebook.calendars[policy.calendar])
    promise_id = stable_id("promise", part.promise_id, "second")
    return replace(
        part,
        promise_id=promise_id,
        status=PromiseStatus.OPEN,
        amount_minor=part.second_minor,
        base_minor=part.base_minor + part.amount_minor,
        counts_through=counts_through,
        promised_on=part.second_on,
        due_on=due_on,
        second_on=None,
        second_minor=None,
        follows=part.promise_id,
        request_digest="",
        hold_id=stable_id("hold", "promise_open", promise_id),
        received_minor=None,
        reason=None,
        changed_at=tx.now,
    )
