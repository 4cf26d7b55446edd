"""Money that may be on its way: expected, arrived, failed or given up; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from ledger.domain.facts import LoanFacts, Repayment, order_of_money
from spine.business_days import Calendar, add_business_days, business_date, end_of_business_date


class TransitKind(StrEnum):
    """Stated by core banking, a debit of the borrower's account, or claimed by the borrower."""

    PENDING = "pending"
    DEBIT = "debit"
    CLAIM = "claim"


class TransitState(StrEnum):
    """`announced`: begins later. The last three are ends."""

    ANNOUNCED = "announced"
    OPEN = "open"
    POSTED = "posted"
    FAILED = "failed"
    EXPIRED = "expired"


_ENDS: Final = frozenset({TransitState.POSTED, TransitState.FAILED, TransitState.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Transit:
    """One payment in transit. `reference`: the repayment's, debit's or contact's id in its source.

    `amount` in minor units, None where it was not said. It counts in [since, until). A failure that came before
    its debit has no times yet.
    """

    kind: TransitKind
    reference: str
    amount: int | None
    since: datetime | None
    until: datetime | None
    state: TransitState
    repayment_id: str | None = None
    reason: str | None = None

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.reference}"

    @property
    def is_over(self) -> bool:
        return self.state in _ENDS

    @property
    def due_at(self) -> datetime | None:
        """When time alone changes it next."""
        if self.state is TransitState.ANNOUNCED:
            return self.since
        return self.until if self.state is TransitState.OPEN else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long each kind is waited for (policy), in the lender's zone."""

    pending_business_days: int
    debit_hours: int
    claim_business_days: int
    claim_matches_within_days: int
    calendar: Calendar
    zone: ZoneInfo

    def pending(self, expected_on: date) -> datetime:
        """Through so many business days after the day on which the money is expected."""
        return self._end_of(add_business_days(expected_on, self.pending_business_days, self.calendar))

    def debit(self, at: datetime) -> datetime:
        return at + timedelta(hours=self.debit_hours)

    def claim(self, at: datetime) -> datetime:
        """A claim of a Friday is looked into through the Wednesday after."""
        claimed_on = business_date(at, self.zone)
        return self._end_of(add_business_days(claimed_on, self.claim_business_days, self.calendar))

    def _end_of(self, day: date) -> datetime:
        return end_of_business_date(day, self.zone)


def begun(
    transit: Transit, loan: LoanFacts, others: Iterable[Transit], waiting: Waiting, now: datetime
) -> Transit:
    """A transit as it stands now: arrived before it was told, over already, running, or still to begin.

    Money that was one of the `others` of its kind is not this one too.
    """
    taken = {each.repayment_id for each in others if each.kind is transit.kind and each.id != transit.id}
    for repayment in sorted(loan.repayments, key=order_of_money):
        if repayment.reversed_on is not None or repayment.id in taken:
            continue
        if is_money_of(transit, repayment, waiting):
            return replace(transit, state=TransitState.POSTED, repayment_id=repayment.id)
    return by_time(transit, now)


def by_time(transit: Transit, now: datetime) -> Transit:
    """What time alone has made of it."""
    if transit.is_over or transit.since is None or transit.until is None:
        return transit
    if now >= transit.until:
        return replace(transit, state=TransitState.EXPIRED)
    return replace(transit, state=TransitState.OPEN if now >= transit.since else TransitState.ANNOUNCED)


def is_money_of(transit: Transit, repayment: Repayment, waiting: Waiting) -> bool:
    """Whether this money is what was on its way.

    Core banking's own by id; a debit by its amount, from its day on; a claim by its amount, where one was said,
    and a value date near the day of the claim.
    """
    if transit.kind is TransitKind.PENDING:
        return repayment.id == transit.reference
    if repayment.id == transit.reference:
        return True
    if transit.since is None or transit.until is None or transit.amount not in (None, repayment.amount):
        return False
    since_on = business_date(transit.since, waiting.zone)
    if transit.kind is TransitKind.DEBIT:
        return since_on <= repayment.value_date <= business_date(transit.until, waiting.zone)
    return abs((repayment.value_date - since_on).days) <= waiting.claim_matches_within_days
