"""How one borrower pays: month by month, the number of missed instalments rolls as the calibration says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from tact.portfolio import calibration
from tact.portfolio.account import Account
from tact.portfolio.published import add_months
from tact.portfolio.schedule import Loan

_WORST: Final = len(calibration.ROLL_COUNTS) - 1
#: Payments below this many minor units are not worth a transfer.
_SMALLEST_PAYMENT: Final = 10_00
#: (house) A bounced payment is taken back after the one and made again after the other number of days.
_BOUNCED_AFTER_DAYS: Final = 1
_REPEATED_AFTER_DAYS: Final = 4


@dataclass(frozen=True, slots=True)
class Payment:
    """Money on business date `on`; `reversed_on` when the bank took it back."""

    on: date
    amount: int
    reversed_on: date | None = None


def play(loan: Loan, rng: Random, *, start_on: date, end_on: date) -> list[Payment]:
    """Everything paid on a loan before `end_on`; instalments due before `start_on` are paid on time."""
    history = [Payment(due.on, due.total) for due in loan.schedule if due.on < start_on]
    future = loan.schedule[len(history) :]
    account = Account(future, loan.rate_bp)
    played: list[Payment] = []
    missed = 0
    # After the last due date the months go on for those who still owe.
    anchor, cycle = future[0].on, 0
    while anchor < end_on and not account.settled:
        next_anchor = add_months(future[0].on, cycle + 1)
        owed = missed + (1 if cycle < len(future) else 0)
        target = min(roll(rng, missed), owed)
        payments = _month(rng, account, anchor, next_anchor, missed=missed, pays=owed - target)
        played += payments
        missed, anchor, cycle = target, next_anchor, cycle + 1
    return history + [payment for payment in played if payment.on < end_on]


def roll(rng: Random, missed: int) -> int:
    """Instalments missed a month later, drawn from the roll counts; from the worst state one more, or out."""
    counts = calibration.ROLL_COUNTS[min(missed, _WORST)]
    drawn = rng.randrange(sum(counts))
    for state, count in enumerate(counts):
        if drawn < count:
            return missed + 1 if state == _WORST and missed >= _WORST else state
        drawn -= count
    raise AssertionError("the counts sum to their sum")


def _month(
    rng: Random, account: Account, anchor: date, next_anchor: date, *, missed: int, pays: int
) -> list[Payment]:
    """The payments from a due date until the eve of the next, which settle `pays` instalments."""
    if pays == 0:
        return list(_partial(rng, account, anchor, missed))
    if missed == 0:
        on = anchor + timedelta(days=_punctuality(rng))
    else:
        first, last = calibration.CATCH_UP_DAYS[min(missed, _WORST)]
        on = anchor + timedelta(days=rng.randint(first, last))
    if on < anchor:
        # Money ahead of the due date is the plain instalment: nothing can have accrued on it.
        amount = account.payoff(anchor, pays)
        account.close(anchor)
        account.pay(anchor, amount)
        return [Payment(on, amount)] if amount else []
    before = account.copy()
    amount = account.payoff(on, pays)
    account.pay(on, amount)
    first_try = Payment(on, amount)
    if amount and rng.randrange(1000) < calibration.REVERSED_PER_MILLE:
        again_on = on + timedelta(days=_REPEATED_AFTER_DAYS)
        # Not so late that it would cross an early payment of the next instalment.
        if again_on < next_anchor - timedelta(days=max(calibration.EARLY_DAYS)):
            return _bounced(account, before, first_try, again_on, pays)
    return [first_try] if amount else []


def _bounced(account: Account, before: Account, first: Payment, again_on: date, pays: int) -> list[Payment]:
    """The payment was as if never made; a second one settles the same instalments a few days later."""
    account.become(before)
    amount = account.payoff(again_on, pays)
    account.pay(again_on, amount)
    reversed_on = first.on + timedelta(days=_BOUNCED_AFTER_DAYS)
    return [Payment(first.on, first.amount, reversed_on), Payment(again_on, amount)]


def _punctuality(rng: Random) -> int:
    """Days from the due date to the payment of somebody who misses nothing."""
    drawn = rng.randrange(1000)
    if drawn < calibration.EARLY_PER_MILLE:
        return -rng.choice(calibration.EARLY_DAYS)
    if drawn < calibration.EARLY_PER_MILLE + calibration.FEW_DAYS_LATE_PER_MILLE:
        return rng.choice(calibration.FEW_DAYS_LATE)
    return 0


def _partial(rng: Random, account: Account, anchor: date, missed: int) -> Iterator[Payment]:
    """Some who roll on pay a part of the oldest instalment all the same."""
    some, all_of_them = calibration.PARTIAL_COUNTS[min(missed, _WORST)]
    if rng.randrange(all_of_them) >= some:
        return
    deciles = calibration.PARTIAL_PERCENT_DECILES
    tenth = rng.randrange(10)
    percent = rng.randint(deciles[tenth], deciles[tenth + 1])
    on = anchor + timedelta(days=rng.randint(1, 20))
    amount = account.payoff(on, 1) * percent // 100
    if amount >= _SMALLEST_PAYMENT:
        account.pay(on, amount)
        yield Payment(on, amount)
