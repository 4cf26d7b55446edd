"""Whether the contact policy and the templates would let a strategy's steps happen at all."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from spine.marked_yaml import Place
from spine.policy import Fault
from stager.domain.planning import local_instant
from stager.domain.strategy import Step, Strategy

#: So many days are tried: every weekday twice.
TRIED: Final = timedelta(days=14)
#: The contact policy's own word for a country of which it knows nothing.
NO_POLICY: Final = "NO-POLICY"
#: Channels about which the contact policy is asked; other steps open work that is no contact by itself.
_ASKED: Final = frozenset(
    {"sms", "wechat", "wecom", "app_push", "email", "ai_call", "call", "visit", "letter"}
)
#: Called, and perhaps not answered.
_RUNG: Final = frozenset({"call", "ai_call"})
#: A visit is announced this long before, as nobody forbids to.
_NOTICE: Final = timedelta(days=3)
_ABROAD: Final = {"UK": "GB"}


class TemplateKind(NamedTuple):
    """What a template is for; `stage` None: any."""

    channel: str
    stage: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """Asked at one opening of a step's slot; `request` as in contracts.md 3.2. Done at `closes` if not before."""

    at: Place
    step: str
    country: str
    now: datetime
    closes: datetime
    request: Mapping[str, Any]

    def is_answered_by(self, verdict: str, until: datetime | None) -> bool:
        """Whether the step can happen on this opening, be it later or with a person's approval."""
        if verdict in ("allow", "review"):
            return until is None or until < self.closes
        return verdict == "defer" and until is not None and until < self.closes

    def after(self, history: Sequence[Mapping[str, Any]]) -> Question:
        """The same question when these contacts were made before."""
        return replace(self, request={**self.request, "history": list(history)})

    def made(self, until: datetime | None) -> dict[str, Any]:
        """The contact on record, with the outcome that caps mind least: a call nobody answered."""
        request, spoken = self.request, self.request["channel"] in _RUNG
        return {
            "at": (until or self.now).isoformat(),
            "channel": request["channel"],
            "direction": "outbound",
            "outcome": "no_answer"
            if spoken
            else "conversation"
            if request["channel"] == "visit"
            else "delivered",
            "address": "A1",
            "debts": [request["debt"]],
            "party_id": request["party"]["id"],
            "purpose": request["purpose"],
        }


class Reply(NamedTuple):
    """What the contact policy says to a question; `rules` that fired, with their citations."""

    verdict: str
    until: datetime | None
    rules: Mapping[str, str]


def too_often(questions: Sequence[Question]) -> Generator[Question, Reply, Mapping[str, str]]:
    """Asks whether a step can be done each time it comes round, when it was done all the times before.

    Returns the rules that forbid it; none when its cadence can be kept. A day on which it could not be done
    anyway, such as a holiday, tells nothing.
    """
    history: list[dict[str, Any]] = []
    for question in questions:
        reply = yield question
        if not question.is_answered_by(reply.verdict, reply.until):
            continue
        if history:
            again = question.after(history)
            reply = yield again
            if not again.is_answered_by(reply.verdict, reply.until):
                return reply.rules
        history.append(question.made(reply.until))
    return {}


def cadences_of(
    strategy: Strategy, zone: ZoneInfo, start: date
) -> Iterator[tuple[Place, int, list[Question]]]:
    """For each step that repeats and each country its rounds of two weeks, and every how many days they come."""
    for at, questions in questions_of(strategy, zone, start):
        stage, n = str(at[1]), int(at[2])
        every = strategy.stages[stage][n].every_days
        if every is not None and every < TRIED.days:
            yield at, every, questions[::every]


def too_dense(step: str, country: str, every_days: int, rules: Mapping[str, str]) -> str:
    """The words for a step that comes round sooner than the contact policy lets it be done again."""
    why = "; ".join(f"{rule}: {citation}" if citation else rule for rule, citation in sorted(rules.items()))
    return (
        f"{step}: every {every_days} days is more often than the contact policy in {country} allows ({why})"
    )


def questions_of(strategy: Strategy, zone: ZoneInfo, start: date) -> Iterator[tuple[Place, list[Question]]]:
    """For each step and country the questions of two weeks; the step can happen when one of them is answered."""
    for stage, steps in strategy.stages.items():
        for n, step in enumerate(steps):
            if step.channel in _ASKED:
                for country, state in countries_of(strategy):
                    at: Place = ("stages", stage, n)
                    yield at, list(_questions(at, strategy, stage, step, country, state, zone, start))


def countries_of(strategy: Strategy) -> list[tuple[str, str | None]]:
    """Country and state of those for whom a strategy is, by its regions; without any, of China."""
    regions = strategy.scope.regions if strategy.scope is not None else None
    found: dict[tuple[str, str | None], None] = {}
    for region in regions or ("CN",):
        country, _, state = region.removesuffix("*").rstrip("-").partition("-")
        found[_ABROAD.get(country, country), state or None] = None
    return list(found)


def no_policy(country: str) -> str:
    """The words for a country without a contact policy: nothing is said there, which is no fault of the steps."""
    return f"no contact policy applies in {country}: nobody is contacted there until one does"


def never_allowed(step: str, country: str, rules: Mapping[str, str]) -> str:
    """The words for a step that the contact policy lets through at no opening; `rules` with their citations."""
    why = "; ".join(f"{rule}: {citation}" if citation else rule for rule, citation in sorted(rules.items()))
    return f"{step}: no contact policy in {country} ever allows it in its slot ({why})"


def faults_of_templates(strategy: Strategy, known: Mapping[str, TemplateKind]) -> Iterator[Fault]:
    """Templates that do not exist, or are for another channel or stage."""
    for stage, steps in strategy.stages.items():
        for n, step in enumerate(steps):
            if step.template is not None and step.is_message:
                place: Place = ("stages", stage, n, "template")
                if reason := _misfit(known, step.template, step.channel, stage):
                    yield Fault(place, f"stages.{stage}.{step.id}.template: {reason}")
            if step.fallback is not None:
                place = ("stages", stage, n, "fallback", "template")
                if reason := _misfit(known, step.fallback.template, step.fallback.channel, stage):
                    yield Fault(place, f"stages.{stage}.{step.id}.fallback: {reason}")


def _misfit(known: Mapping[str, TemplateKind], template: str, channel: str, stage: str) -> str | None:
    kind = known.get(template)
    if kind is None:
        return f"there is no template {template!r}"
    if kind.channel != channel:
        return f"template {template!r} is for channel {kind.channel}, not {channel}"
    if kind.stage is not None and kind.stage != stage:
        return f"template {template!r} is for stage {kind.stage}, not {stage}"
    return None


def _questions(
    at: Place,
    strategy: Strategy,
    stage: str,
    step: Step,
    country: str,
    state: str | None,
    zone: ZoneInfo,
    start: date,
) -> Iterator[Question]:
    slot = strategy.slot_of(step)
    place = {"country": country, "state": state}
    for n in range(TRIED.days):
        day = start + timedelta(days=n)
        opens, closes = local_instant(day, slot.opens, zone), local_instant(day, slot.closes, zone)
        request: dict[str, Any] = {
            "now": opens.isoformat(),
            "actor_role": "creditor",
            "jurisdiction": {key: value for key, value in place.items() if value is not None},
            "stage": stage,
            "debt": "D1",
            "channel": step.channel,
            "direction": "outbound",
            "purpose": step.purpose,
            "automated": step.is_message,
            "party": {"id": "P1", "kind": "debtor", "timezone": zone.key},
        }
        if step.channel == "visit":
            request["agents"] = [f"A{k}" for k in range(step.people)]
            request["visit_notice_at"] = (opens - _NOTICE).isoformat()
            request["overdue_notice_delivered_at"] = (opens - _NOTICE).isoformat()
        yield Question(at, step.id, country, opens, closes, request)
