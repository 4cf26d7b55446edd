"""What the stager does by itself: days to start for loans taken over, steps that come due, holds that run out."""

from __future__ import annotations

from spine.database import Runtime, Tx
from spine.service import Due, Schedule
from stager.handlers.claims import look_at_claims
from stager.handlers.clocks import look_at_clocks
from stager.handlers.cutover import spread_starts
from stager.handlers.holds import end_run_out
from stager.handlers.plan_reminders import remind_of_plans
from stager.handlers.promise_reminders import remind_of_promises
from stager.handlers.steps import take_due_steps
from stager.handlers.waivers import end_unapproved
from stager.handlers.worklist import (
    assign_tasks,
    end_leases,
    end_missed_appointments,
    escalate_late,
    move_work_of_absent,
)
from stager.policy import House
from stager.store.claims import claims_due
from stager.store.clocks import clocks_due
from stager.store.cutover import awaiting_count
from stager.store.holds import holds_due
from stager.store.plans import reminders_due as plan_reminders_due
from stager.store.promises import reminders_due
from stager.store.steps import timers_due
from stager.store.tasks import work_due
from stager.store.waivers import waivers_due


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

    async def claims() -> int:
        return await look_at_claims(runtime, house, step_batch)

    async def plans() -> int:
        return await remind_of_plans(runtime, house, step_batch)

    async def waivers() -> int:
        return await end_unapproved(runtime, house)

    async def clocks() -> int:
        return await look_at_clocks(runtime, house)

    return (
        Schedule("spread starts after a cut-over", starts),
        Schedule("take due steps", steps),
        Schedule("remind of promises", promises),
        Schedule("remind of plans", plans),
        Schedule("end waivers that nobody approved", waivers),
        Schedule("end holds that ran out", holds),
        Schedule("look at payment claims", claims),
        Schedule("look at the clocks of claims", clocks),
        *work_schedules(runtime, house),
    )


def work_schedules(runtime: Runtime, house: House) -> tuple[Schedule, ...]:
    """The timers of people's work."""

    async def absent() -> int:
        return await move_work_of_absent(runtime)

    async def leases() -> int:
        return await end_leases(runtime)

    async def missed() -> int:
        return await end_missed_appointments(runtime)

    async def late() -> int:
        return await escalate_late(runtime, house)

    async def given_out() -> int:
        return await assign_tasks(runtime, house)

    return (
        Schedule("move the work of those who are away", absent),
        Schedule("end leases of tasks", leases),
        Schedule("end missed appointments", missed),
        Schedule("escalate what is late", late),
        Schedule("give out tasks", given_out),
    )


async def due(tx: Tx) -> Due:
    """What comes due by itself: how much of it is due now, and when the next one is."""
    steps, next_step = await timers_due(tx)
    holds, next_hold = await holds_due(tx)
    reminders, next_reminder = await reminders_due(tx)
    plans, next_plan = await plan_reminders_due(tx)
    waivers, next_waiver = await waivers_due(tx)
    work, next_work = await work_due(tx)
    claims, next_claim = await claims_due(tx)
    clocks, next_clock = await clocks_due(tx)
    nexts = (next_step, next_hold, next_reminder, next_plan, next_waiver, next_work, next_claim, next_clock)
    ahead = [instant for instant in nexts if instant is not None]
    agreed = reminders + plans + waivers + claims + clocks
    waiting = await awaiting_count(tx)
    return Due(open=steps + holds + agreed + work + waiting, next_at=min(ahead, default=None))
