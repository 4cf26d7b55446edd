"""What the ledger says is owed, since when: registered loans, money received, arrears and their end."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from spine.events.corebanking import Instalment, PaidPart, PastContact
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


class TakenOver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A running loan came from other books: what was paid and said by `as_of`."""

    as_of: date
    paid: tuple[PaidPart, ...]
    episode_began_on: date | None = None
    contact_history: tuple[PastContact, ...] = ()


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
    taken_over: TakenOver | None = None


@event(LEDGER, "loan.rescheduled.v1")
class LedgerLoanRescheduled(Event, frozen=True, kw_only=True):
    """A loan has another schedule from `effective_on` on; the whole of it, kept instalments included."""

    borrower_id: Id
    loan_id: Id
    product: str
    currency: CurrencyCode
    effective_on: date
    reason: str
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


@event(LEDGER, "repayment.charged_back.v1")
class LedgerRepaymentChargedBack(Event, frozen=True, kw_only=True):
    """The payer's bank took back `amount` of a repayment: it is owed again, due on `charged_back_on`."""

    borrower_id: Id
    loan_id: Id
    repayment_id: Id
    amount: Amount
    currency: CurrencyCode
    charged_back_on: date


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
    status: Literal["overdue", "written_off"] = "overdue"


@event(LEDGER, "loan.overdue.v1")
class LoanOverdue(Arrears, frozen=True, kw_only=True):
    """A loan that was not past due now is: an episode of arrears begins.

    `taken_over_on`: the day of the cut-over with which the loan came in, already in arrears;
    `episode_began_on`: when its episode had begun in the books before, where that is known.
    """

    taken_over_on: date | None = None
    episode_began_on: date | None = None


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
    """Nothing is owed here any more: no one may be contacted about this loan again.

    `reason`: nothing of the whole schedule is unpaid (`paid`), or core banking closed the loan as settled
    (`closed`) or sold it (`sold`).
    """

    borrower_id: Id
    loan_id: Id
    product: str
    currency: CurrencyCode
    as_of: date
    reason: Literal["paid", "closed", "sold"] = "paid"


class StatedArrears(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Arrears as one side of a statement check holds them."""

    days_past_due: int
    overdue_principal: Amount
    overdue_interest: Amount
    penalty: Amount | None = None


class StatementChecked(Event, frozen=True, kw_only=True):
    """Core banking's own figures of a date were compared with the ledger's."""

    borrower_id: Id
    loan_id: Id
    currency: CurrencyCode
    as_of: date
    stated: StatedArrears
    ledger: StatedArrears


@event(LEDGER, "statement.mismatch.v1")
class StatementMismatch(StatementChecked, frozen=True, kw_only=True):
    """The figures differ: no contact until they match or a person has looked into it."""

    differences: tuple[str, ...]


@event(LEDGER, "statement.matched.v1")
class StatementMatched(StatementChecked, frozen=True, kw_only=True):
    """The figures are the same, or a person has settled the difference (`resolution` says how)."""

    resolution: str | None = None


TransitKind = Literal["pending", "debit", "claim"]


@event(LEDGER, "payment.in_transit.v1")
class PaymentInTransit(Event, frozen=True, kw_only=True):
    """Money may be on its way: stated by core banking, being debited, or claimed by the borrower.

    `amount` is absent where it was not said. Without news it is given up at `until`.
    """

    borrower_id: Id
    loan_id: Id
    transit_id: str
    kind: TransitKind
    currency: CurrencyCode
    since: Instant
    until: Instant
    amount: Amount | None = None
    origin: str | None = None


@event(LEDGER, "payment.transit_ended.v1")
class PaymentTransitEnded(Event, frozen=True, kw_only=True):
    """Money that may have been on its way arrived, failed (`reason` of a debit), or did not come in time."""

    borrower_id: Id
    loan_id: Id
    transit_id: str
    kind: TransitKind
    outcome: Literal["posted", "failed", "expired"]
    ended_at: Instant
    repayment_id: str | None = None
    reason: str | None = None
    origin: str | None = None


@event(LEDGER, "business_date.closed.v1")
class BusinessDateClosed(Event, frozen=True, kw_only=True):
    """A business date was closed; told to every partition, after all the arrears it brought."""

    date: date


@event(LEDGER, "ledger.tick.v1")
class LedgerTick(Event, frozen=True, kw_only=True):
    """All the ledger knew by `at`, from inputs read to their end, is before this in the partition."""

    partition: int
    at: Instant
