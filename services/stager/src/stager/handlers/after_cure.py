"""After the cure: whoever has paid is thanked, by a person where no message can, and not for money that bounces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from spine.database import Tx
from spine.envelope import Envelope
from spine.events.notifier import (
    MessageExpired,
    MessageFact,
    MessageFailed,
    MessageRejected,
    MessageSuppressed,
)
from spine.outbox import emit
from stager.domain.cases import ContactStep, Episode, RequestStatus, stable_id
from stager.domain.desk import CaseClosure
from stager.domain.tasks import Task, TaskStatus
from stager.emits import cases as emits
from stager.handlers.clocks import keep_clocks
from stager.handlers.credit_reports import correct_for_money, withdraw_corrections
from stager.handlers.tasks import end_tasks, open_tasks
from stager.handlers.withdrawals import withdraw
from stager.policy import House
from stager.store.holds import active_holds
from stager.store.parties import people_of
from stager.store.policies import keep_policies
from stager.store.promises import next_occurrences
from stager.store.requests import OpenRequest, asked_of_cured, insert_steps
from stager.store.tasks import lock_open_tasks, thanked_loans

KIND: Final = "after_cure"
#: The text that thanks; the notifier lets it pass only when nothing is owed any more.
STEP: Final = "thanks"
TEMPLATE: Final = "thanks-sms"
#: As what thanks are said: no collection.
_CHANNEL, _PURPOSE = "sms", "service"
#: The notifier's reasons not to send it after which nobody else thanks either.
_NEEDLESS: Final = frozenset({"ALREADY-THANKED", "FENCE-in_arrears", "FENCE-withdrawn"})


async def follow_arrears(
    tx: Tx,
    causes: Mapping[str, Envelope],
    episodes: Mapping[str, Episode],
    closures: Sequence[CaseClosure],
    house: House,
) -> None:
    """The ledger has spoken of these loans (`causes`, each the last fact; `episodes`, the newest): their clocks
    stand anew, and who is out of arrears is thanked, or no longer. The caller has locked the borrowers and kept
    all that was told."""
    if not causes:
        return
    await keep_clocks(tx, causes.keys(), house, causes, episodes)
    ended = [episode for episode in episodes.values() if not episode.is_open]
    bounced = [e for e in episodes.values() if e.is_open and e.bounced_on is not None]
    if ended:
        await correct_for_money(tx, ended, house, causes)
    if bounced:
        await _take_back(tx, bounced, house, causes)
    # Of a first episode that did not bounce nobody was ever thanked.
    again = [
        e.loan_id for e in episodes.values() if e.is_open and (e.episode > 1 or e.bounced_on is not None)
    ]
    await withdraw(tx, {loan: ("in_arrears_again", causes.get(loan)) for loan in again}, which=_is_thanks)
    closed = {closure.case.case_id: closure for closure in closures}
    # Who fell into arrears with another loan in the same breath is not thanked as if nothing were owed.
    owing = {episode.borrower_id for episode in episodes.values() if episode.is_open}
    thanked = [e for e in ended if e.case_id in closed and e.borrower_id not in owing]
    await _thank(tx, thanked, closed, house, causes)


def _is_thanks(request: OpenRequest) -> bool:
    return request.step == STEP


async def _thank(
    tx: Tx,
    ended: Sequence[Episode],
    closed: Mapping[str, CaseClosure],
    house: House,
    causes: Mapping[str, Envelope],
) -> None:
    """One text for each case that is closed, unless a hold says that this person is not spoken with."""
    if not ended:
        return
    today = house.today(tx.now)
    borrowers = sorted({episode.borrower_id for episode in ended})
    people = await people_of(tx, borrowers, house.zone)
    kinds: dict[str, set[str]] = {}
    for hold in await active_holds(tx, borrowers):
        if hold.is_active(tx.now):
            kinds.setdefault(hold.borrower_id, set()).add(hold.kind)
    holds = house.rulebook.holds.on(today).policy
    steps: dict[str, ContactStep] = {}
    occurrences = await next_occurrences(tx, [episode.loan_id for episode in ended], STEP)
    for episode in sorted(ended, key=lambda each: each.loan_id):
        person = people[episode.borrower_id]
        clocks = house.rulebook.clocks.on(today, person.subject(episode.figures.product))
        rule = clocks.policy.after_cure
        held = holds.stopping(kinds.get(episode.borrower_id, ()), _CHANNEL, _PURPOSE)
        if held is not None or closed[episode.case_id].reason not in rule.ends:
            continue
        _, late_at = rule.window(tx.now, person.zone)
        turn = (episode.loan_id, episode.episode, episode.bounced_on or "")
        steps.setdefault(
            episode.case_id,
            ContactStep(
                request_id=stable_id("request", KIND, episode.case_id, *turn),
                loan_id=episode.loan_id,
                episode=episode.episode,
                entry_no=episode.entry_no,
                step=STEP,
                occurrence=occurrences[episode.loan_id],
                borrower_id=episode.borrower_id,
                case_id=episode.case_id,
                stage=episode.stage or "",
                channel=_CHANNEL,
                template=TEMPLATE,
                purpose=_PURPOSE,
                due_at=tx.now,
                decided_at=tx.now,
                expires_at=late_at,
                status=RequestStatus.OPEN,
                reason=None,
                strategy_digest=clocks.digest,
            ),
        )
    if not steps:
        return
    fresh = await insert_steps(tx, list(steps.values()))
    await keep_policies(tx, house.rulebook, {step.strategy_digest for step in steps.values()})
    for step in steps.values():
        if step.request_id in fresh:
            emit(tx, emits.contact_requested(step, house.rulebook), cause=causes.get(step.loan_id))


async def thank_by_person(tx: Tx, facts: Sequence[tuple[MessageFact, Envelope]], house: House) -> None:
    """A text that was to thank will not arrive: a person is asked to. The caller has locked the borrowers."""
    failed = {
        fact.request_id: (fact, cause)
        for fact, cause in facts
        if fact.template == TEMPLATE
        and isinstance(fact, MessageSuppressed | MessageRejected | MessageExpired | MessageFailed)
        and not _NEEDLESS.intersection(rule.id for rule in fact.rules)
    }
    if not failed:
        return
    tasks, causes = [], {}
    people = await people_of(tx, sorted({fact.borrower_id for fact, _ in failed.values()}), house.zone)
    for request_id, case_id, product in await asked_of_cured(tx, list(failed)):
        fact, cause = failed[request_id]
        person = people[fact.borrower_id]
        rule = house.rulebook.clocks.on(house.today(tx.now), person.subject(product)).policy.after_cure
        due_at, late_at = rule.window(tx.now, person.zone)
        task = Task(
            task_id=stable_id("task", KIND, request_id),
            kind=KIND,
            borrower_id=fact.borrower_id,
            loan_id=fact.loan_id,
            case_id=case_id,
            due_at=due_at,
            sla_at=late_at,
            reason="thanks",
            origin=request_id,
        )
        tasks.append(task)
        causes[task.task_id] = cause
    await open_tasks(tx, tasks, house, causes)


async def _take_back(
    tx: Tx, bounced: Sequence[Episode], house: House, causes: Mapping[str, Envelope]
) -> None:
    """The money was taken back: nobody is thanked for it any more, and who was is told politely how it stands."""
    loans = {episode.loan_id: episode for episode in bounced}
    await withdraw_corrections(tx, loans, house, causes)
    for state in await lock_open_tasks(tx, loans, (KIND,)):
        if state.task.reason == "thanks":
            cause = causes.get(state.task.loan_id)
            await end_tasks(tx, [state], TaskStatus.CANCELLED, "bounced", cause=cause)
    thanked = await thanked_loans(tx, loans)
    tasks = [
        Task(
            task_id=stable_id("task", KIND, "correct", task_id),
            kind=KIND,
            borrower_id=loans[loan_id].borrower_id,
            loan_id=loan_id,
            case_id=loans[loan_id].case_id,
            due_at=tx.now,
            reason="correct_thanks",
            origin=task_id,
        )
        for loan_id, task_id in thanked.items()
    ]
    by_task = {task.task_id: causes[task.loan_id] for task in tasks if task.loan_id in causes}
    await open_tasks(tx, tasks, house, by_task)
