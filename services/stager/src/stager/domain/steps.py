"""A step that has come due, decided anew by the facts of now: ask for the contact, give it to a person, or skip
it and say why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from stager.domain.conditions import CaseFacts, may_do, must_stop
from stager.domain.contact_policy import ContactPolicy
from stager.domain.conversation import is_contact, words_of
from stager.domain.hold_policy import HoldPolicy
from stager.domain.planning import Planned, expires_at, newest_due, next_due
from stager.domain.stage_policy import StagePolicy
from stager.domain.strategy import Step, Strategy

#: Names the rules in this module; recomputing an older decision under another name may differ.
ENGINE: Final = "steps/1"


class Covered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another loan that the contact is about: its stage, and its own step that was due."""

    loan_id: str
    stage: str
    step: str


class StepFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All a step is decided by when it comes due.

    `stage` is None when the loan has left the stage the step was planned for. `appointment_at`: when a call-back is
    agreed that was neither made nor missed; other contact waits for it. `from_on`: the local date from which
    its days count. `stopped`: the ledger has told the end of the arrears, but facts before it are still missing.
    `unready`: what must be in order before the first contact and is not. `covered_by`: the contact of another loan
    that is about this one too; `covers`: the loans that this contact is about besides.
    """

    step: str
    occurrence: int
    due_at: datetime
    now: datetime
    stage: str | None
    from_on: date
    zone: str
    stopped: bool
    case: CaseFacts
    appointment_at: datetime | None = None
    unready: tuple[str, ...] = ()
    covered_by: str | None = None
    covers: tuple[Covered, ...] = ()


class Verdict(StrEnum):
    """What becomes of a step that is due."""

    ASKED = "asked"
    TASKED = "tasked"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Rules:
    """The policies that a step is decided by."""

    strategy: Strategy
    stages: StagePolicy
    holds: HoldPolicy
    contacts: ContactPolicy


@dataclass(frozen=True, slots=True)
class StepDecision:
    """One occurrence decided, by `rule`. `following` is planned; where it is None the step is through.

    `reason`: why it is skipped. `channel` and `template`: how it is said, and with which words.
    """

    step: Step
    due: Planned
    expires_at: datetime
    verdict: Verdict
    rule: str
    reason: str | None
    channel: str
    template: str
    following: Planned | None


#: Why a step waits: one that does not repeat is tried again in its next slot. Other reasons are final for it.
_WAITS: Final = ("missed", "hold_", "arrears_ended", "small_rest", "appointment", "preparation_")


def decide_step(facts: StepFacts, rules: Rules) -> StepDecision | None:
    """The newest occurrence that is due, decided; None when the step is no longer part of any plan.

    What an outage missed is one occurrence, the newest, and only while its slot is still open.
    """
    strategy = rules.strategy
    step = strategy.step(facts.stage, facts.step) if facts.stage is not None else None
    if step is None:
        return None
    slot, zone = strategy.slot_of(step), ZoneInfo(facts.zone)
    due = newest_due(step, slot, facts.from_on, Planned(facts.occurrence, facts.due_at), zone, facts.now)
    expires = expires_at(step, slot, facts.from_on, due, zone)
    reason = _why_not(facts, step, rules, expires)
    again = step.every_days is not None or (reason is not None and reason.startswith(_WAITS))
    done = Verdict.ASKED if step.is_message else Verdict.TASKED
    channel, template = _said(facts, step, rules)
    return StepDecision(
        step=step,
        due=due,
        expires_at=expires,
        verdict=done if reason is None else Verdict.SKIPPED,
        rule=f"{facts.stage}.{step.id}/{reason.partition(':')[0] if reason else done}",
        reason=reason,
        channel=channel,
        template=template,
        following=next_due(step, slot, facts.from_on, due.occurrence, zone, facts.now) if again else None,
    )


def _why_not(facts: StepFacts, step: Step, rules: Rules, expires: datetime) -> str | None:
    case = facts.case
    if facts.stopped:
        return "arrears_ended"
    if facts.now >= expires:
        return "missed"
    kind = rules.holds.stopping(case.holds, step.channel, step.purpose)
    if kind is not None:
        return f"hold_{kind}"
    if facts.appointment_at is not None and is_contact(step):
        return "appointment"
    total = case.overdue_total_minor
    if total is not None and rules.contacts.is_small_rest(case.product, case.currency, total):
        return "small_rest"
    for number, condition in enumerate(step.stop_if):
        if must_stop((condition,), case):
            return f"stop_if_{number}"
    for number, condition in enumerate(step.only_if):
        if not may_do((condition,), case):
            return f"only_if_{number}"
    if facts.unready:
        return f"preparation_{facts.unready[0]}"
    return f"covered_by:{facts.covered_by}" if facts.covered_by is not None else None


def _said(facts: StepFacts, step: Step, rules: Rules) -> tuple[str, str]:
    """The channel and the words: those of the fallback where the channel may not be used, and those of the
    mildest stage where the contact is about several loans."""
    channel, template = str(step.channel), step.template or step.document or ""
    reachable = facts.case.channels
    if step.fallback is not None and reachable is not None and channel not in reachable:
        channel, template = step.fallback.channel, step.fallback.template
    if not step.is_message or not facts.covers:
        return channel, template
    mildest = min(
        (covered.stage for covered in facts.covers), key=lambda stage: (rules.stages.rank(stage), stage)
    )
    if facts.stage is None or rules.stages.rank(mildest) >= rules.stages.rank(facts.stage):
        return channel, template
    due = [covered.step for covered in facts.covers if covered.stage == mildest]
    return words_of(rules.strategy, step, channel, template, mildest, due)


def followers(strategy: Strategy, stage: str, step_id: str) -> Sequence[Step]:
    """The steps of a stage that follow one of its steps."""
    return [step for step in strategy.steps_of(stage) if step.after and step.after.step == step_id]


def recompute_step(canonical: str, bodies: Mapping[str, str], digests: Sequence[str]) -> StepDecision | None:
    """The decision of stored facts made again under the kept policies: strategy, stages, holds, contacts."""
    strategy, stages, holds, contacts = digests
    rules = Rules(
        msgspec.json.decode(bodies[strategy], type=Strategy),
        msgspec.json.decode(bodies[stages], type=StagePolicy),
        msgspec.json.decode(bodies[holds], type=HoldPolicy),
        msgspec.json.decode(bodies[contacts], type=ContactPolicy),
    )
    return decide_step(msgspec.json.decode(canonical, type=StepFacts), rules)
