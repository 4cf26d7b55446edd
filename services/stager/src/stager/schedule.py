"""What the stager does by itself: days to start for loans taken over, steps that come due, holds that run out."""

from __future__ import annotations

from spine.database import Runtime, Tx
from spine.service import Due, Schedule
from stager.handlers.cutover import spread_starts
from stager.handlers.holds import end_run_out
from stager.handlers.promise_reminders import remind_of_promises
from stager.handlers.steps import take_due_steps
from stager.policy import House
from stager.store.cutover import awaiting_count
from stager.store.holds import holds_due
from stager.store.promises import reminders_due
from stager.store.steps import timers_due


def schedules(runtime: Runtime, house: House, step_batch: int) -> tuple[Schedule, ...]:
    """The timers of a worker."""

    async def starts() -> int:
        return await spread_starts(runtime, house, step_batch)

    async def steps() -> int:
        return await take_due_steps(runtime, house, step_batch)

    async def holds() -> int:
        return await end_run_out(runtime)

    async def promises() -> int:
        return await remind_of_promises(runtime, house, step_batch)

    return (
        Schedule("spread starts after a cut-over", starts),
        Schedule("take due steps", steps),
        Schedule("remind of promises", promises),
        Schedule("end holds that ran out", holds),
    )


async def due(tx: Tx) -> Due:
    """What comes due by itself: how much of it is due now, and when the next one is."""
    steps, next_step = await timers_due(tx)
    holds, next_hold = await holds_due(tx)
    reminders, next_reminder = await reminders_due(tx)
    ahead = [instant for instant in (next_step, next_hold, next_reminder) if instant is not None]
    return Due(open=steps + holds + reminders + await awaiting_count(tx), next_at=min(ahead, default=None))
