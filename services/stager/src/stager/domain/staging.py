"""Which stage a loan is in: decided from one frozen snapshot of facts, and recomputed from it when asked why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

from stager.domain.hold_policy import HoldPolicy
from stager.domain.stage_policy import StagePolicy

#: Names the rules in this module; recomputing an older decision under another name may differ.
ENGINE = "staging/1"


class StageFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All a stage decision rests on.

    `stage`, `entry_no` and `seen` are those before the decision; `holds` are the kinds active at it, sorted.
    `after_close`: the books of the day before `as_of` are closed, so the loan may move up.
    """

    loan_id: str
    episode: int
    stage: str | None
    entry_no: int
    seen: tuple[str, ...]
    as_of: date
    dpd: int
    dpd_zero_on: date | None
    holds: tuple[str, ...]
    after_close: bool

    def canonical(self) -> str:
        """Canonical JSON (RFC 8785), which msgspec's is for what these fields can hold."""
        return msgspec.json.encode(self, order="sorted").decode()


def digest_of(canonical: str) -> str:
    """SHA-256 in hex of canonical JSON."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def facts_from(canonical: str) -> StageFacts:
    """The facts of a stored decision."""
    return msgspec.json.decode(canonical, type=StageFacts)


@dataclass(frozen=True, slots=True)
class Enters:
    """The loan enters stage `to`; `move` is what kind of step that is."""

    to: str
    move: Literal["entry", "promotion", "demotion"]
    first_time: bool
    rule: str


@dataclass(frozen=True, slots=True)
class Stays:
    """The loan stays as it is, and why."""

    rule: str


def decide_stage(facts: StageFacts, stages: StagePolicy, holds: HoldPolicy) -> Enters | Stays:
    """The stage of these facts. First entry and promotion wait for the close, a demotion never does.

    A promotion waits while a hold that blocks it is active. Without days past due no stage is entered first.
    """
    target = stages.stage_of(facts.dpd)
    where = f"{target.id}:{target.bounds()}"
    if target.id == facts.stage:
        return Stays(f"same/{where}")
    first_time = target.id not in facts.seen
    if facts.stage is None:
        if stages.rank(target.id) == 0:
            return Stays(f"nothing-due/{where}")
        if not facts.after_close:
            return Stays(f"await-close/{where}")
        return Enters(target.id, "entry", first_time, f"entry/{where}")
    if stages.rank(target.id) < stages.rank(facts.stage):
        return Enters(target.id, "demotion", first_time, f"demotion/{where}")
    if not facts.after_close:
        return Stays(f"await-close/{where}")
    if (kind := holds.blocking_promotion(facts.holds)) is not None:
        return Stays(f"hold-{kind}/{where}")
    return Enters(target.id, "promotion", first_time, f"promotion/{where}")
