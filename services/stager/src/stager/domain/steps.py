"""A step that has come due, decided anew by the facts of now: ask for the contact, or skip it and say why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from stager.domain.hold_policy import HoldPolicy
from stager.domain.planning import Planned, expires_at, newest_due, next_due
from stager.domain.strategy import Step, Strategy


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What is known when a step comes due. `holds` are the kinds active on the loan.

    `stage` is None when the loan has left the stage the step was planned for. `stopped`: the ledger has told
    the end of the arrears, but facts before it are still missing.
    """

    step_id: str
    due: Planned
    stage: str | None
    from_on: date
    holds: Collection[str]
    stopped: bool
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class StepDecision:
    """One occurrence decided. `skipped` is the reason when no contact is asked for; `following` is planned."""

    step: Step
    due: Planned
    expires_at: datetime
    skipped: str | None
    following: Planned | None


def decide_step(
    facts: StepFacts, strategy: Strategy, holds: HoldPolicy, now: datetime
) -> StepDecision | None:
    """The newest occurrence that is due, decided; None when the step is no longer part of any plan.

    What an outage missed is one occurrence, the newest, and only while its slot is still open.
    """
    step = strategy.step(facts.stage, facts.step_id) if facts.stage is not None else None
    if step is None:
        return None
    slot = strategy.slot_of(step)
    due = newest_due(step, slot, facts.from_on, facts.due, facts.zone, now)
    expires = expires_at(step, slot, facts.from_on, due, facts.zone)
    skipped = _why_not(facts, step, holds, expires, now)
    repeats = step.every_days is not None
    following = (
        next_due(step, slot, facts.from_on, due.occurrence, facts.zone, now) if repeats or skipped else None
    )
    return StepDecision(step, due, expires, skipped, following)


def _why_not(facts: StepFacts, step: Step, holds: HoldPolicy, expires: datetime, now: datetime) -> str | None:
    if facts.stopped:
        return "arrears_ended"
    if now >= expires:
        return "missed"
    kind = holds.stopping(facts.holds, step.channel)
    return f"hold_{kind}" if kind is not None else None
