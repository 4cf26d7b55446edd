"""What the ledger knows about one loan: contract, schedule and everything that happened, as frozen values.

Amounts are integer minor units of the loan's currency. Tuples may be in any order: the fold sorts them.
Structs, because intake makes several per event, and a frozen dataclass costs ten times as much to make.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple, NewType

import msgspec

from spine.business_days import Calendar
from spine.errors import BadSchema

LoanId = NewType("LoanId", str)
BorrowerId = NewType("BorrowerId", str)


class Component(StrEnum):
    """A part of what is owed; money is allocated to one after another."""

    FEE = "fee"
    PENALTY = "penalty"
    COMPOUND = "compound"
    INTEREST = "interest"
    PRINCIPAL = "principal"


class GraceRule(StrEnum):
    """What the first late day after grace counts: all days since due, or only those after grace."""

    FROM_DUE = "from_due"
    AFTER_GRACE = "after_grace"


class HolidayRule(StrEnum):
    NONE = "none"
    NEXT_BUSINESS_DAY = "next_business_day"


class Shape(StrEnum):
    """Horizontal settles one instalment after another, vertical one component after another."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"


class Overpayment(StrEnum):
    """Money beyond what is due waits as credit, or prepays the oldest future instalments at once."""

    CREDIT = "credit"
    PREPAY = "prepay"


class ChargeKind(StrEnum):
    FEE = "fee"
    PENALTY = "penalty"


class ClosureReason(StrEnum):
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"
    SOLD = "sold"


class PenaltyRule(msgspec.Struct, frozen=True, kw_only=True):
    """The yearly rate of penalty: `annual_rate`, else the loan's rate times `multiplier`, up to the cap."""

    multiplier: Decimal = Decimal("1.5")
    annual_rate: Decimal | None = None
    compound_on_interest: bool = False
    all_in_cap: Decimal | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Contract terms; the defaults are those of a loan that states none. `tolerance` in minor units."""

    grace_days: int = 0
    grace_rule: GraceRule = GraceRule.FROM_DUE
    holiday_rule: HolidayRule = HolidayRule.NONE
    calendar: Calendar | None = None
    day_count: int = 360
    penalty: PenaltyRule = PenaltyRule()
    shape: Shape = Shape.HORIZONTAL
    order: tuple[Component, ...] = tuple(Component)
    tolerance: int = 0
    overpayment: Overpayment = Overpayment.CREDIT

    def __post_init__(self) -> None:
        if self.holiday_rule is HolidayRule.NEXT_BUSINESS_DAY and self.calendar is None:
            raise BadSchema("terms.calendar: due dates move on holidays, but of which calendar is not said")


class Instalment(NamedTuple):
    """One row of the schedule; `due_on` is the contractual business date.

    A tuple, because a batch of intake reads thousands of them and changes none.
    """

    seq: int
    due_on: date
    principal: int
    interest: int
    fee: int = 0


class PaidPart(msgspec.Struct, frozen=True):
    """What had been paid on an instalment before the loan was taken into these books (cut-over)."""

    seq: int
    principal: int = 0
    interest: int = 0
    fee: int = 0


class Repayment(msgspec.Struct, frozen=True):
    """Money that counts from its value date; from `reversed_on` on it is as if never made."""

    id: str
    amount: int
    value_date: date
    posted_at: datetime
    reversed_on: date | None = None


#: Of money that counts on the same day the one posted first comes first.
order_of_money: Final = attrgetter("value_date", "posted_at", "id")


class Pause(msgspec.Struct, frozen=True):
    """Half-open [from_on, to_on) in which days are not counted; without `to_on` until resumed.

    `id` names the hold of one that a hold brought.
    """

    from_on: date
    to_on: date | None = None
    id: str = ""


class Charge(msgspec.Struct, frozen=True):
    """A fee or penalty as an item of its own; it makes no days past due."""

    id: str
    kind: ChargeKind
    amount: int
    due_on: date


class Chargeback(msgspec.Struct, frozen=True):
    """Money taken back by the payer's bank: a principal item of its own, due on `on`."""

    repayment_id: str
    amount: int
    on: date


class RateChange(msgspec.Struct, frozen=True):
    """The loan's yearly rate from `effective_on`; of two on one day the later stated holds."""

    effective_on: date
    annual_rate: Decimal
    stated_at: datetime | None = None


class Reschedule(msgspec.Struct, frozen=True):
    """From `effective_on` the schedule replaces every instalment but the kept ones."""

    effective_on: date
    keep: tuple[int, ...]
    schedule: tuple[Instalment, ...]
    stated_at: datetime | None = None
    reason: str = ""


class Closure(msgspec.Struct, frozen=True):
    """The core closed the loan."""

    closed_on: date
    reason: ClosureReason


class Waiver(msgspec.Struct, frozen=True):
    """What the lender waives at the start of `effective_on`, at most `amounts`: (fee, penalty, compound, interest,
    principal). Of one id the newest word counts (`at`); a waiver that lapsed has no `effective_on` and is as if
    never made.

    A settlement also reaches what is still to come.
    """

    id: str
    at: datetime
    effective_on: date | None
    amounts: tuple[int, ...]
    settlement: bool = False


class LoanFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one loan.

    `resumed_on`: each date ends every pause that runs then. `freezes`: interest-freezing holds, which stop
    accrual and leave the days past due running.
    """

    loan_id: LoanId
    borrower_id: BorrowerId
    product: str
    currency: str
    principal: int
    annual_rate: Decimal
    opened_on: date
    schedule: tuple[Instalment, ...]
    terms: Terms = Terms()
    paid_before: tuple[PaidPart, ...] = ()
    repayments: tuple[Repayment, ...] = ()
    charges: tuple[Charge, ...] = ()
    chargebacks: tuple[Chargeback, ...] = ()
    pauses: tuple[Pause, ...] = ()
    resumed_on: tuple[date, ...] = ()
    freezes: tuple[Pause, ...] = ()
    rate_changes: tuple[RateChange, ...] = ()
    reschedules: tuple[Reschedule, ...] = ()
    closures: tuple[Closure, ...] = ()
    waivers: tuple[Waiver, ...] = ()
