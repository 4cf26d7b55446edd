"""Repayment plans: what is said in one, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from spine.errors import Conflict, TactError
from stager.domain.cases import stable_id
from stager.domain.decision import canonical


class PlanState(StrEnum):
    """Where a plan stands. A signed one that still waits for approval binds nobody yet."""

    DRAFT = "draft"
    SIGNED = "signed"
    ACTIVE = "active"
    COMPLETED = "completed"
    BREACHED = "breached"
    CANCELLED = "cancelled"


#: Those that money moves from one to another; a cancelled plan stays cancelled.
JUDGED: Final = frozenset({PlanState.ACTIVE, PlanState.COMPLETED, PlanState.BREACHED})


class Method(StrEnum):
    """Equal parts of the balance, or equal payments with interest on what is left of it."""

    EQUAL = "equal"
    ANNUITY = "annuity"


class Period(StrEnum):
    MONTH = "month"
    FORTNIGHT = "fortnight"
    WEEK = "week"

    @property
    def per_year(self) -> int:
        """How many of them are a year."""
        return {Period.MONTH: 12, Period.FORTNIGHT: 26, Period.WEEK: 52}[self]


class PlanIncomplete(TactError):
    """The plan leaves out something that every plan must say; `field` names it."""

    code = "plan_incomplete"
    status = 422


class PlanBeyondLimits(TactError):
    """The plan is beyond what the policy allows; `field` names what is."""

    code = "plan_beyond_limits"
    status = 409


class PlanClosed(Conflict):
    """The plan is no longer what this asks for; look at its state."""

    code = "plan_closed"


class PlanExpired(Conflict):
    """The time in which the plan could be signed is over; draw up another."""

    code = "plan_expired"


class PlanBesides(Conflict):
    """Another plan of the loan runs; cancel it first."""

    code = "plan_besides"


class Structure(msgspec.Struct, frozen=True, kw_only=True):
    """What a balance is made of, in minor units."""

    principal: int = 0
    interest: int = 0
    penalty: int = 0
    compound: int = 0
    fee: int = 0

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.penalty + self.compound + self.fee


class Instalment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment of a plan, in minor units."""

    seq: int
    due_on: date
    principal: int
    interest: int

    @property
    def total(self) -> int:
        return self.principal + self.interest


class PlanTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed, complete. Amounts in minor units of `currency`; `ability` is what can be paid a period."""

    currency: str
    balance: Structure
    period: Period
    method: Method
    annual_rate: str
    instalments: tuple[Instalment, ...]
    interest_accrues: bool
    fees_accrue: bool
    no_new_card: bool
    rights: str
    breach: str
    ability: int
    credit_report: str | None = None

    @property
    def total(self) -> int:
        """What the plan pays in all: the balance and the interest on it."""
        return sum(each.total for each in self.instalments)

    @property
    def months(self) -> int:
        """How long the plan runs, in months, the last one begun counted whole."""
        return months_of(len(self.instalments), self.period)


def months_of(count: int, period: Period) -> int:
    """How many months so many periods are, the last one begun counted whole."""
    return -(-count * 12 // period.per_year)


class StatedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a proposer states; what is None was not stated."""

    currency: str | None = None
    balance: Structure | None = None
    period: Period | None = None
    method: Method | None = None
    instalments: int | None = None
    first_due_on: date | None = None
    annual_rate: str | None = None
    interest_accrues: bool | None = None
    fees_accrue: bool | None = None
    no_new_card: bool | None = None
    rights: str | None = None
    breach: str | None = None
    ability: int | None = None
    willing: bool | None = None
    credit_report: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A repayment plan of a loan.

    `approvers`: the roles of which another member approves. `grace_days` and `tolerance_minor` are those of the
    policy it was drawn up by. `breached_seq` and `short_minor`: the first instalment not paid in time, and what was
    missing. `judged_on`: the last closed date by which it was judged, `judge_on`: the one whose close can next
    change it. `turn` counts the changes of state.
    """

    plan_id: str
    loan_id: str
    borrower_id: str
    case_id: str
    partition: int
    state: PlanState
    turn: int
    stage: str
    terms: PlanTerms
    grace_days: int
    tolerance_minor: int
    needs_approval: bool
    approvers: tuple[str, ...]
    policy_digest: str
    request_digest: str
    proposed_by: str
    proposed_at: datetime
    sign_until_on: date
    approved_by: str | None = None
    approved_at: datetime | None = None
    signed_at: datetime | None = None
    signed_on: date | None = None
    signature: str | None = None
    recording: str | None = None
    signed_with: str | None = None
    activated_at: datetime | None = None
    breached_seq: int | None = None
    short_minor: int | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    judge_on: date | None = None
    judged_on: date | None = None

    @property
    def hold_id(self) -> str:
        """The hold of the time the plan was last in force; each time it is another."""
        return stable_id("hold", "plan_active", self.plan_id, self.turn)

    @property
    def terms_text(self) -> str:
        """The terms as canonical JSON."""
        return canonical(self.terms)
