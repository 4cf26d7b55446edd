"""What the REST door shows of actions: why each was taken, made again, and how first contacts are prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from typing_extensions import TypedDict

from spine.errors import BadRequest
from stager.domain.action_why import make_again
from stager.domain.decision import Decision
from stager.domain.preparation import Preparation, PreparationWaiver


class ActionReason(TypedDict):
    """Why something was done or left: the stored decision, and whether making it again gives the same.

    `kind` and `subject` name what was decided: a step by its request, a hold, a preparation, a promise ...
    """

    kind: str
    subject: str
    loan_id: str | None
    rule: str
    verdict: str
    decided_at: datetime
    policy_digests: list[str]
    engine: str
    facts: dict[str, Any]
    facts_digest: str
    recomputed_rule: str | None
    recomputed_verdict: str | None
    agrees: bool
    differences: list[str]


class ActionWhy(TypedDict):
    """The decisions on one thing, oldest first."""

    subject: str
    agrees: bool
    decisions: list[ActionReason]


class WaivedItem(TypedDict):
    item: str
    by: str
    reason: str
    at: datetime


class PreparationView(TypedDict):
    """Whether a loan may be contacted for the first time in its episode; `missing` since `since`."""

    loan_id: str
    episode: int
    status: str
    missing: list[str]
    since: datetime
    decided_at: datetime
    task_id: str | None
    waived: list[WaivedItem]
    policy_digest: str
    facts_digest: str


class PreparationsView(TypedDict):
    case_id: str
    loans: list[PreparationView]


#: Where a page of decisions ended: the instant and the id of its last.
CURSOR: Final = r"^[0-9T:.+Z-]{10,40}~[0-9a-f-]{36}$"


def cursor_of(decision: Decision) -> str:
    """The cursor after a decision."""
    return f"{decision.decided_at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z~{decision.decision_id}"


def place_of(cursor: str) -> tuple[datetime, str]:
    """Where a page goes on. Raises BadRequest."""
    at, _, decision_id = cursor.partition("~")
    try:
        return datetime.fromisoformat(at).astimezone(UTC), decision_id
    except ValueError as error:
        raise BadRequest("cursor: take it from the page before", field="cursor") from error


def action_reason(decision: Decision, bodies: Mapping[str, str]) -> ActionReason:
    """A decision with its facts and how it comes out now."""
    again = make_again(decision, bodies)
    return ActionReason(
        kind=decision.subject_kind,
        subject=decision.subject_id,
        loan_id=decision.loan_id,
        rule=decision.rule,
        verdict=decision.verdict,
        decided_at=decision.decided_at,
        policy_digests=list(decision.policy_digests),
        engine=decision.engine,
        facts=again.facts,
        facts_digest=decision.facts_digest,
        recomputed_rule=again.rule,
        recomputed_verdict=again.verdict,
        agrees=again.agrees,
        differences=list(again.differences),
    )


def action_why(subject: str, decisions: Sequence[Decision], bodies: Mapping[str, str]) -> ActionWhy:
    """All decisions on one thing."""
    reasons = [action_reason(decision, bodies) for decision in decisions]
    return ActionWhy(subject=subject, agrees=all(r["agrees"] for r in reasons), decisions=reasons)


def preparation_view(preparation: Preparation, waivers: Sequence[PreparationWaiver]) -> PreparationView:
    """A preparation as people see it."""
    return PreparationView(
        loan_id=preparation.loan_id,
        episode=preparation.episode,
        status=preparation.status,
        missing=list(preparation.missing),
        since=preparation.since_at,
        decided_at=preparation.decided_at,
        task_id=preparation.task_id,
        waived=[WaivedItem(item=w.item, by=w.by_member, reason=w.reason, at=w.waived_at) for w in waivers],
        policy_digest=preparation.policy_digest,
        facts_digest=preparation.facts_digest,
    )
