"""What core banking tells of money: posted, taken back, on its way, and debits of the borrower's account."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from spine.errors import BadAmount
from spine.events.corebanking import COREBANKING
from spine.events.registry import Amount, CurrencyCode, Event, Id, Instant, event
from spine.money import parse_minor

DebitFailure = Literal["insufficient", "card_invalid", "limit", "other"]


def _not_zero(amount: str) -> None:
    """Amounts of money that moves; the currency's decimals are checked where the loan is known."""
    if not amount.strip("0."):
        raise BadAmount("amount: zero", field="amount")


@event(COREBANKING, "repayment.posted.v1")
class RepaymentPosted(Event, frozen=True, kw_only=True):
    """Money arrived for a loan; it counts from its value date."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    amount: Amount
    currency: CurrencyCode
    value_date: date
    posted_at: Instant
    channel: str | None = None

    def check(self) -> None:
        if parse_minor(self.amount, self.currency) == 0:
            raise BadAmount("amount: a repayment of zero", field="amount")


@event(COREBANKING, "repayment.reversed.v1")
class RepaymentReversed(Event, frozen=True, kw_only=True):
    """A repayment was taken back: from `reversed_on` on it is as if never made."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    reversed_on: date
    reason: Annotated[str, Meta(max_length=500)]


@event(COREBANKING, "repayment.charged_back.v1")
class RepaymentChargedBack(Event, frozen=True, kw_only=True):
    """The payer's bank took money back: the amount is owed again as principal, due on `on`."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    amount: Amount
    on: date

    def check(self) -> None:
        _not_zero(self.amount)


@event(COREBANKING, "repayment.pending.v1")
class RepaymentPending(Event, frozen=True, kw_only=True):
    """Money is on its way: it is expected to be posted, under the same id, on `expected_on`."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    amount: Amount
    initiated_at: Instant
    expected_on: date

    def check(self) -> None:
        _not_zero(self.amount)


@event(COREBANKING, "debit.scheduled.v1")
class DebitScheduled(Event, frozen=True, kw_only=True):
    """The borrower's account will be debited at an instant; its result follows as money or as a failure."""

    borrower_id: Id
    loan_id: Id
    debit_id: Id
    amount: Amount
    at: Instant

    def check(self) -> None:
        _not_zero(self.amount)


@event(COREBANKING, "debit.failed.v1")
class DebitFailed(Event, frozen=True, kw_only=True):
    """A debit brought no money, and why."""

    borrower_id: Id
    loan_id: Id
    debit_id: Id
    reason: DebitFailure
    amount: Amount | None = None
    at: Instant | None = None

    def check(self) -> None:
        if self.amount is not None:
            _not_zero(self.amount)
