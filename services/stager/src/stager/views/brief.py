"""What the REST door shows a collector before a contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from typing_extensions import TypedDict

from spine.money import format_minor
from stager.domain.brief import Bounds, Speech
from stager.domain.cases import Episode
from stager.gate import Answer
from stager.remote import Unreachable
from stager.store.timeline import Happened
from stager.views.cases import LoanInCase, NextStepView
from stager.views.clocks import ClaimClockView
from stager.views.holds import HoldView
from stager.views.plans import PlanView, WaiverView
from stager.views.promises import PromiseView
from stager.views.tasks import TaskView


class RuleSaid(TypedDict):
    """One rule that speaks against the contact."""

    id: str
    verdict: str
    until: datetime | None
    citation: str | None


class MayNow(TypedDict):
    """Whether a channel may be used at this instant, and when next. `verdict` unknown: the gate gave no answer
    (`detail` says why), so nothing may be done."""

    channel: str
    verdict: str
    until: datetime | None
    rules: list[RuleSaid]
    detail: str | None


class PointSaid(TypedDict):
    """A talking point that fits this person."""

    id: str
    text: str


class SpeechView(TypedDict):
    """What may be said, in the language asked for. No figure before the person is verified (`right_party`)."""

    language: str
    words_of_stage: str
    effort_of_stage: str
    aim: str
    right_party: list[str]
    lines: list[str]
    points: list[PointSaid]
    offers: list[str]
    policy: str


class BoundsView(TypedDict):
    """What may be agreed to without anyone else's word."""

    promise_until_on: date
    part_floor_percent: int
    smallest_part: str
    second_until_on: date
    plan_max_months: int | None


class BriefLoan(TypedDict):
    """A loan with its figures, the ledger's lines of them, and the bounds of offers.

    `breakdown` is null where the ledger gave none; `breakdown_detail` says why.
    """

    loan: LoanInCase
    bounds: BoundsView
    breakdown: dict[str, Any] | None
    breakdown_detail: str | None


class HappenedView(TypedDict):
    """One thing that happened; amounts as decimal strings."""

    at: datetime
    what: str
    loan_id: str
    detail: dict[str, Any]


class BriefView(TypedDict):
    """Everything for one conversation about all loans of the person."""

    case_id: str
    borrower_id: str
    as_of: date
    now: datetime
    zone: str | None
    region: str | None
    locale: str | None
    segment: dict[str, str]
    flags: list[str]
    totals: dict[str, str]
    loans: list[BriefLoan]
    speech: SpeechView | None
    may_now: list[MayNow]
    appointment_at: datetime | None
    tasks: list[TaskView]
    next_steps: list[NextStepView]
    clocks: list[ClaimClockView]
    holds: list[HoldView]
    promises: list[PromiseView]
    plans: list[PlanView]
    waivers: list[WaiverView]
    timeline: list[HappenedView]


def may_now(channel: str, answer: Answer | Unreachable, stopped_by: str | None) -> MayNow:
    """The gate's answer, or a hold's here, which the gate may not have heard of yet."""
    if stopped_by is not None:
        rule = RuleSaid(id=f"HOLD-{stopped_by}", verdict="deny", until=None, citation=None)
        return MayNow(channel=channel, verdict="deny", until=None, rules=[rule], detail=None)
    if isinstance(answer, Unreachable):
        return MayNow(channel=channel, verdict="unknown", until=None, rules=[], detail=answer.detail)
    rules = [
        RuleSaid(id=rule.id, verdict=rule.verdict, until=rule.until, citation=rule.citation)
        for rule in answer.rules
    ]
    return MayNow(channel=channel, verdict=answer.verdict, until=answer.until, rules=rules, detail=None)


def speech_view(said: Speech) -> SpeechView:
    """What may be said."""
    return SpeechView(
        language=said.language,
        words_of_stage=said.words_of,
        effort_of_stage=said.effort_of,
        aim=said.aim,
        right_party=list(said.right_party),
        lines=list(said.lines),
        points=[PointSaid(id=id_, text=text) for id_, text in said.points],
        offers=list(said.offers),
        policy=said.policy,
    )


def bounds_view(bounds: Bounds, episode: Episode) -> BoundsView:
    """What may be agreed to; the smallest part rounded up to the minor unit."""
    figures = episode.figures
    smallest = -(-figures.total_minor * bounds.part_floor_percent // 100)
    return BoundsView(
        promise_until_on=bounds.promise_until_on,
        part_floor_percent=bounds.part_floor_percent,
        smallest_part=format_minor(smallest, figures.currency),
        second_until_on=bounds.second_until_on,
        plan_max_months=bounds.plan_max_months,
    )


def brief_loan(loan: LoanInCase, bounds: BoundsView, lines: dict[str, Any] | Unreachable) -> BriefLoan:
    """A loan with the ledger's lines, or why there are none."""
    if isinstance(lines, Unreachable):
        return BriefLoan(loan=loan, bounds=bounds, breakdown=None, breakdown_detail=lines.detail)
    return BriefLoan(loan=loan, bounds=bounds, breakdown=lines, breakdown_detail=None)


def totals(episodes: Sequence[Episode]) -> dict[str, str]:
    """What is overdue on all open loans, by currency."""
    sums: dict[str, int] = {}
    for episode in episodes:
        if episode.is_open:
            currency = episode.figures.currency
            sums[currency] = sums.get(currency, 0) + episode.figures.total_minor
    return {currency: format_minor(minor, currency) for currency, minor in sorted(sums.items())}


def happened_view(happened: Happened) -> HappenedView:
    """One thing that happened, amounts written out, what was not said left out."""
    return HappenedView(
        at=happened.at, what=happened.what, loan_id=happened.loan_id, detail=_written_out(happened.detail)
    )


def _written_out(detail: Mapping[str, Any]) -> dict[str, Any]:
    currency = detail.get("currency")
    written = {}
    for name, value in detail.items():
        if value is None:
            continue
        if name.endswith("_minor") and isinstance(currency, str):
            written[name.removesuffix("_minor")] = format_minor(int(value), currency)
        else:
            written[name] = value
    return written
