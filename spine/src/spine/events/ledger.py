"""What the ledger says is owed, since when: registered loans, money received, arrears and their end."""

from __future__ import annotations

from datetime import date

import msgspec

from spine.events.corebanking import Instalment
from spine.events.registry import Amount, CurrencyCode, Event, Id, Instant, event

LEDGER = "ledger.v1"


class Overdue(msgspec.Struct, frozen=True, kw_only=True):
    """What is overdue, by component; decimal strings in the loan's currency."""

    principal: Amount
    interest: Amount
    fee: Amount
    penalty: Amount
    compound: Amount
    total: Amount


@event(LEDGER, "loan.registered.v1")
class LoanRegistered(Event, frozen=True, kw_only=True):
    """The ledger took a loan into its books."""

    borrower_id: Id
    loan_id: Id
    product: str
    currency: CurrencyCode
    principal: Amount
    opened_on: date
    schedule: tuple[Instalment, ...]


@event(LEDGER, "repayment.received.v1")
class RepaymentReceived(Event, frozen=True, kw_only=True):
    """Money was taken into the books."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    amount: Amount
    currency: CurrencyCode
    value_date: date
    posted_at: Instant


@event(LEDGER, "repayment.reversed.v1")
class LedgerRepaymentReversed(Event, frozen=True, kw_only=True):
    """A repayment in the books was taken back."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    amount: Amount
    currency: CurrencyCode
    reversed_on: date
    reason: str


class Arrears(Event, frozen=True, kw_only=True):
    """The whole arrears of a loan on `as_of`.

    DPD on a later date is that date minus `dpd_zero_on` until the next event; null while nothing counts or
    while a pause runs (then `resumes_on`, when it is known).
    """

    borrower_id: Id
    loan_id: Id
    product: str
    currency: CurrencyCode
    as_of: date
    dpd: int
    dpd_zero_on: date | None
    oldest_unpaid_due_on: date | None
    overdue: Overdue
    outstanding_principal: Amount
    resumes_on: date | None = None


@event(LEDGER, "loan.overdue.v1")
class LoanOverdue(Arrears, frozen=True, kw_only=True):
    """A loan that was not past due now is: an episode of arrears begins."""


@event(LEDGER, "arrears.changed.v1")
class ArrearsChanged(Arrears, frozen=True, kw_only=True):
    """What is overdue, or since when, changed within an episode."""


@event(LEDGER, "loan.cured.v1")
class LoanCured(Event, frozen=True, kw_only=True):
    """Nothing counts as past due any more: the episode of arrears ends."""

    borrower_id: Id
    loan_id: Id
    product: str
    currency: CurrencyCode
    as_of: date
    outstanding_principal: Amount


@event(LEDGER, "loan.settled.v1")
class LoanSettled(Event, frozen=True, kw_only=True):
    """Nothing of the whole schedule is unpaid: no one may be contacted about this loan again."""

    borrower_id: Id
    loan_id: Id
    product: str
    currency: CurrencyCode
    as_of: date


@event(LEDGER, "business_date.closed.v1")
class BusinessDateClosed(Event, frozen=True, kw_only=True):
    """A business date was closed; told to every partition, after all the arrears it brought."""

    date: date


@event(LEDGER, "ledger.tick.v1")
class LedgerTick(Event, frozen=True, kw_only=True):
    """All the ledger knew by `at`, from inputs read to their end, is before this in the partition."""

    partition: int
    at: Instant
