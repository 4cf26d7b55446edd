"""Stored decisions on plans and waivers made again from their own facts and policies: part of the answer to why."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from spine.errors import TactError
from stager.domain import plan_drafting, plan_judging
from stager.domain.decision import Decision
from stager.domain.plan_drafting import DraftFacts, draw_up
from stager.domain.plan_judging import PlanFacts, judge_plan
from stager.domain.plan_policy import PlanPolicy
from stager.domain.waiver_policy import WaiverPolicy
from stager.domain.waivers import BAND_ENGINE, OFFER_ENGINE, BandFacts, OfferFacts, find_band, judge_offer

#: Engine, rule and verdict of a decision made again; None where it comes out as nothing.
Outcome = tuple[str, str | None, str | None]
#: Canonical policy texts by digest.
Bodies = Mapping[str, str]


def recompute_terms(decision: Decision, bodies: Bodies) -> Outcome:
    """Whether a plan could be drawn up, and needed approval."""
    policy = msgspec.json.decode(bodies[decision.policy_digests[0]], type=PlanPolicy)
    facts = msgspec.json.decode(decision.facts, type=DraftFacts)
    try:
        terms, limit = draw_up(facts, policy)
    except TactError:
        return plan_drafting.ENGINE, None, None
    verdict = "approval_needed" if limit.needs_approval(terms.months) else "drawn_up"
    return plan_drafting.ENGINE, f"limits/{facts.stage}", verdict


def recompute_plan(decision: Decision, _: Bodies) -> Outcome:
    """What a plan stood at by its money; grace and tolerance are of the plan, and so among the facts."""
    judged = judge_plan(msgspec.json.decode(decision.facts, type=PlanFacts))
    return plan_judging.ENGINE, judged.rule, judged.state.value


def recompute_band(decision: Decision, bodies: Bodies) -> Outcome:
    """In which band a waiver was proposed."""
    policy = msgspec.json.decode(bodies[decision.policy_digests[0]], type=WaiverPolicy)
    try:
        band = find_band(msgspec.json.decode(decision.facts, type=BandFacts), policy)
    except TactError:
        return BAND_ENGINE, None, None
    return BAND_ENGINE, f"band/{band.id}", band.id


def recompute_offer(decision: Decision, _: Bodies) -> Outcome:
    """Whether the money of an offer was there."""
    judged = judge_offer(msgspec.json.decode(decision.facts, type=OfferFacts))
    return OFFER_ENGINE, judged.rule, judged.state.value
