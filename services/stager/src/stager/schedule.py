"""What the stager does by itself: days to start for loans taken over, steps that come due, holds that run out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from spine.database import Runtime, Tx
from spine.service import Due, Schedule
from stager.handlers.claims import look_at_claims
from stager.handlers.clocks import look_at_clocks
from stager.handlers.cutover import spread_starts
from stager.handlers.holds import end_run_out
from stager.handlers.plan_reminders import remind_of_plans
from stager.handlers.policies import renew
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
from stager.store.timers import next_by_kind

#: Does one batch of what is due, and says how many it did.
Batch = Callable[[], Awaitable[int]]


def schedules(runtime: Runtime, house: House, step_batch: int) -> tuple[Schedule, ...]:
    """The timers of a worker: one look at what is due of all kinds, then a batch of each kind that is.

    In turn, so that a morning's steps do not keep a hold from ending; decided by the policies in force then.
    """
    batches = _batches(runtime, house, step_batch)

    async def take_due() -> int:
        async with runtime.transaction() as tx:
            await renew(tx, house)
            due = [kind for kind, at in (await next_by_kind(tx)).items() if at <= tx.now]
        return sum([await batches[kind]() for kind in due])

    return (Schedule("take what is due", take_due),)


def _batches(runtime: Runtime, house: House, step_batch: int) -> Mapping[str, Batch]:
    """By kind of timer, what is done when it is due."""
    claims = partial(look_at_claims, runtime, house, step_batch)
    return {
        "starts": partial(spread_starts, runtime, house, step_batch),
        "steps": partial(take_due_steps, runtime, house, step_batch),
        "promises": partial(remind_of_promises, runtime, house, step_batch),
        "plans": partial(remind_of_plans, runtime, house, step_batch),
        "waivers": partial(end_unapproved, runtime, house),
        "holds": partial(end_run_out, runtime),
        "claims": claims,
        "claims_of_others": claims,
        "clocks": partial(look_at_clocks, runtime, house),
        "absences": partial(move_work_of_absent, runtime),
        "leases": partial(end_leases, runtime),
        "appointments": partial(end_missed_appointments, runtime),
        "deadlines": partial(escalate_late, runtime, house),
        "assignments": partial(assign_tasks, runtime, house),
    }


async def due(tx: Tx) -> Due:
    """What comes due by itself: of how many kinds something is due now, and when the next one of all is."""
    at = await next_by_kind(tx)
    ahead = [instant for instant in at.values() if instant > tx.now]
    return Due(open=len(at) - len(ahead), next_at=min(ahead, default=None))
