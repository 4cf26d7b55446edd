"""Waivers and settlement offers: which band a proposal falls in, and whether the money of an offer is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from spine.errors import Conflict
from spine.money import format_minor, parse_minor
from stager.domain.decision import canonical
from stager.domain.plan_judging import PlanMoney
from stager.domain.plans import Structure
from stager.domain.waiver_policy import COMPONENTS, Band, Component, WaiverKind, WaiverPolicy

#: Change when the same facts would be decided otherwise.
BAND_ENGINE: Final = "waiver-bands/1"
OFFER_ENGINE: Final = "waiver-offers/1"


class WaiverState(StrEnum):
    """Where a waiver stands. An approved offer waits for its money; what lapsed may come to be by late money."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    EFFECTIVE = "effective"
    LAPSED = "lapsed"


class LapseReason(StrEnum):
    """Why nothing is waived."""

    NOT_APPROVED = "not_approved_in_time"
    REFUSED = "refused"
    MONEY_MISSING = "money_missing"
    MONEY_REVERSED = "money_reversed"


#: A lapse that money decided, which later facts may decide otherwise.
BY_MONEY: Final = frozenset({LapseReason.MONEY_MISSING, LapseReason.MONEY_REVERSED})


class BeyondBand(Conflict):
    """The proposal is above what may be waived; `band` is the largest that fits the stage and the proposer."""

    code = "waiver_beyond_band"


class NoBand(Conflict):
    """No band lets this member propose a waiver of this kind in the stage of the loan."""

    code = "waiver_no_band"


class WaiverClosed(Conflict):
    """The waiver is no longer what this asks for; look at its state."""

    code = "waiver_closed"


class WaiverExpired(Conflict):
    """The time in which the proposal could be approved is over; propose again."""

    code = "waiver_expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A proposal to waive parts of what is owed, of a settlement on condition that money comes in.

    `pay_minor` by `pay_by_on`, value-dated from `counts_from`, is the condition; without one it is effective when
    approved. `approve_by_on` is the last day of approval. `judged_on`: the last closed date by
    which it was judged, `judge_on`: the one whose close can next change it.
    """

    waiver_id: str
    loan_id: str
    borrower_id: str
    case_id: str
    partition: int
    kind: WaiverKind
    state: WaiverState
    turn: int
    stage: str
    currency: str
    waived: Structure
    owed: Structure
    band: str
    policy_digest: str
    request_digest: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    approve_by_on: date
    expires_at: datetime
    counts_from: date
    judged_on: date
    pay_minor: int | None = None
    pay_by_on: date | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    refused_by: str | None = None
    effective_on: date | None = None
    was_effective: bool = False
    lapse_reason: LapseReason | None = None
    ended_at: datetime | None = None
    judge_on: date | None = None

    @property
    def waived_text(self) -> str:
        """What is waived as canonical JSON."""
        return canonical(self.waived)

    @property
    def owed_text(self) -> str:
        """What was owed at the proposal as canonical JSON."""
        return canonical(self.owed)

    @property
    def is_judged_by_money(self) -> bool:
        """Whether money decides, or has decided, what it stands at."""
        if self.pay_minor is None or self.approved_at is None:
            return False
        return self.state is not WaiverState.LAPSED or self.lapse_reason in BY_MONEY


class BandFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the band of a proposal is found by; amounts in minor units.

    `before`: what other waivers of the loan in this case ask for or took off, which counts with this one; `gone`:
    what of it is no longer among what is owed.
    """

    loan_id: str
    product: str
    stage: str
    kind: WaiverKind
    roles: tuple[str, ...]
    currency: str
    waived: Structure
    owed: Structure
    before: Structure = Structure()
    gone: Structure = Structure()


def find_band(facts: BandFacts, policy: WaiverPolicy) -> Band:
    """The first band that allows the proposal. Raises NoBand, or BeyondBand naming the largest and its limit."""
    fitting = [
        band
        for band in policy.bands
        if band.covers(facts.stage, facts.product, facts.kind)
        and not set(facts.roles).isdisjoint(band.proposed_by)
    ]
    if not fitting:
        roles = ", ".join(facts.roles)
        raise NoBand(f"in stage {facts.stage} role {roles} proposes no {facts.kind}", stage=facts.stage)
    for band in fitting:
        beyond = beyond_limits(band, facts)
        if not beyond:
            return band
    component, allowed = next(iter(beyond.items()))
    asked = format_minor(getattr(facts.waived, component), facts.currency)
    at_most = format_minor(allowed, facts.currency)
    raise BeyondBand(
        f"{component} {asked} is above band {band.id} of stage {facts.stage}: {at_most} at most",
        band=band.id,
        field=f"waived.{component}",
        at_most=at_most,
    )


def beyond_limits(band: Band, facts: BandFacts) -> dict[Component, int]:
    """The components of which more is asked for than the band still allows, with what it allows."""
    beyond: dict[Component, int] = {}
    for component in COMPONENTS:
        asked, limit = getattr(facts.waived, component), band.limits.get(component)
        owed = getattr(facts.owed, component) + getattr(facts.gone, component)
        allowed = limit.allowed(owed, facts.currency) if limit is not None else 0
        allowed = max(0, allowed - getattr(facts.before, component))
        if asked > allowed:
            beyond[component] = allowed
    return beyond


def failed_cases(policy: WaiverPolicy) -> Iterator[str]:
    """The examples of a policy that come out otherwise than it says."""
    for number, case in enumerate(policy.cases):
        facts = BandFacts(
            loan_id="",
            product=case.product,
            stage=case.stage,
            kind=case.kind,
            roles=(case.role,),
            currency=case.currency,
            waived=_structure(case.waived, case.currency),
            owed=_structure(case.owed, case.currency),
        )
        try:
            found: str | None = find_band(facts, policy).id
        except Conflict:
            found = None
        if found != case.band:
            yield f"cases[{number}]: {case.band} expected, {found} found"


def _structure(amounts: Mapping[Component, str], currency: str) -> Structure:
    return Structure(**{name: parse_minor(text, currency, field=name) for name, text in amounts.items()})


class OfferFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What decides whether an offer is met: money that stands, and the last business date that is closed."""

    pay_minor: int
    counts_from: date
    pay_by_on: date
    closed_through: date
    money: tuple[PlanMoney, ...]


@dataclass(frozen=True, slots=True)
class OfferJudgement:
    """Whether the money is there: then from when on, the value date of the first that counts; if not, for how long
    it is waited for."""

    state: WaiverState
    rule: str
    received_minor: int
    effective_on: date | None = None
    judge_on: date | None = None


def judge_offer(facts: OfferFacts) -> OfferJudgement:
    """An offer is met when its money is there by value date, on its last day at the latest.

    What is waived counts from the first of that money, so that it is put on what is not waived.
    """
    until = min(facts.pay_by_on, facts.closed_through)
    counting = sorted(
        (each.value_date, each.amount_minor)
        for each in facts.money
        if facts.counts_from <= each.value_date <= until
    )
    received = sum(amount for _, amount in counting)
    if received >= facts.pay_minor:
        return OfferJudgement(WaiverState.EFFECTIVE, "money_in_time", received, counting[0][0])
    if facts.closed_through >= facts.pay_by_on:
        return OfferJudgement(WaiverState.LAPSED, "money_missing", received)
    ahead = [
        each.value_date for each in facts.money if facts.closed_through < each.value_date <= facts.pay_by_on
    ]
    return OfferJudgement(
        WaiverState.APPROVED, "money_awaited", received, judge_on=min([*ahead, facts.pay_by_on])
    )
