"""Courtesy reminders of a promise, the day before and on the day: decided anew by the facts of then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from spine.business_days import business_date, local_instant
from spine.database import Runtime, Tx
from spine.outbox import emit
from stager.domain.cases import ContactStep, Episode, RequestStatus, stable_id
from stager.domain.hold_policy import HoldPolicy
from stager.domain.money import Money
from stager.domain.promise_policy import Reminders
from stager.domain.promises import Promise, is_met
from stager.emits import cases as emits
from stager.handlers.promises import REMINDS
from stager.policy import House
from stager.store.holds import active_holds
from stager.store.money import money_of
from stager.store.parties import lock_parties
from stager.store.policies import keep_policies
from stager.store.promises import Reminder, next_occurrences, open_episodes, take_due_reminders
from stager.store.requests import insert_steps

_STEP: Final = "promise-reminder"


async def remind_of_promises(runtime: Runtime, house: House, batch: int) -> int:
    """Decides one batch of due reminders; returns how many there were."""

    async def work(tx: Tx) -> int:
        due = await take_due_reminders(tx, batch)
        if due:
            await _decide(tx, due, house)
        return len(due)

    return await runtime.run(work)


async def _decide(tx: Tx, due: Collection[tuple[Reminder, Promise]], house: House) -> None:
    loans = sorted({promise.loan_id for _, promise in due})
    borrowers = sorted({promise.borrower_id for _, promise in due})
    zones = await lock_parties(tx, borrowers, house.zone)
    money, episodes = await money_of(tx, loans), await open_episodes(tx, loans)
    occurrences = await next_occurrences(tx, loans, _STEP)
    holds: dict[str, set[str]] = defaultdict(set)
    for hold in await active_holds(tx, borrowers):
        if hold.is_active(tx.now):
            holds[hold.loan_id].add(hold.kind)
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    steps = []
    for reminder, promise in due:
        episode = episodes.get(promise.loan_id)
        if episode is None or episode.stage is None or episode.is_stopped:
            # Nothing is overdue any more, and nobody is thanked by a reminder.
            continue
        loaded = house.rulebook.promises.on(business_date(promise.made_at, house.zone))
        rule, zone = loaded.policy.reminders, zones[promise.borrower_id]
        expires = _expires(reminder, promise, rule, zone)
        skipped = _why_not(
            promise, money[promise.loan_id], holds[promise.loan_id], policy, rule, now=tx.now, expires=expires
        )
        occurrence = occurrences[promise.loan_id]
        occurrences[promise.loan_id] += 1
        steps.append(
            _step(reminder, promise, episode, rule, occurrence, expires, skipped, loaded.digest, tx.now)
        )
    await _ask(tx, steps, house)


def _expires(reminder: Reminder, promise: Promise, rule: Reminders, zone: ZoneInfo) -> datetime:
    day = promise.promised_on - timedelta(days=reminder.days_before)
    return local_instant(day, rule.closes, zone)


def _why_not(
    promise: Promise,
    money: Iterable[Money],
    holds: Collection[str],
    policy: HoldPolicy,
    rule: Reminders,
    *,
    now: datetime,
    expires: datetime,
) -> str | None:
    if not promise.is_open:
        return f"promise_{promise.status}"
    if now >= expires:
        return "missed"
    if is_met(promise, money):
        return "kept_already"
    kind = policy.stopping(holds, rule.channel, REMINDS)
    return f"hold_{kind}" if kind is not None else None


def _step(
    reminder: Reminder,
    promise: Promise,
    episode: Episode,
    rule: Reminders,
    occurrence: int,
    expires: datetime,
    skipped: str | None,
    digest: str,
    now: datetime,
) -> ContactStep:
    return ContactStep(
        request_id=stable_id("request", promise.promise_id, _STEP, reminder.days_before),
        loan_id=promise.loan_id,
        episode=episode.episode,
        entry_no=episode.entry_no,
        step=_STEP,
        occurrence=occurrence,
        borrower_id=promise.borrower_id,
        case_id=promise.case_id,
        stage=episode.stage or "",
        channel=rule.channel,
        template=rule.template,
        purpose=REMINDS,
        due_at=reminder.due_at,
        decided_at=now,
        expires_at=expires,
        status=RequestStatus.SKIPPED if skipped else RequestStatus.OPEN,
        reason=skipped,
        strategy_digest=digest,
    )


async def _ask(tx: Tx, steps: Collection[ContactStep], house: House) -> None:
    if not steps:
        return
    fresh = await insert_steps(tx, list(steps))
    await keep_policies(tx, house.rulebook, {step.strategy_digest for step in steps})
    for step in steps:
        if step.request_id in fresh and step.status is RequestStatus.OPEN:
            emit(tx, emits.contact_requested(step, house.rulebook))
