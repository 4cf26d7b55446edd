"""Loans taken over have entered their stages: their borrowers get the days on which the steps begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from spine.database import Runtime, Tx
from spine.policy import Loaded
from stager.domain.cases import Episode, StageEntry, StepTimer
from stager.domain.cutover import first_day, start_days
from stager.domain.judging import first_timers
from stager.domain.planning import Plans
from stager.domain.strategy import Strategy
from stager.policy import House
from stager.store.cutover import (
    awaiting_borrowers,
    awaiting_episodes,
    lock_starts,
    places_taken,
    save_starts,
    starts_of,
)
from stager.store.episodes import save_stages
from stager.store.parties import lock_people
from stager.store.policies import keep_policies
from stager.store.steps import insert_timers


async def spread_starts(runtime: Runtime, house: House, batch: int) -> int:
    """Gives days to one batch of those who wait, and plans their steps from then on; returns how many waited."""

    async def work(tx: Tx) -> int:
        today = house.today(tx.now)
        if not await awaiting_borrowers(tx, today, 1):
            return 0
        await lock_starts(tx)
        borrowers = await awaiting_borrowers(tx, today, batch)
        await _spread(tx, borrowers, house)
        return len(borrowers)

    return await runtime.run(work)


async def _spread(tx: Tx, borrowers: list[str], house: House) -> None:
    people = await lock_people(tx, borrowers, house.zone)
    # What changed until the locks were there does not wait any more.
    loans = await awaiting_episodes(tx, borrowers)
    rulebook, today = house.rulebook, house.today(tx.now)
    strategies = {
        episode.loan_id: rulebook.strategies.on(
            today,
            people[episode.borrower_id].subject(episode.figures.product),
            since=episode.entered_on,
        )
        for episode, _ in loans
    }
    days = await _days(tx, borrowers, loans, strategies, house)
    plans = Plans(tx.now)
    started, timers = [], list[StepTimer]()
    for episode, entry in loans:
        from_on = max(episode.steps_from_on or entry.as_of, days[episode.borrower_id])
        started.append(replace(episode, steps_from_on=from_on, awaits_start=False))
        strategy, zone = strategies[episode.loan_id], people[episode.borrower_id].zone
        timers += first_timers(strategy, entry, from_on=from_on, zone=zone, plans=plans)
    await save_stages(tx, started)
    await insert_timers(tx, timers)


async def _days(
    tx: Tx,
    borrowers: list[str],
    loans: Sequence[tuple[Episode, StageEntry]],
    strategies: Mapping[str, Loaded[Strategy]],
    house: House,
) -> dict[str, date]:
    """The day of each borrower: the one there is, else a new one, on which nothing of any loan's plan is past."""
    known = {id_: start.starts_on for id_, start in (await starts_of(tx, borrowers)).items()}
    firsts: dict[str, date] = {}
    for episode, _ in loans:
        first_on = first_day(strategies[episode.loan_id].policy, tx.now, house.zone)
        firsts[episode.borrower_id] = max(first_on, firsts.get(episode.borrower_id, first_on))
    waiting = {id_: firsts[id_] for id_ in borrowers if id_ in firsts.keys() - known.keys()}
    cutover = house.rulebook.cutovers.on(house.today(tx.now))
    given = start_days(
        waiting,
        await places_taken(tx, min(waiting.values())) if waiting else {},
        cutover.policy.starts_per_day,
        house.rulebook.calendars[cutover.policy.calendar],
    )
    await save_starts(tx, given, cutover.digest)
    await keep_policies(tx, house.rulebook, {cutover.digest})
    return {**known, **given}
