"""Promises are accepted within the policy's bounds, superseded by newer ones, and cancelled by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spine.business_days import business_date, local_instant
from spine.database import Tx
from spine.envelope import Envelope
from spine.errors import BadRequest, Conflict, NotFound
from spine.events.contact_log import PromiseMade
from spine.outbox import emit
from spine.service import Received
from stager.domain.cases import Episode, Hold, stable_id
from stager.domain.hold_book import PROMISE_OPEN
from stager.domain.promise_refusals import NotInArrears, refused
from stager.domain.promises import ACCEPTED, Promise, PromiseStatus, Verdict, decide_terms
from stager.domain.tasks import Task
from stager.domain.team import require
from stager.emits import promises as emits
from stager.handlers.clocks import keep_clocks
from stager.handlers.holds import end_holds, new_hold, place_holds
from stager.handlers.promise_offers import MAY_AGREE, Considered, Offer, accepted, consider, terms_decision
from stager.handlers.tasks import cancel_tasks, open_tasks
from stager.handlers.withdrawals import Reasons, withdraw
from stager.policy import House
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.decisions import keep_decisions
from stager.store.holds import active_holds
from stager.store.parties import lock_parties
from stager.store.policies import keep_policies
from stager.store.promises import (
    Reminder,
    contacts_promised_in,
    forget_reminders,
    open_episodes,
    plan_reminders,
    promise_by_id,
    promises_of_loans,
    save_promises,
)
from stager.store.team import member

#: The purpose of a reminder of what was promised.
REMINDS = "reminder_due"
#: Tasks that are contacts: nobody calls or comes while a promise is waited for.
_CONTACTS = ("call", "visit")


async def open_promise(
    tx: Tx, house: House, *, case_id: str, offer: Offer, key: str, cause: Envelope | None = None
) -> tuple[Promise, bool]:
    """Accepts a promise for a loan of a case; the promise, and whether it is new. `key` makes a repeat the same.

    The one open on the loan before is superseded; the same promise told by another way is that promise. Raises
    NotFound, BadRequest (a loan not in the case, a bad amount), NotInArrears, PromiseRefused with the code of what
    stands against it, Conflict for a key used otherwise, and what `member` and `require_other` raise.
    """
    case = await case_by_id(tx, case_id)
    zones = await lock_parties(tx, [case.borrower_id], house.zone)
    promise_id = stable_id("promise", case_id, key)
    known = await promise_by_id(tx, promise_id)
    if known is not None:
        if known.request_digest != offer.digest():
            raise Conflict("this Idempotency-Key was used for another promise", promise_id=promise_id)
        return known, False
    episodes = [each for each in await episodes_of_case(tx, case) if each.loan_id == offer.loan_id]
    if not episodes:
        raise BadRequest(f"loan_id: loan {offer.loan_id} is not in case {case_id}", field="loan_id")
    if not episodes[0].is_open:
        raise NotInArrears(loan_id=offer.loan_id)
    considered = await consider(tx, house, offer, episodes[0])
    verdict = decide_terms(considered.facts, considered.policy.policy)
    if verdict.verdict != ACCEPTED:
        raise refused(verdict)
    return await _start(tx, house, considered, promise_id, verdict, zones, cause)


async def take_promises_said(tx: Tx, events: Sequence[Received], house: House) -> None:
    """Promises that were made in recorded contacts; who made one twice told it once.

    What the policy does not let stand becomes a task for a person: the borrower has heard no refusal yet. Of loans
    that are not in arrears nothing is promised.
    """
    said = [(r.event, r.envelope) for r in events if isinstance(r.event, PromiseMade)]
    zones = await lock_parties(tx, sorted({fact.borrower_id for fact, _ in said}), house.zone)
    loans = {fact.loan_id for fact, _ in said}
    episodes, heard = await open_episodes(tx, loans), await contacts_promised_in(tx, loans)
    for fact, cause in said:
        episode = episodes.get(fact.loan_id)
        promise_id = stable_id("promise", "said", fact.contact_id, fact.loan_id)
        if episode is None or episode.borrower_id != fact.borrower_id:
            continue
        if (fact.loan_id, fact.contact_id) in heard:
            continue
        heard.add((fact.loan_id, fact.contact_id))
        considered = await consider(tx, house, _told(fact), episode)
        verdict = decide_terms(considered.facts, considered.policy.policy)
        if verdict.verdict == ACCEPTED:
            await _start(tx, house, considered, promise_id, verdict, zones, cause)
            continue
        await keep_policies(tx, house.rulebook, {considered.policy.digest})
        await keep_decisions(tx, [terms_decision(considered, promise_id, verdict, tx.now)])
        task = _to_look_into(episode, promise_id, verdict, tx.now)
        await open_tasks(tx, [task], house, {task.task_id: cause})


def _told(fact: PromiseMade) -> Offer:
    return Offer(
        loan_id=fact.loan_id,
        amount=fact.amount,
        promised_on=fact.promised_on,
        verified=fact.verified,
        contact_id=fact.contact_id,
        made_at=fact.at,
    )


def _to_look_into(episode: Episode, promise_id: str, verdict: Verdict, now: datetime) -> Task:
    return Task(
        task_id=stable_id("task", "promise", promise_id),
        kind="human_review",
        borrower_id=episode.borrower_id,
        loan_id=episode.loan_id,
        case_id=episode.case_id,
        due_at=now,
        stage=episode.stage,
        reason=f"promise_{verdict.verdict}",
        origin=promise_id,
    )


async def _start(
    tx: Tx,
    house: House,
    considered: Considered,
    promise_id: str,
    verdict: Verdict,
    zones: Mapping[str, ZoneInfo],
    cause: Envelope | None,
) -> tuple[Promise, bool]:
    promise = accepted(considered, promise_id, house, tx)
    open_before = await promises_of_loans(tx, [promise.loan_id], [PromiseStatus.OPEN])
    if (same := next((each for each in open_before if _is_same(each, promise)), None)) is not None:
        return same, False
    await supersede(tx, open_before, house, by=f"promise {promise_id}", cause=cause)
    await keep_decisions(tx, [terms_decision(considered, promise_id, verdict, tx.now)])
    await start_promises(tx, [promise], house, zones, cause=cause)
    return promise, True


def _is_same(known: Promise, told: Promise) -> bool:
    """Whether one conversation was told twice: by who took it down, and by the log that keeps it."""
    return (known.amount_minor, known.promised_on, known.counts_from) == (
        told.amount_minor,
        told.promised_on,
        told.counts_from,
    )


async def start_promises(
    tx: Tx,
    promises: Sequence[Promise],
    house: House,
    zones: Mapping[str, ZoneInfo],
    *,
    cause: Envelope | None = None,
) -> None:
    """Keeps open promises of locked borrowers, tells them, holds their loans and plans their reminders.

    Calls and visits that people were to make about these loans are cancelled.
    """
    await save_promises(tx, promises)
    await keep_policies(tx, house.rulebook, {each.policy_digest for each in promises})
    for each in promises:
        emit(tx, emits.promise_opened(each, house.rulebook), cause=cause)
    holds = [hold_of(each, house, tx.now) for each in promises]
    causes = {hold.hold_id: cause for hold in holds} if cause is not None else {}
    await place_holds(tx, holds, house, causes)
    loans = [each.loan_id for each in promises]
    await keep_clocks(tx, loans, house)
    await cancel_tasks(tx, loans, "promise_open", kinds=_CONTACTS, cause=cause)
    planned = [
        reminder
        for each in promises
        for reminder in _reminders(each, house, zones[each.borrower_id])
        if reminder.due_at > tx.now
    ]
    await plan_reminders(tx, planned)


def hold_of(promise: Promise, house: House, now: datetime) -> Hold:
    """The hold that keeps collection away while a promise is open."""
    return new_hold(
        house,
        hold_id=promise.hold_id,
        kind=PROMISE_OPEN,
        loan_id=promise.loan_id,
        borrower_id=promise.borrower_id,
        now=now,
        origin=promise.promise_id,
        by=promise.made_by,
    )


def _reminders(promise: Promise, house: House, zone: ZoneInfo) -> list[Reminder]:
    rule = house.rulebook.promises.on(business_date(promise.made_at, house.zone)).policy.reminders
    return [
        Reminder(
            promise_id=promise.promise_id,
            days_before=days,
            borrower_id=promise.borrower_id,
            due_at=local_instant(promise.promised_on - timedelta(days=days), rule.opens, zone),
        )
        for days in rule.days_before
    ]


async def supersede(
    tx: Tx, promises: Sequence[Promise], house: House, *, by: str, cause: Envelope | None = None
) -> None:
    """A newer promise, or a plan, takes the place of these open ones; `by` names it."""
    await _withdraw(tx, promises, PromiseStatus.SUPERSEDED, by, house, ended_by="facts", cause=cause)


async def cancel_promise(
    tx: Tx, house: House, *, case_id: str, promise_id: str, reason: str, by: str
) -> Promise:
    """A person takes an open promise back; one that is not open stays as it is. Raises NotFound."""
    case = await case_by_id(tx, case_id)
    require(await member(tx, by), *MAY_AGREE)
    await lock_parties(tx, [case.borrower_id], house.zone)
    promise = await promise_by_id(tx, promise_id)
    if promise is None or promise.case_id != case_id:
        raise NotFound(f"no promise {promise_id} in case {case_id}", promise_id=promise_id)
    if not promise.is_open:
        return promise
    [cancelled] = await _withdraw(
        tx, [promise], PromiseStatus.CANCELLED, reason, house, ended_by="person", by=by
    )
    return cancelled


async def _withdraw(
    tx: Tx,
    promises: Sequence[Promise],
    status: PromiseStatus,
    reason: str,
    house: House,
    *,
    ended_by: str,
    by: str | None = None,
    cause: Envelope | None = None,
) -> list[Promise]:
    kept = reason if by is None else f"{by}: {reason}"
    gone = [replace(each, status=status, reason=kept, changed_at=tx.now) for each in promises]
    await save_promises(tx, gone)
    # What a person wrote stays here: the event says only what happened.
    for each in gone:
        told = emits.promise_changed(each, PromiseStatus.OPEN, house.rulebook, status.value)
        emit(tx, told, cause=cause)
    await release(tx, gone, ended_by)
    return gone


async def release(tx: Tx, promises: Sequence[Promise], ended_by: str) -> None:
    """Ends the holds of promises that are not waited for any more; drops their reminders, and takes back what was
    asked for and may not be sent yet."""
    await forget_reminders(tx, [each.promise_id for each in promises])
    reasons: Reasons = {each.loan_id: ("promise_over", None) for each in promises}
    await withdraw(tx, reasons, which=lambda request: request.purpose == REMINDS)
    ids = {each.promise_id for each in promises}
    held = await active_holds(tx, sorted({each.borrower_id for each in promises}))
    # By its origin: after a cure the hold is another one.
    ending = [hold for hold in held if hold.kind == PROMISE_OPEN and hold.origin in ids]
    await end_holds(tx, [replace(hold, lifted_at=tx.now, ended_by=ended_by) for hold in ending])
