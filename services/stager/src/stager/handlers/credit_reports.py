"""Credit reporting: what shows that an adverse report was wrong becomes a task to correct it, with a deadline."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

import msgspec

from spine.business_days import business_date
from spine.database import Tx
from spine.envelope import Envelope
from stager.domain.cases import Episode, Hold, stable_id
from stager.domain.clock_policy import CorrectionGround
from stager.domain.money import Money
from stager.domain.tasks import Task, TaskStatus
from stager.handlers.clocks import clock_editions
from stager.handlers.tasks import end_tasks, open_tasks
from stager.policy import House
from stager.store.clocks import latest_episodes
from stager.store.credit_reports import Correction, insert_corrections
from stager.store.money import money_of
from stager.store.tasks import lock_open_tasks

KIND: Final = "credit_report"
ON_TIME: Final = "on_time_money"
#: The finding that says that who disputed was right.
UPHELD: Final = "upheld"
_NO_CAUSES: Final[Mapping[str, Envelope]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Found:
    """What shows that a report of a loan may be wrong; `origin` names it."""

    loan_id: str
    ground: CorrectionGround
    origin: str


async def correct_reports(
    tx: Tx, found: Sequence[Found], house: House, causes: Mapping[str, Envelope] = _NO_CAUSES
) -> None:
    """Opens a task for each of these, due within the business days of the policy; the same again is the same task.

    The caller has locked the borrowers. A loan that never was in arrears has nothing to correct.
    """
    if not found:
        return
    episodes = await latest_episodes(tx, {each.loan_id for each in found})
    editions = await clock_editions(tx, list(episodes.values()), house)
    corrections, tasks = [], []
    for each in found:
        episode = episodes.get(each.loan_id)
        rule = editions[each.loan_id].policy.credit_report if episode is not None else None
        if episode is None or rule is None or each.ground not in rule.corrects:
            continue
        calendar = house.rulebook.calendars[editions[each.loan_id].policy.calendar]
        task = Task(
            task_id=stable_id("task", KIND, each.loan_id, each.origin),
            kind=KIND,
            borrower_id=episode.borrower_id,
            loan_id=each.loan_id,
            case_id=episode.case_id,
            due_at=tx.now,
            sla_at=rule.correct_by(tx.now, house.zone, calendar),
            reason=each.ground,
            origin=each.origin,
        )
        tasks.append(task)
        corrections.append(
            Correction(
                correction_id=stable_id("correction", each.loan_id, each.origin),
                loan_id=each.loan_id,
                borrower_id=episode.borrower_id,
                ground=each.ground,
                origin=each.origin,
                task_id=task.task_id,
                found_at=tx.now,
            )
        )
    if tasks:
        await insert_corrections(tx, corrections)
        by_task = {task.task_id: causes[task.loan_id] for task in tasks if task.loan_id in causes}
        await open_tasks(tx, tasks, house, by_task)


async def correct_for_findings(tx: Tx, lifted: Sequence[Hold], house: House) -> None:
    """Holds that people have lifted: a dispute that was upheld, and every written finding on a fraud claim, which
    says itself what it found. The caller has locked the borrowers."""
    found = []
    for hold in lifted:
        if hold.ended_by != "person" or hold.findings is None:
            continue
        if hold.kind == "dispute" and UPHELD in msgspec.json.decode(hold.findings):
            found.append(Found(hold.loan_id, "dispute_won", hold.hold_id))
        elif hold.kind == "fraud_claim":
            found.append(Found(hold.loan_id, "fraud_finding", hold.hold_id))
    await correct_reports(tx, found, house)


async def correct_for_money(
    tx: Tx, ended: Collection[Episode], house: House, causes: Mapping[str, Envelope]
) -> None:
    """Arrears that ended as if they never were: all that was posted since they began had come in before."""
    money = await money_of(tx, [episode.loan_id for episode in ended])
    found = [
        Found(episode.loan_id, ON_TIME, f"{episode.loan_id}/{episode.episode}/{repayment_id}")
        for episode in ended
        if (repayment_id := never_late(episode, money[episode.loan_id], house)) is not None
    ]
    await correct_reports(tx, found, house, causes)


async def withdraw_corrections(
    tx: Tx, loan_ids: Collection[str], house: House, causes: Mapping[str, Envelope]
) -> None:
    """Money that seemed on time was taken back: what is still open about it is no longer wanted."""
    for state in await lock_open_tasks(tx, loan_ids, (KIND,)):
        if state.task.reason == ON_TIME:
            cause = causes.get(state.task.loan_id)
            await end_tasks(tx, [state], TaskStatus.CANCELLED, "bounced", cause=cause)


def never_late(episode: Episode, money: Sequence[Money], house: House) -> str | None:
    """The last of the money that ended the arrears, if all that was posted since they began was value-dated before,
    on the effective due date at the latest."""
    figures, began_on = episode.figures, episode.opened_on
    due_on = figures.dpd_zero_on or figures.oldest_unpaid_due_on or began_on
    last_on = min(due_on, began_on - timedelta(days=1))
    posted = [
        each
        for each in money
        if each.reversed_on is None and business_date(each.posted_at, house.zone) >= began_on
    ]
    if not posted or any(each.value_date > last_on for each in posted):
        return None
    return posted[-1].repayment_id
