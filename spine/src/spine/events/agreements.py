"""What was agreed with a borrower: promises, repayment plans, waivers - and what became of each."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from spine.events.registry import Amount, CurrencyCode, Event, Id, Instant, Rate, event
from spine.events.stager import STAGER

PromiseKind = Literal["full", "partial", "extension_3d"]


class PromiseFact(Event, frozen=True, kw_only=True):
    """A promise to pay as a whole. `promised_on`: the day, in the lender's zone, by whose end it is to be paid.

    `received`: the money value-dated from the day it was made through `promised_on` and its settlement (one
    business day, by policy), as far as it is judged. Of a part offer's second date: what came beyond the part.
    """

    borrower_id: Id
    loan_id: Id
    case_id: str
    promise_id: str
    kind: PromiseKind
    currency: CurrencyCode
    amount: Amount
    promised_on: date
    made_at: Instant
    at: Instant
    received: Amount | None = None
    contact_id: str | None = None
    policy: str | None = None


@event(STAGER, "promise.opened.v1")
class PromiseOpened(PromiseFact, frozen=True, kw_only=True):
    """A promise was made: until it is judged only reminders go out."""


@event(STAGER, "promise.kept.v1")
class PromiseKept(PromiseFact, frozen=True, kw_only=True):
    """The promised money came in time, up to the tolerance."""


@event(STAGER, "promise.partial.v1")
class PromisePartial(PromiseFact, frozen=True, kw_only=True):
    """Some money came in time, less than was promised."""


@event(STAGER, "promise.broken.v1")
class PromiseBroken(PromiseFact, frozen=True, kw_only=True):
    """No money came in time."""


@event(STAGER, "promise.revised.v1")
class PromiseRevised(PromiseFact, frozen=True, kw_only=True):
    """Later facts, another promise or a person changed what a promise stands at: `status` is what it is now."""

    status: Literal["open", "kept", "partial", "broken", "cancelled", "superseded"]
    was: Literal["open", "kept", "partial", "broken", "cancelled", "superseded"]
    reason: str


class PlanInstalment(msgspec.Struct, frozen=True, kw_only=True):
    """One instalment of a repayment plan: `amount` is principal and interest together."""

    seq: int
    due_on: date
    amount: Amount
    principal: Amount
    interest: Amount


class PlanFact(Event, frozen=True, kw_only=True):
    """A repayment plan as a whole."""

    borrower_id: Id
    loan_id: Id
    case_id: str
    plan_id: str
    method: Literal["equal", "annuity"]
    currency: CurrencyCode
    balance: Amount
    annual_rate: Rate
    instalments: tuple[PlanInstalment, ...]
    interest_accrues: bool
    signed_at: Instant
    at: Instant
    policy: str | None = None


@event(STAGER, "plan.activated.v1")
class PlanActivated(PlanFact, frozen=True, kw_only=True):
    """A repayment plan is signed: collection stops, due reminders stay."""


@event(STAGER, "plan.breached.v1")
class PlanBreached(PlanFact, frozen=True, kw_only=True):
    """An instalment of the plan was not paid within its grace: the plan is over, collection goes on."""

    breached_seq: int
    short: Amount


@event(STAGER, "plan.completed.v1")
class PlanCompleted(PlanFact, frozen=True, kw_only=True):
    """The plan was paid to the end."""


class WaivedAmounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is waived, by component; decimal strings in the loan's currency."""

    penalty: Amount = "0"
    compound: Amount = "0"
    interest: Amount = "0"
    fee: Amount = "0"
    principal: Amount = "0"


class WaiverFact(Event, frozen=True, kw_only=True):
    """A waiver, or a settlement offer whose condition was met, as a whole."""

    borrower_id: Id
    loan_id: Id
    case_id: str
    waiver_id: str
    kind: Literal["waiver", "settlement"]
    currency: CurrencyCode
    waived: WaivedAmounts
    at: Instant
    policy: str | None = None


@event(STAGER, "waiver.approved.v1")
class WaiverApproved(WaiverFact, frozen=True, kw_only=True):
    """What is waived is owed no more from `effective_on` on: approved, and its condition, if any, met."""

    effective_on: date
    proposed_by: str
    approved_by: str


@event(STAGER, "waiver.lapsed.v1")
class WaiverLapsed(WaiverFact, frozen=True, kw_only=True):
    """A waiver or an offer ran out, was refused, or lost the money it rested on: nothing is waived by it."""

    reason: str
    was_effective: bool
