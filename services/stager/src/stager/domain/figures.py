"""What the ledger last said is owed on a loan, and the days past due on any later date that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from spine.events.ledger import Arrears
from spine.money import parse_minor


@dataclass(frozen=True, slots=True)
class Figures:
    """The arrears of a loan on `as_of`, as told; amounts in minor units of `currency`.

    `status`: overdue, or written_off, where the claim survives and goes on being collected.
    """

    product: str
    currency: str
    as_of: date
    dpd: int
    dpd_zero_on: date | None
    resumes_on: date | None
    oldest_unpaid_due_on: date | None
    principal_minor: int
    interest_minor: int
    fee_minor: int
    penalty_minor: int
    compound_minor: int
    total_minor: int
    outstanding_principal_minor: int
    status: str

    @classmethod
    def told(cls, event: Arrears) -> Figures:
        """The figures of loan.overdue or arrears.changed. Raises BadAmount."""
        overdue, currency = event.overdue, event.currency
        return cls(
            product=event.product,
            currency=currency,
            as_of=event.as_of,
            dpd=event.dpd,
            dpd_zero_on=event.dpd_zero_on,
            resumes_on=event.resumes_on,
            oldest_unpaid_due_on=event.oldest_unpaid_due_on,
            principal_minor=parse_minor(overdue.principal, currency, field="overdue.principal"),
            interest_minor=parse_minor(overdue.interest, currency, field="overdue.interest"),
            fee_minor=parse_minor(overdue.fee, currency, field="overdue.fee"),
            penalty_minor=parse_minor(overdue.penalty, currency, field="overdue.penalty"),
            compound_minor=parse_minor(overdue.compound, currency, field="overdue.compound"),
            total_minor=parse_minor(overdue.total, currency, field="overdue.total"),
            outstanding_principal_minor=parse_minor(
                event.outstanding_principal, currency, field="outstanding_principal"
            ),
            status=event.status,
        )

    def dpd_on(self, day: date) -> int:
        """Days past due on a date no earlier than `as_of`; they stand still while nothing counts."""
        return self.dpd if self.dpd_zero_on is None else (day - self.dpd_zero_on).days

    def exceeds_on(self, dpd: int | None) -> date | None:
        """The date on which the days past due exceed `dpd` unless something new is told; None if never."""
        if self.dpd_zero_on is None or dpd is None:
            return None
        return self.dpd_zero_on + timedelta(days=dpd + 1)
