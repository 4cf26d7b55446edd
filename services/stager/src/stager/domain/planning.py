"""When the steps of a stage are due: local times of day turned into instants, never planned into the past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from spine.policy import Loaded
from stager.domain.strategy import Slot, Step, Strategy


@dataclass(frozen=True, slots=True)
class Planned:
    """The next occurrence of a step. Steps that repeat count along their grid, others how often they moved."""

    occurrence: int
    due_at: datetime


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a local time. A time skipped by DST is taken after the gap, a doubled one first."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def plan_stage(
    strategy: Strategy, stage: str, *, from_on: date, firsts: bool, zone: ZoneInfo, now: datetime
) -> Iterator[tuple[Step, Planned]]:
    """The first occurrence of each step of a stage. `firsts`: also the steps of once an episode.

    Steps that follow another are planned when that one is done.
    """
    for step in strategy.steps_of(stage):
        if step.when is not None and (firsts or step.once != "episode"):
            yield step, first_due(step, strategy.slot_of(step), from_on, zone, now)


class Plans:
    """The first occurrences of stages at one instant: loans that enter together have them in common."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._known: dict[tuple[str, str, date, bool, ZoneInfo], tuple[tuple[Step, Planned], ...]] = {}

    def of(
        self, strategy: Loaded[Strategy], stage: str, *, from_on: date, firsts: bool, zone: ZoneInfo
    ) -> tuple[tuple[Step, Planned], ...]:
        """As `plan_stage`."""
        key = (strategy.digest, stage, from_on, firsts, zone)
        if key not in self._known:
            self._known[key] = tuple(
                plan_stage(strategy.policy, stage, from_on=from_on, firsts=firsts, zone=zone, now=self.now)
            )
        return self._known[key]


def first_due(step: Step, slot: Slot, from_on: date, zone: ZoneInfo, now: datetime) -> Planned:
    """The first occurrence at or after `now` of a step whose stage counts its days from `from_on`.

    A step that repeats keeps to its grid of days; one that does not takes the next slot there is.
    """
    if step.every_days is not None:
        return _on_grid(step, slot, from_on, zone, now)
    due_at = local_instant(from_on + timedelta(days=step.from_day), slot.opens, zone)
    return Planned(0, due_at if due_at >= now else _next_slot(slot, zone, now))


def after_due(step: Step, slot: Slot, done_at: datetime, zone: ZoneInfo, occurrence: int) -> Planned:
    """When a step is due that follows another done at this instant: so many hours later, inside its slot."""
    if step.after is None:
        raise ValueError(f"step {step.id} follows no other")
    return Planned(occurrence, _in_slot(slot, done_at + timedelta(hours=step.after.hours), zone))


def next_due(
    step: Step, slot: Slot, from_on: date, occurrence: int, zone: ZoneInfo, now: datetime
) -> Planned:
    """The occurrence after `occurrence`, later than `now`; for a step that does not repeat, its next try."""
    later = now + timedelta(microseconds=1)
    if step.every_days is not None:
        planned = _on_grid(step, slot, from_on, zone, later)
        return planned if planned.occurrence > occurrence else _nth(step, slot, from_on, occurrence + 1, zone)
    return Planned(occurrence + 1, _next_slot(slot, zone, later))


def newest_due(step: Step, slot: Slot, from_on: date, due: Planned, zone: ZoneInfo, now: datetime) -> Planned:
    """Of the occurrences from `due` on, the newest that is due at `now`: what an outage missed is one."""
    if step.every_days is None:
        return due
    upcoming = _on_grid(step, slot, from_on, zone, now + timedelta(microseconds=1))
    if upcoming.occurrence - 1 <= due.occurrence:
        return due
    return _nth(step, slot, from_on, upcoming.occurrence - 1, zone)


def expires_at(step: Step, slot: Slot, from_on: date, due: Planned, zone: ZoneInfo) -> datetime:
    """From when on the contact is no longer wanted: the slot closes, or the next occurrence is due."""
    closes = local_instant(due.due_at.astimezone(zone).date(), slot.closes, zone)
    if step.every_days is None:
        return closes
    return min(closes, _nth(step, slot, from_on, due.occurrence + 1, zone).due_at)


def moved_to_zone(
    step: Step, slot: Slot, from_on: date, due: Planned, *, old: ZoneInfo, new: ZoneInfo, now: datetime
) -> Planned:
    """The same occurrence for someone who turns out to live in another zone."""
    if step.after is not None:
        return Planned(due.occurrence, max(now, _in_slot(slot, due.due_at, new)))
    due_at = local_instant(due.due_at.astimezone(old).date(), slot.opens, new)
    if due_at >= now:
        return Planned(due.occurrence, due_at)
    return next_due(step, slot, from_on, due.occurrence, new, now)


def _nth(step: Step, slot: Slot, from_on: date, n: int, zone: ZoneInfo) -> Planned:
    days = step.from_day + n * (step.every_days or 0)
    return Planned(n, local_instant(from_on + timedelta(days=days), slot.opens, zone))


def _on_grid(step: Step, slot: Slot, from_on: date, zone: ZoneInfo, earliest: datetime) -> Planned:
    """The first occurrence on the step's grid of days at or after `earliest`."""
    every = step.every_days or 1
    passed = (earliest.astimezone(zone).date() - from_on).days - step.from_day
    # One further back: where a zone once skipped a whole day, that day's occurrence lies after it.
    n = max(0, passed // every - 1)
    while (planned := _nth(step, slot, from_on, n, zone)).due_at < earliest:
        n += 1
    return planned


def _next_slot(slot: Slot, zone: ZoneInfo, earliest: datetime) -> datetime:
    """The first opening of the slot at or after `earliest`, on any day."""
    day = earliest.astimezone(zone).date()
    while (due_at := local_instant(day, slot.opens, zone)) < earliest:
        day += timedelta(days=1)
    return due_at


def _in_slot(slot: Slot, at: datetime, zone: ZoneInfo) -> datetime:
    """The instant itself while the slot is open, else its next opening."""
    local = at.astimezone(zone)
    if local.time() < slot.opens:
        return local_instant(local.date(), slot.opens, zone)
    if local.time() < slot.closes:
        return at
    return local_instant(local.date() + timedelta(days=1), slot.opens, zone)
