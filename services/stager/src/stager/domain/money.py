"""Money that came in, as the ledger told it: what promises and plans are judged by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Money:
    """One repayment of a loan, `amount_minor` in minor units of `currency`: what of it was not charged back.

    Once `reversed_on` is known it is as if it had never been made, whatever that date is; so is what was charged
    back in full, whose amount stays that of the repayment.
    """

    loan_id: str
    repayment_id: str
    borrower_id: str
    currency: str
    amount_minor: int
    value_date: date
    posted_at: datetime
    reversed_on: date | None = None

    def counts(self, first_on: date, last_on: date) -> bool:
        """Whether it stands and is value-dated from `first_on` through `last_on`."""
        return self.reversed_on is None and first_on <= self.value_date <= last_on


def received_minor(money: Iterable[Money], first_on: date, last_on: date) -> int:
    """What came in and stands, value-dated from `first_on` through `last_on`, in minor units."""
    return sum(each.amount_minor for each in money if each.counts(first_on, last_on))
