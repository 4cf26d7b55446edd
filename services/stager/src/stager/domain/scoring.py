"""What comes first: the score of a task from what is known of the case, with every part of it named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from stager.domain.work_policy import WorkPolicy

#: Days past due count from one fixed day, so that a score once stored never has to change because time passes:
#: the difference between two tasks is the same on every day.
_COUNTED_TO: Final = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """What the score rests on. `dpd_zero_on`: of the oldest arrears; without any, the day the task was opened.

    `stage`: the highest of the case's loans; `overdue_minor`: of all of them, in a currency of `exponent` decimals.
    """

    kind: str
    dpd_zero_on: date
    stage: str | None
    overdue_minor: int
    exponent: int
    broken_promises: int
    late: bool
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """The parts of a score on a day; `total` is their sum."""

    days_past_due: int
    stage: int
    overdue: int
    broken_promises: int
    kind: int
    late: int
    priority: int

    @property
    def total(self) -> int:
        """What tasks are ordered by."""
        return (
            self.days_past_due
            + self.stage
            + self.overdue
            + self.broken_promises
            + self.kind
            + self.late
            + self.priority
        )


def score(facts: ScoreFacts, policy: WorkPolicy, today: date) -> Score:
    """The score on a day, part by part."""
    rule = policy.score
    return Score(
        days_past_due=rule.per_day_past_due * (today - facts.dpd_zero_on).days,
        stage=rule.stages.get(facts.stage or "", 0),
        overdue=rule.of_overdue(facts.overdue_minor, facts.exponent),
        broken_promises=rule.per_broken_promise * facts.broken_promises,
        kind=policy.kind(facts.kind).points,
        late=rule.late if facts.late else 0,
        priority=facts.priority,
    )


def rank_of(facts: ScoreFacts, policy: WorkPolicy) -> int:
    """What a task is stored and ordered by, lowest first; it changes only when a fact does."""
    return -score(facts, policy, _COUNTED_TO).total


def score_on(rank: int, policy: WorkPolicy, today: date) -> int:
    """The score on a day of what is stored with this rank."""
    return policy.score.per_day_past_due * (today - _COUNTED_TO).days - rank
