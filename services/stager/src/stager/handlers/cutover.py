"""Loans taken over have entered their stages: their borrowers get the days on which the steps begin."""

from __future__ import annotations

from dataclasses import replace

from spine.database import Runtime, Tx
from stager.domain.cases import StepTimer
from stager.domain.cutover import first_day, start_days
from stager.domain.judging import first_timers
from stager.domain.planning import Plans
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
from stager.store.parties import lock_parties
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
    zones = await lock_parties(tx, borrowers, house.zone)
    # What changed until the locks were there does not wait any more.
    waiting = await awaiting_episodes(tx, borrowers)
    known = {id_: start.starts_on for id_, start in (await starts_of(tx, borrowers)).items()}
    still = {episode.borrower_id for episode, _ in waiting} - known.keys()
    rulebook, today = house.rulebook, house.today(tx.now)
    cutover, strategy = rulebook.cutovers.on(today), rulebook.strategies.on(today)
    first_on = first_day(strategy.policy, tx.now, house.zone)
    given = start_days(
        [id_ for id_ in borrowers if id_ in still],
        await places_taken(tx, first_on),
        first_on,
        cutover.policy.starts_per_day,
        rulebook.calendars[cutover.policy.calendar],
    )
    await save_starts(tx, given, cutover.digest)
    await keep_policies(tx, rulebook, {cutover.digest})
    days = {**known, **given}
    plans = Plans(tx.now)
    started, timers = [], list[StepTimer]()
    for episode, entry in waiting:
        from_on = max(episode.steps_from_on or entry.as_of, days[episode.borrower_id])
        started.append(replace(episode, steps_from_on=from_on, awaits_start=False))
        zone = zones[episode.borrower_id]
        timers += first_timers(strategy, entry, from_on=from_on, zone=zone, plans=plans)
    await save_stages(tx, started)
    await insert_timers(tx, timers)
