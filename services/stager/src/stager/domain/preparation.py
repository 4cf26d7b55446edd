"""What must be in order before an episode's first contact: figures, profile, script, documents, closed books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from stager.domain.stage_policy import PolicyName

ENGINE: Final = "preparation/2"

#: `figures`: what the ledger says adds up, and core banking's own statement does not contradict it. `profile`:
#: who the borrower is has been told. `script`: there is one for the loan in its stage. `documents`: those that the
#: plan of the stage begins with are made. `books`: the date before is closed.
Item = Literal["figures", "profile", "script", "documents", "books"]
#: Sent all the same while the documents are missing: with it they are made.
LETTER: Final = "letter"
Role = Literal["collector", "lead", "compliance"]


class PreparationPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is required, in one version. `task_after_hours`: how long one waits before a person is asked.

    `waivable` items may be waived by a member with one of the roles in `waived_by`, with a reason.
    """

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    requires: Annotated[tuple[Item, ...], Meta(min_length=1)]
    task_after_hours: Annotated[int, Meta(ge=0, le=720)]
    waivable: tuple[Item, ...]
    waived_by: tuple[Role, ...]


class PreparationFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the gate asks of a loan on `today`. `parts_minor` are the components of what is overdue.

    `profile`: the borrower is known here. `closed_through`: the newest business date closed. `waived`: what a
    person has taken upon himself. `script`: the scripts in force have one for the stage; `unmade`: the documents
    that the plan of the stage begins with and that were not made in the episode.
    """

    loan_id: str
    episode: int
    stage: str
    today: date
    dpd: int | None
    parts_minor: tuple[int, ...]
    total_minor: int
    holds: tuple[str, ...]
    profile: bool
    closed_through: date | None
    waived: tuple[str, ...] = ()
    script: bool = False
    unmade: tuple[str, ...] = ()


class PreparationStatus(StrEnum):
    """`waiting`: something is missing; the first contact waits for its next slot."""

    WAITING = "waiting"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Preparation:
    """Where the preparation of an episode stands; `missing` since `since_at`. `task_id`: a person was asked."""

    loan_id: str
    episode: int
    borrower_id: str
    case_id: str
    status: PreparationStatus
    missing: tuple[str, ...]
    since_at: datetime
    decided_at: datetime
    facts: str
    facts_digest: str
    policy_digest: str
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class PreparationWaiver:
    """One item of one episode that a person waived, and why."""

    loan_id: str
    episode: int
    item: str
    by_member: str
    reason: str
    waived_at: datetime


def missing_items(facts: PreparationFacts, policy: PreparationPolicy) -> tuple[str, ...]:
    """What is required and not in order, in the policy's order; empty when the borrower may be contacted."""
    waived = set(facts.waived) & set(policy.waivable)
    return tuple(item for item in policy.requires if item not in waived and not _in_order(item, facts))


def outcome_of(missing: tuple[str, ...]) -> tuple[str, PreparationStatus]:
    """The rule and the verdict of a decision."""
    if missing:
        return f"missing/{','.join(missing)}", PreparationStatus.WAITING
    return "ready", PreparationStatus.READY


def keeps_waiting(missing: tuple[str, ...], channel: str) -> bool:
    """Whether a step waits for what is missing: a letter does not wait for itself to be made."""
    return bool(set(missing) - {"documents"}) if channel == LETTER else bool(missing)


def asks_a_person(preparation: Preparation, policy: PreparationPolicy, now: datetime) -> bool:
    """Whether it has waited so long that somebody must look at it."""
    waited = now - preparation.since_at
    return preparation.task_id is None and waited >= timedelta(hours=policy.task_after_hours)


def faults_of_preparation(policy: PreparationPolicy) -> Iterator[str]:
    """What makes the policy unusable: items given twice, waivable ones nobody requires or may waive."""
    if len(set(policy.requires)) != len(policy.requires):
        yield "requires: an item is given twice"
    for item in policy.waivable:
        if item not in policy.requires:
            yield f"waivable.{item}: it is not required"
    if policy.waivable and not policy.waived_by:
        yield "waived_by: nobody may waive what is waivable"


def _in_order(item: Item, facts: PreparationFacts) -> bool:
    match item:
        case "figures":
            adds_up = sum(facts.parts_minor) == facts.total_minor and facts.total_minor > 0
            return facts.dpd is not None and adds_up and "verification" not in facts.holds
        case "profile":
            return facts.profile
        case "script":
            return facts.script
        case "documents":
            return not facts.unmade
        case "books":
            yesterday = facts.today - timedelta(days=1)
            return facts.closed_through is not None and facts.closed_through >= yesterday
