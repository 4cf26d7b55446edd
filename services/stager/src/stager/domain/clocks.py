"""Until when a claim can be sued for, decided from the oldest unpaid due date and all that began the time anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, Literal

import msgspec

from stager.domain.clock_policy import ClockPolicy, Ground

ENGINE: Final = "limitation/1"
_FROM_DUE: Final = "from_due"
_LEAP_DAY: Final = (2, 29)


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    """Something that may begin limitation anew: money by its value date, a promise, a demand that arrived."""

    on: date
    ground: Ground
    reference: str


class LimitationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the clocks of a loan in arrears rest on, `restarts` in order of day and reference."""

    today: date
    due_on: date
    restarts: tuple[Restart, ...] = ()
    guarantee_ends_on: date | None = None


class ClaimClocks(msgspec.Struct, frozen=True, kw_only=True):
    """`ends_on` is the last day of limitation, begun on `began_on` by `rule`; `barred`: that day is over.

    `guarantee_ends_on`: the last day on which the guarantor can be called on, where that is known.
    """

    began_on: date
    rule: str
    ends_on: date
    barred: bool
    guarantee_ends_on: date | None = None


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """An end that is so near that a person has to know."""

    what: Literal["limitation", "guarantee"]
    ends_on: date


def decide_clocks(facts: LimitationFacts, policy: ClockPolicy) -> ClaimClocks:
    """The clocks on the day of the facts: each restart counts by what its ground does when it happened."""
    rule, years = _FROM_DUE, policy.limitation.years
    began_on, ends_on = facts.due_on, years_after(facts.due_on, years)
    for restart in sorted(facts.restarts, key=lambda each: (each.on, each.ground, each.reference)):
        effect = policy.limitation.restarts[restart.ground]
        is_late = restart.on > ends_on
        if effect == "none" or restart.on < began_on or (is_late and effect != "revives"):
            continue
        rule, began_on, ends_on = restart.ground, restart.on, years_after(restart.on, years)
    return ClaimClocks(
        began_on=began_on,
        rule=rule,
        ends_on=ends_on,
        barred=facts.today > ends_on,
        guarantee_ends_on=facts.guarantee_ends_on,
    )


def warned(clocks: ClaimClocks, policy: ClockPolicy, today: date) -> Iterator[Warned]:
    """The ends a person has to know of on a day."""
    if today >= clocks.ends_on - timedelta(days=policy.limitation.warn_days):
        yield Warned(what="limitation", ends_on=clocks.ends_on)
    guarantee = clocks.guarantee_ends_on
    if guarantee is not None and today >= guarantee - timedelta(days=policy.guarantee_warn_days):
        yield Warned(what="guarantee", ends_on=guarantee)


def next_look_on(clocks: ClaimClocks, policy: ClockPolicy, today: date) -> date | None:
    """The next day on which time alone changes something; None when it changes nothing any more."""
    days = [
        clocks.ends_on - timedelta(days=policy.limitation.warn_days),
        clocks.ends_on + timedelta(days=1),
    ]
    if clocks.guarantee_ends_on is not None:
        days.append(clocks.guarantee_ends_on - timedelta(days=policy.guarantee_warn_days))
    return min((day for day in days if day > today), default=None)


def years_after(day: date, years: int) -> date:
    """The same day so many years on; 29 February ends on the 28th where there is none."""
    if (day.month, day.day) == _LEAP_DAY:
        return (day + timedelta(days=1)).replace(year=day.year + years) - timedelta(days=1)
    return day.replace(year=day.year + years)
