"""What is said in each stage, when and how often: a strategy as read from its file, and what makes it wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, time
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from spine.events.stager import ContactPurpose
from spine.events.tasks import TaskKind
from spine.marked_yaml import Place
from spine.policy import Fault
from stager.domain.conditions import Condition
from stager.domain.contradictions import Bounds, DpdRange, asks_nothing, why_never
from stager.domain.documents.policy import DocumentKind
from stager.domain.scopes import Moves, Scope
from stager.domain.stage_policy import PolicyName, StageId, faults_of_scope

StepId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
TemplateId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
SkillId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
DocumentId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
StepChannel = Literal[
    "sms", "wechat", "wecom", "app_push", "email", "ai_call", "call", "visit", "letter", "task"
]
#: Work that a step may open which is no contact by itself.
OtherTask = Literal["referral", "human_review", "credit_report", "verification"]
#: What the notifier sends; every other channel opens a task for a person.
MESSAGES: Final = frozenset({"sms", "wechat", "wecom", "app_push", "email", "ai_call"})
LocalTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM, local")]
#: Visits are never made alone (GB/T 45251-2025).
_VISITORS: Final = 2
_DOCUMENTS: Final = ", ".join(DocumentKind)
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


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Days since the stage was entered (0 is the day of entry); without `every_days` just once."""

    from_day: Annotated[int, Meta(ge=0, le=3650)]
    slot: str
    every_days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class After(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many hours after another step of the stage was done, but not outside the slot.

    A message is done when the gateway has accepted it, a task when it was closed as done. Hours that end before
    the slot opens wait for it, those that end after it closes wait for the next day's.
    """

    step: StepId
    hours: Annotated[int, Meta(ge=0, le=720)]
    slot: str


class Fallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent instead where the channel of the step may not be used: no live subscription, no contact."""

    channel: Literal["sms"]
    template: TemplateId


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step of a treatment plan: a message of a template, or a task for a person, at its times.

    Messages (sms, wechat, wecom, app_push, email) have a `template`; calls and visits open a task, for `people`
    at once and with a `skill` where the step asks for one; an ai_call has a `template`, its script; a letter
    names the `document` that is made and sent with proof; a task names the kind of `task` it opens.
    Exactly one of `when` and `after`. `only_if`: all must hold when the step is due, or it is skipped;
    `stop_if`: when one holds the step is skipped. `once: episode` steps belong to the first entry into their
    stage and are not repeated in the episode; `once: entry` steps are done once after every entry.
    """

    id: StepId
    channel: StepChannel
    purpose: ContactPurpose
    when: When | None = None
    after: After | None = None
    template: TemplateId | None = None
    document: DocumentId | None = None
    task: OtherTask | None = None
    once: Literal["episode", "entry"] | None = None
    only_if: tuple[Condition, ...] = ()
    stop_if: tuple[Condition, ...] = ()
    fallback: Fallback | None = None
    people: Annotated[int, Meta(ge=1, le=5)] = 1
    skill: SkillId | None = None

    @property
    def slot(self) -> str:
        """The name of the step's slot."""
        timing = self.when or self.after
        return "" if timing is None else timing.slot

    @property
    def from_day(self) -> int:
        """The first day of the step, counted from the entry into its stage."""
        return 0 if self.when is None else self.when.from_day

    @property
    def every_days(self) -> int | None:
        """Every how many days it repeats; None for a step that does not by itself."""
        return None if self.when is None else self.when.every_days

    @property
    def is_message(self) -> bool:
        """Whether the notifier sends it; anything else opens a task."""
        return self.channel in MESSAGES

    @property
    def task_kind(self) -> TaskKind:
        """The kind of task it opens; only of a step that is no message."""
        if self.channel == "task":
            return self.task or "human_review"
        return "visit" if self.channel == "visit" else "document" if self.channel == "letter" else "call"


class Strategy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The treatment plan of every stage, in one version, for all loans or those of its `scope`.

    `moves: at_once` decides steps that are planned already by the version in force when they are due; with
    `next_stage` a loan keeps the version under which it entered its stage until it enters another.
    """

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    slots: Annotated[dict[str, Slot], Meta(min_length=1, max_length=8)]
    stages: dict[StageId, tuple[Step, ...]]
    scope: Scope | None = None
    moves: Moves = "at_once"

    def steps_of(self, stage: str) -> tuple[Step, ...]:
        """The steps of a stage; none for a stage this version does not name."""
        return self.stages.get(stage, ())

    def first_documents(self, stage: str) -> frozenset[str]:
        """The documents with which the plan of a stage begins: those of its first day."""
        first = (step for step in self.steps_of(stage) if step.when is not None and step.from_day == 0)
        return frozenset(step.document for step in first if step.document is not None)

    def step(self, stage: str, step_id: str) -> Step | None:
        """A step by its name, or None when this version has none."""
        return next((step for step in self.steps_of(stage) if step.id == step_id), None)

    def slot_of(self, step: Step) -> Slot:
        """The slot of a step."""
        return self.slots[step.slot]


def faults_of_strategy(strategy: Strategy, known_stages: Bounds) -> Iterator[Fault]:
    """What makes a strategy unusable: stages, slots and steps nobody knows, steps given twice or in circles, and
    conditions that can never hold. `known_stages` with their days past due."""
    yield from faults_of_scope(strategy.scope)
    yield from _faults_of_slots(strategy.slots)
    for stage in sorted(set(known_stages) - strategy.stages.keys()):
        yield Fault(("stages",), f"stages.{stage}: missing; a stage without steps says so with []")
    for stage, steps in strategy.stages.items():
        if stage not in known_stages:
            yield Fault(("stages", stage), f"stages.{stage}: no stage policy knows this stage")
        seen: set[str] = set()
        for n, step in enumerate(steps):
            if step.id in seen:
                yield Fault(("stages", stage, n, "id"), f"stages.{stage}.{step.id}: given twice")
            seen.add(step.id)
            for at, reason in _faults_of_step(step, steps, strategy.slots):
                yield Fault(("stages", stage, n, *at), f"stages.{stage}.{step.id}{reason}")
            for at, reason in _faults_of_conditions(step, stage, known_stages.get(stage, (None, None))):
                yield Fault(("stages", stage, n, *at), f"stages.{stage}.{step.id}.{reason}")
        yield from _circles(stage, steps)


def _faults_of_step(step: Step, steps: Sequence[Step], slots: Collection[str]) -> Iterator[tuple[Place, str]]:
    if (step.when is None) == (step.after is None):
        yield (), ": say either when or after"
        return
    timing = "when" if step.when is not None else "after"
    if step.slot not in slots:
        yield (timing, "slot"), f".{timing}.slot: there is no slot {step.slot!r}"
    if step.after is not None and step.after.step not in {each.id for each in steps}:
        yield ("after", "step"), f".after.step: the stage has no step {step.after.step!r}"
    if step.once is not None and step.every_days is not None:
        yield ("once",), ": a step that is done once cannot also repeat"
    if step.when is not None and step.once is None and step.every_days is None:
        yield (timing,), ": say every_days, or once: episode, or once: entry"
    yield from _faults_of_means(step)


def _faults_of_means(step: Step) -> Iterator[tuple[Place, str]]:
    """Each channel says by what it is done, and by nothing that belongs to another."""
    means = {"template": step.template, "document": step.document, "task": step.task}
    needed = "template" if step.is_message else {"letter": "document", "task": "task"}.get(step.channel)
    if needed is not None and means[needed] is None:
        yield (), f": channel {step.channel} needs a {needed}"
    for name, given in means.items():
        # A call may name its script.
        if given is not None and name != needed and (name, step.channel) != ("template", "call"):
            yield (name,), f".{name}: channel {step.channel} has none"
    if step.document is not None and step.document not in set(DocumentKind):
        yield ("document",), f".document: no such document {step.document!r}, known are {_DOCUMENTS}"
    if step.channel == "visit" and step.people < _VISITORS:
        yield ("people",) if step.people != 1 else (), f": a visit is made by {_VISITORS} people or more"
    if step.fallback is not None and step.channel not in ("wechat", "wecom", "app_push"):
        yield ("fallback",), f".fallback: channel {step.channel} needs none"


def _faults_of_conditions(step: Step, stage: str, dpd: DpdRange) -> Iterator[tuple[Place, str]]:
    for name, conditions in (("only_if", step.only_if), ("stop_if", step.stop_if)):
        for n, condition in enumerate(conditions):
            for reason in asks_nothing(condition):
                yield (name, n), f"{name}: {reason}"
            if name == "stop_if":
                for reason in why_never((condition,), stage, dpd):
                    yield (name, n), f"{name}: never holds, {reason}"
                if condition in step.only_if:
                    yield (name, n), f"{name}: the same as in only_if, so the step is never done"
    for reason in why_never(step.only_if, stage, dpd):
        yield ("only_if",), f"only_if: contradictory, {reason}"


def _circles(stage: str, steps: Sequence[Step]) -> Iterator[Fault]:
    """Steps that wait for each other would never be done."""
    waits_for = {step.id: step.after.step for step in steps if step.after is not None}
    for n, step in enumerate(steps):
        path, at = [step.id], waits_for.get(step.id)
        while at is not None and at not in path:
            path.append(at)
            at = waits_for.get(at)
        if at == step.id:
            circle = " after ".join((*path, at))
            yield Fault(
                ("stages", stage, n, "after"), f"stages.{stage}.{step.id}.after: in a circle, {circle}"
            )


def _faults_of_slots(slots: Mapping[str, Slot]) -> Iterator[Fault]:
    for name, slot in slots.items():
        if not _NAME.fullmatch(name):
            yield Fault(("slots", name), f"slots.{name}: lower-case letters, digits and hyphens")
        if slot.opens >= slot.closes:
            yield Fault(
                ("slots", name, "until"),
                f"slots.{name}: never open, until {slot.until} is not after at {slot.at}",
            )
