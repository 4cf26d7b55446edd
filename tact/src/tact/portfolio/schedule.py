"""The loans of a made-up portfolio: principal, rate and a monthly annuity schedule exact to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any, Final

from spine import amortisation
from spine.money import format_minor
from tact.portfolio.account import Due
from tact.portfolio.calibration import LIMIT_DECILES_TWD, TWD_PER_CNY
from tact.portfolio.published import add_months

CURRENCY: Final = "CNY"
PRODUCT: Final = "consumer-loan"
#: Contract terms published with each loan; account.Account reckons by them.
TERMS: Final = {
    "grace_days": 0,
    "holiday_rule": "none",
    "day_count": 360,
    "penalty": {"multiplier": "1.5", "compound_on_interest": False},
    "allocation": {"shape": "horizontal", "order": ["fee", "penalty", "compound", "interest", "principal"]},
    "tolerance": "10.00",
    "overpayment": "credit",
}
_MONTHS: Final = (3, 6, 6, 6, 12, 12, 12, 12, 18, 24)
_RATES_BP: Final = (720, 850, 980, 1080, 1200, 1200, 1440, 1560, 1800)
#: Monthly due dates fall on a day every month has.
_LAST_DUE_DAY: Final = 28


@dataclass(frozen=True, slots=True)
class Loan:
    """`rate_bp` is the yearly rate in hundredths of a percent; principal in minor units of CNY."""

    loan_id: str
    borrower_id: str
    principal: int
    rate_bp: int
    opened_on: date
    schedule: tuple[Due, ...]

    def opened(self) -> dict[str, Any]:
        """The data of `loan.opened.v1`."""
        return {
            "borrower_id": self.borrower_id,
            "loan_id": self.loan_id,
            "product": PRODUCT,
            "currency": CURRENCY,
            "principal": format_minor(self.principal, CURRENCY),
            "annual_rate": f"0.{self.rate_bp:04d}",
            "opened_on": self.opened_on.isoformat(),
            "schedule": [
                {
                    "seq": seq,
                    "due_on": due.on.isoformat(),
                    "principal": format_minor(due.principal, CURRENCY),
                    "interest": format_minor(due.interest, CURRENCY),
                }
                for seq, due in enumerate(self.schedule, 1)
            ],
            "terms": TERMS,
        }


def draw_loan(rng: Random, loan_id: str, borrower_id: str, *, start_on: date, new_on: date | None) -> Loan:
    """A running loan some of whose due dates are before `start_on`, or one paid out on `new_on`."""
    months = rng.choice(_MONTHS)
    due_day = rng.randint(1, _LAST_DUE_DAY)
    if new_on is not None:
        opened_on = new_on
        first_due = add_months(new_on.replace(day=due_day), 1 if due_day >= new_on.day else 2)
    else:
        # The next due date is on or after the start; `elapsed` instalments lie before it. The lesser of two
        # draws: a growing book has more young loans than old ones.
        elapsed = min(rng.randrange(months), rng.randrange(months))
        next_due = start_on.replace(day=due_day)
        if next_due < start_on:
            next_due = add_months(next_due, 1)
        first_due = add_months(next_due, -elapsed)
        opened_on = add_months(first_due, -1)
    rate_bp = rng.choice(_RATES_BP)
    principal = _principal(rng)
    return Loan(
        loan_id, borrower_id, principal, rate_bp, opened_on, annuity(principal, rate_bp, months, first_due)
    )


def _principal(rng: Random) -> int:
    """Between two deciles of the credit granted, in whole hundreds of CNY; in minor units."""
    tenth = rng.randrange(10)
    amount_twd = rng.randint(LIMIT_DECILES_TWD[tenth], LIMIT_DECILES_TWD[tenth + 1])
    return max(amount_twd // TWD_PER_CNY // 100, 10) * 100 * 100


def annuity(principal: int, rate_bp: int, months: int, first_due: date) -> tuple[Due, ...]:
    """Equal instalments of principal and interest, the last takes the remainder of rounding."""
    parts = amortisation.annuity(principal, Decimal(rate_bp) / 10_000, months)
    return tuple(
        Due(add_months(first_due, month), part.principal, part.interest) for month, part in enumerate(parts)
    )
