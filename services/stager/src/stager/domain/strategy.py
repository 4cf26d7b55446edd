"""What is said in each stage, when and how often: a strategy as read from its file, and what makes it wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from spine.events.stager import ContactPurpose
from stager.domain.stage_policy import PolicyName, StageId

LocalTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM, local")]
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


class Slot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time of day at which steps become due, and until when the contact is still wanted that day."""

    at: LocalTime
    until: LocalTime

    @property
    def opens(self) -> time:
        """Local time from which it is due."""
        return time.fromisoformat(self.at)

    @property
    def closes(self) -> time:
        """Local time from which it is no longer wanted."""
        return time.fromisoformat(self.until)


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days since the stage was entered (0 is the day of entry); without `every_days` just once."""

    from_day: Annotated[int, Meta(ge=0, le=3650)]
    slot: str
    every_days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a treatment plan: a message of a template, at its times.

    `once: episode` steps belong to the first entry into their stage and are not repeated in the episode;
    `once: entry` steps are done once after every entry.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    channel: Literal["sms", "wechat", "wecom", "app_push", "email"]
    template: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    purpose: ContactPurpose
    when: When
    once: Literal["episode", "entry"] | None = None


class Strategy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The treatment plan of every stage, in one version."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    slots: Annotated[dict[str, Slot], Meta(min_length=1, max_length=8)]
    stages: dict[StageId, tuple[Step, ...]]

    def steps_of(self, stage: str) -> tuple[Step, ...]:
        """The steps of a stage; none for a stage this version does not name."""
        return self.stages.get(stage, ())

    def step(self, stage: str, step_id: str) -> Step | None:
        """A step by its name, or None when this version has none."""
        return next((step for step in self.steps_of(stage) if step.id == step_id), None)

    def slot_of(self, step: Step) -> Slot:
        """The slot of a step."""
        return self.slots[step.when.slot]


def faults_of_strategy(strategy: Strategy, known_stages: Collection[str]) -> Iterator[str]:
    """What makes a strategy unusable: stages and slots nobody knows, steps given twice, slots that never open."""
    yield from _faults_of_slots(strategy.slots)
    for stage in sorted(set(known_stages) - strategy.stages.keys()):
        yield f"stages.{stage}: missing; a stage without steps says so with []"
    for stage, steps in strategy.stages.items():
        if stage not in known_stages:
            yield f"stages.{stage}: no stage policy knows this stage"
        seen: set[str] = set()
        for step in steps:
            where = f"stages.{stage}.{step.id}"
            if step.id in seen:
                yield f"{where}: given twice"
            seen.add(step.id)
            if step.when.slot not in strategy.slots:
                yield f"{where}.when.slot: there is no slot {step.when.slot!r}"
            if step.once is not None and step.when.every_days is not None:
                yield f"{where}: a step that is done once cannot also repeat"
            if step.once is None and step.when.every_days is None:
                yield f"{where}: say every_days, or once: episode, or once: entry"


def _faults_of_slots(slots: Mapping[str, Slot]) -> Iterator[str]:
    for name, slot in slots.items():
        if not _NAME.fullmatch(name):
            yield f"slots.{name}: lower-case letters, digits and hyphens"
        if slot.opens >= slot.closes:
            yield f"slots.{name}: until {slot.until} is not after at {slot.at}"
