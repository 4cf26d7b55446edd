"""The made-up portfolio of the demo and the tests: core banking's events of many loans over some months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final

from spine.money import format_minor
from tact.portfolio.behaviour import Payment, play
from tact.portfolio.borrowers import draw_borrower
from tact.portfolio.published import LocalInstants, PublishedEvent, Publisher
from tact.portfolio.schedule import CURRENCY, Loan, draw_loan

MAX_LOANS: Final = 999_999
#: Money is posted at a few instants of the day, so that a stepped clock has few steps to take.
_NOON: Final = time(11, 30)
_EVENING: Final = time(20, 0)
#: Just before the morning's reminders: the money and the message race.
_RACE: Final = time(9, 58)
_RACE_PERCENT: Final = 6
_NOON_PERCENT: Final = 50
_REVERSALS_AT: Final = time(11, 30)
#: Out of a hundred loans: a borrower's second one; paid out in the window.
_SECOND_LOAN_PERCENT: Final = 8
_NEW_PERCENT: Final = 8
_CHANNELS: Final = ("app", "app", "bank_transfer", "auto_debit", "counter")


def generate(
    *, loans: int, start_on: date, days: int, seed: int, zone: str = "Asia/Shanghai"
) -> Iterator[PublishedEvent]:
    """What core banking publishes about `loans` loans over `days` days from `start_on`, ordered by instant.

    The same arguments give the same events; a loan does not change when `loans` grows. At the first midnight
    come the borrowers, the running loans and what was repaid on them before; every instalment due before
    `start_on` is paid. Borrowers' personal data is made up. `zone` is the lender's.
    Raises ValueError for counts out of range.
    """
    if not 0 <= loans <= MAX_LOANS:
        raise ValueError(f"loans: 0 to {MAX_LOANS}, not {loans}")
    if days < 1:
        raise ValueError(f"days: at least 1, not {days}")
    publisher = Publisher("urn:tact:made-up-core-banking", str(seed))
    writer = _Writer(publisher, LocalInstants(zone), start_on, start_on + timedelta(days=days))
    events: list[PublishedEvent] = []
    borrower_id, borrower_number, has_room = "", 0, False
    for number in range(1, loans + 1):
        rng = Random(f"{seed}/{number}")  # a text seed gives the same draws on every machine
        second = rng.randrange(100) < _SECOND_LOAN_PERCENT and has_room
        new_on = _new_on(rng, start_on, days)
        if second:
            has_room, new_on = False, None
        else:
            borrower_number, has_room = number, new_on is None
            borrower_id = f"B{borrower_number:06d}"
            at = writer.instants.midnight(start_on) if new_on is None else writer.instants.at(new_on, _NOON)
            data = draw_borrower(rng, borrower_id, borrower_number)
            events.append(publisher.publish(at, "borrower.updated.v1", f"{borrower_id}-updated", data))
        loan = draw_loan(rng, f"L{number:06d}", borrower_id, start_on=start_on, new_on=new_on)
        events.extend(writer.loan(loan, rng, new_on))
    # Stable: a borrower stays before the loan, a loan before its money, of the same instant.
    events.sort(key=lambda published: published.at)
    return iter(events)


def _new_on(rng: Random, start_on: date, days: int) -> date | None:
    """The day a loan is paid out in the window; None for one that runs already."""
    drawn = rng.randrange(100)
    return start_on + timedelta(days=rng.randrange(1, days)) if drawn < _NEW_PERCENT and days > 1 else None


class _Writer:
    """Writes one loan's life as events."""

    def __init__(self, publisher: Publisher, instants: LocalInstants, start_on: date, end_on: date) -> None:
        self.instants = instants
        self._publisher = publisher
        self._start_on = start_on
        self._end_on = end_on

    def loan(self, loan: Loan, rng: Random, new_on: date | None) -> Iterator[PublishedEvent]:
        opened_at = self.instants.midnight(self._start_on)
        if new_on is not None:
            opened_at = self.instants.at(new_on, _NOON)
        yield self._publisher.publish(opened_at, "loan.opened.v1", f"{loan.loan_id}-opened", loan.opened())
        for number, payment in enumerate(play(loan, rng, start_on=self._start_on, end_on=self._end_on), 1):
            yield from self._repayment(loan, payment, number, rng, opened_at)

    def _repayment(
        self, loan: Loan, payment: Payment, number: int, rng: Random, opened_at: datetime
    ) -> Iterator[PublishedEvent]:
        repayment_id = f"{loan.loan_id}-R{number:02d}"
        posted_at = self.instants.at(payment.on, _hour(rng))
        data = {
            "borrower_id": loan.borrower_id,
            "loan_id": loan.loan_id,
            "repayment_id": repayment_id,
            "amount": format_minor(payment.amount, CURRENCY),
            "currency": CURRENCY,
            "value_date": payment.on.isoformat(),
            "posted_at": posted_at.isoformat(),
            "channel": rng.choice(_CHANNELS),
        }
        # What was posted before the window is told at its start.
        at = max(posted_at, opened_at)
        yield self._publisher.publish(at, "repayment.posted.v1", f"{repayment_id}-posted", data)
        if payment.reversed_on is not None and payment.reversed_on < self._end_on:
            reversal = {
                "borrower_id": loan.borrower_id,
                "loan_id": loan.loan_id,
                "repayment_id": repayment_id,
                "reversed_on": payment.reversed_on.isoformat(),
                "reason": "returned by the payer's bank",
            }
            at = self.instants.at(payment.reversed_on, _REVERSALS_AT)
            yield self._publisher.publish(at, "repayment.reversed.v1", f"{repayment_id}-reversed", reversal)


def _hour(rng: Random) -> time:
    drawn = rng.randrange(100)
    if drawn < _RACE_PERCENT:
        return _RACE
    return _NOON if drawn < _RACE_PERCENT + _NOON_PERCENT else _EVENING
