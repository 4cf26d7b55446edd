"""What the REST door shows of the decisions behind a case: each with its facts, and made again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec
from typing_extensions import TypedDict

from stager.domain.cases import Episode, StageEntry
from stager.domain.why import Recomputed
from stager.store.cutover import StartRow
from stager.views.actions import ActionReason


class StageReason(TypedDict):
    """Why a loan is in its stage: the stored decision, and whether making it again gives the same."""

    loan_id: str
    episode: int
    entry_no: int
    from_stage: str | None
    to_stage: str
    first_time: bool
    rule: str
    entered_at: datetime
    policy_digest: str
    holds_digest: str
    engine: str
    facts: dict[str, Any]
    facts_digest: str
    recomputed_stage: str | None
    recomputed_rule: str
    agrees: bool
    differences: list[str]


class StartReason(TypedDict):
    """A loan taken over: its steps begin on `starts_on`, by the ramp-up of this policy version.

    `waits` while that day has not come, or is not given yet.
    """

    loan_id: str
    taken_over_on: date
    starts_on: date | None
    waits: bool
    policy_digest: str | None


class WhyView(TypedDict):
    """The decisions behind a case; `waiting` are loans that no close has judged yet, `starts` those that came
    with a cut-over, `actions` what was decided of steps, holds and preparations, newest first."""

    case_id: str
    agrees: bool
    loans: list[StageReason]
    waiting: list[str]
    starts: list[StartReason]
    actions: list[ActionReason]
    next_cursor: str | None


def stage_reason(entry: StageEntry, recomputed: Recomputed) -> StageReason:
    """A decision with its facts and how it comes out now."""
    return StageReason(
        loan_id=entry.loan_id,
        episode=entry.episode,
        entry_no=entry.entry_no,
        from_stage=entry.from_stage,
        to_stage=entry.to_stage,
        first_time=entry.first_time,
        rule=entry.rule,
        entered_at=entry.entered_at,
        policy_digest=entry.policy_digest,
        holds_digest=entry.holds_digest,
        engine=entry.engine,
        facts=msgspec.to_builtins(recomputed.facts),
        facts_digest=entry.facts_digest,
        recomputed_stage=recomputed.decision.to if recomputed.decision else None,
        recomputed_rule=recomputed.rule,
        agrees=recomputed.agrees,
        differences=list(recomputed.differences),
    )


def start_reasons(episodes: Iterable[Episode], start: StartRow | None, today: date) -> list[StartReason]:
    """Since when, or from when on, the open loans of a case that were taken over are contacted."""
    return [
        StartReason(
            loan_id=episode.loan_id,
            taken_over_on=episode.taken_over_on,
            starts_on=start.starts_on if start else None,
            waits=start is None or today < start.starts_on,
            policy_digest=start.policy_digest if start else None,
        )
        for episode in episodes
        if episode.is_open and episode.taken_over_on is not None
    ]
