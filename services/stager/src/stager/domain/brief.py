"""What a collector needs before a contact: what to say, what fits this person, and what may be offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from stager.domain.cases import Episode
from stager.domain.conditions import CaseFacts
from stager.domain.rulebook import Rulebook
from stager.domain.scopes import Subject
from stager.domain.script_policy import Language, ScriptPolicy


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said of a case in one language. `words_of`, `effort_of`: the stages that words and effort follow."""

    policy: str
    language: Language
    words_of: str
    effort_of: str
    aim: str
    right_party: tuple[str, ...]
    lines: tuple[str, ...]
    points: tuple[tuple[str, str], ...]
    offers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far offers may go for a loan without anyone else's word: the last promised day, the smallest part of the
    arrears in percent, and the most months of a plan (None: no plan is made)."""

    promise_until_on: date
    part_floor_percent: int
    second_until_on: date
    plan_max_months: int | None


def stages_of(episodes: Sequence[Episode], rulebook: Rulebook, today: date) -> tuple[str, str] | None:
    """The mildest and the severest stage of the open loans that are in one; None while no close has judged any."""
    policy = rulebook.stages.on(today).policy
    stages = [episode.stage for episode in episodes if episode.is_open and episode.stage is not None]
    if not stages:
        return None
    return min(stages, key=policy.rank), max(stages, key=policy.rank)


def speech(
    rulebook: Rulebook,
    today: date,
    subject: Subject,
    stages: tuple[str, str],
    facts: CaseFacts,
    language: Language,
) -> Speech:
    """The script of a case: words follow the mildest stage among its loans, offers the severest."""
    edition = rulebook.scripts.on(today, subject)
    policy: ScriptPolicy = edition.policy
    mildest, severest = stages
    script = policy.stages[mildest]
    return Speech(
        policy=f"{policy.name}@{policy.version}:{edition.digest}",
        language=language,
        words_of=mildest,
        effort_of=severest,
        aim=script.aim.in_language(language),
        right_party=tuple(text.in_language(language) for text in policy.right_party),
        lines=tuple(text.in_language(language) for text in script.lines),
        points=tuple(
            (point.id, point.text.in_language(language)) for point in policy.points_for(mildest, facts)
        ),
        offers=policy.stages[severest].offers,
    )


def bounds(rulebook: Rulebook, today: date, episode: Episode) -> Bounds:
    """What a collector may agree to alone for a loan."""
    product = episode.figures.product
    terms = rulebook.promises.on(today).policy.terms(episode.stage, product)
    limit = rulebook.plans.on(today).policy.limit_for(episode.stage or "DUE", product)
    return Bounds(
        promise_until_on=today + timedelta(days=terms.horizon_days),
        part_floor_percent=terms.part.floor_percent,
        second_until_on=today + timedelta(days=terms.part.second_within_days),
        plan_max_months=limit.max_months if limit is not None else None,
    )
