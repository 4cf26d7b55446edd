"""What stands against a promise, each with a code of its own; what to do about it is said in the words."""

from __future__ import annotations

from typing import Final

from spine.errors import Conflict
from stager.domain.promises import Verdict


class PromiseRefused(Conflict):
    """The promise is not accepted as it is."""

    code = "promise_refused"


class NotInArrears(PromiseRefused):
    """Nothing is overdue on this loan, so there is nothing to promise."""

    code = "not_in_arrears"


class PlanInForce(PromiseRefused):
    """A repayment plan is in force on this loan: what is to be paid, and when, is in it."""

    code = "plan_in_force"


class DatePassed(PromiseRefused):
    """promised_on: lies before the day the promise was made."""

    code = "date_passed"


class NotTheDelay(PromiseRefused):
    """promised_on: a three-day delay is for exactly its days; leave the date out."""

    code = "not_the_delay"


class HorizonExceeded(PromiseRefused):
    """The date is further ahead than this stage allows: agree on an earlier one, or offer a plan."""

    code = "horizon_exceeded"


class BelowArrears(PromiseRefused):
    """amount: less than what is overdue; that is a promise of kind partial with a second date."""

    code = "below_arrears"


class NotAPart(PromiseRefused):
    """amount: all that is overdue; that is a promise of kind full."""

    code = "not_a_part"


class SecondDateMissing(PromiseRefused):
    """second_on: a part offer has a later date for the rest."""

    code = "second_date_missing"


class BelowFloor(PromiseRefused):
    """amount: a smaller part than may be accepted without a supervisor; have one agree (approved_by)."""

    code = "below_floor"


class NeedsSupervisor(PromiseRefused):
    """Too many promises were broken of late: a supervisor has to agree to the next (approved_by)."""

    code = "needs_supervisor"


_BY_CODE: Final[dict[str, type[PromiseRefused]]] = {
    each.code: each
    for each in (
        PlanInForce,
        DatePassed,
        NotTheDelay,
        HorizonExceeded,
        BelowArrears,
        NotAPart,
        SecondDateMissing,
        BelowFloor,
        NeedsSupervisor,
    )
}


def refused(verdict: Verdict) -> PromiseRefused:
    """The error of a verdict other than `accepted`."""
    return _BY_CODE[verdict.verdict](rule=verdict.rule)
