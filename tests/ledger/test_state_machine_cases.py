"""Lives that the state machine has found faults with, and some that it meets too rarely to rely on luck."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ledger.domain.facts import (
    BorrowerId,
    Chargeback,
    ClosureReason,
    HolidayRule,
    Instalment,
    LoanFacts,
    LoanId,
    PenaltyRule,
    Reschedule,
    Terms,
)
from tests.ledger.domain.strategies import FIRST
from tests.ledger.test_state_machine import HOUSE, How, Ledger

NOW = How(near=False, last=True)
LATER = How(near=False, last=False)
L = "L1"


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def at(hour: int) -> datetime:
    return datetime(2026, 1, 1, hour, tzinfo=UTC)


def contract(*due_on: int, rate: str = "0.12", terms: Terms | None = None) -> LoanFacts:
    """Instalments of 10.00 and 1.00 interest, due on these days after the first."""
    rows = tuple(Instalment(n + 1, day(on), 1_000, 100) for n, on in enumerate(due_on))
    return LoanFacts(
        loan_id=LoanId(L),
        borrower_id=BorrowerId("B1"),
        product="p",
        currency="CNY",
        principal=1_000 * len(rows),
        annual_rate=Decimal(rate),
        opened_on=date(2026, 1, 1),
        schedule=rows,
        terms=terms or Terms(),
    )


@contextmanager
def life(loan: LoanFacts | None = None) -> Iterator[Ledger]:
    """A loan that is examined after each step, and on every date to the end."""
    machine = Ledger()
    if loan is not None:
        machine.a_loan(loan, NOW)
    yield machine
    machine.teardown()


def test_a_pause_without_end_that_now_has_one_is_told() -> None:
    """Found: `resumes_on` of the last word stayed unknown until the pause was over."""
    with life(contract(0)) as loan:
        loan.close_dates(10)
        loan.pause(L, day(5), None, NOW)
        loan.resume(L, day(20), NOW)


def test_a_running_pause_that_is_prolonged_is_told() -> None:
    """Found: `resumes_on` of the last word stayed the day on which the first pause would have ended."""
    with life(contract(0)) as loan:
        loan.close_dates(1)
        loan.pause(L, day(11), 2, NOW)
        loan.close_dates(11)
        loan.pause(L, day(11), None, NOW)


def test_days_that_stand_still_and_are_counted_anew_are_told_though_no_amount_moves() -> None:
    with life(contract(0, rate="0")) as loan:
        loan.close_dates(20)
        loan.pause(L, day(15), 20, NOW)
        loan.pause(L, day(5), 3, NOW)


def test_of_two_rates_of_one_day_the_later_stated_holds_whichever_comes_first() -> None:
    for first, then in ((1, 2), (2, 1)):
        with life(contract(0)) as loan:
            loan.change_rate(L, Decimal("0.18"), day(11), at(first), NOW)
            loan.change_rate(L, Decimal("0.0435"), day(11), at(then), NOW)


def test_of_two_reschedules_of_one_day_the_later_stated_holds_whichever_comes_first() -> None:
    soon = Reschedule(day(11), (), (Instalment(11, day(12), 2_000, 0),))
    late = Reschedule(day(11), (11,), (Instalment(12, day(60), 1_000, 0),))
    for first, then in ((1, 2), (2, 1)):
        with life(contract(0, 30)) as loan:
            loan.post_more(L, (700, day(3), day(3)), NOW)
            loan.reschedule(L, soon, day(11), at(first), NOW)
            loan.reschedule(L, late, day(11), at(then), NOW)


def test_all_in_the_wrong_order_comes_to_the_same() -> None:
    """The reversal before its money, both before their loan, the loan last."""
    with life() as loan:
        loan.reverse(L, "R0", day(30), NOW)
        loan.charge_back(L, Chargeback("R1", 500, day(40)), LATER)
        loan.close_dates(10)
        loan.post(L, "R0", (1_100, day(0), day(5)), NOW)
        loan.close_loan(L, day(70), ClosureReason.WRITTEN_OFF, NOW)
        loan.a_loan(contract(0, 30), NOW)


def test_money_ahead_of_moved_due_dates_is_applied_on_the_day_to_which_they_moved() -> None:
    """Due on 16 and 23 February 2026, in the Spring Festival: both move to the 24th."""
    terms = Terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY, calendar=HOUSE.calendars["CN"], grace_days=3)
    with life(contract(0, 37, 44, terms=terms)) as loan:
        loan.post_more(L, (1_600, day(0), day(0)), NOW)
        loan.post_more(L, (1_000, day(38), day(50)), NOW)


def test_a_closure_in_the_middle_of_a_close_is_told_once_on_the_next_date() -> None:
    with life(contract(0)) as loan:
        loan.begin_to_close()
        loan.close_loan(L, day(1), ClosureReason.SOLD, NOW)
        loan.close_dates(3)
        loan.close_loan(L, day(2), ClosureReason.SETTLED, NOW)
        loan.close_loan(L, day(2), ClosureReason.WRITTEN_OFF, NOW)


def test_compound_interest_and_a_cap_live_through_a_reversal() -> None:
    rule = PenaltyRule(compound_on_interest=True, all_in_cap=Decimal("0.2"))
    with life(contract(0, 15, terms=Terms(penalty=rule, grace_days=1))) as loan:
        loan.post(L, "R0", (1_150, day(12), day(12)), NOW)
        loan.close_dates(30)
        loan.reverse(L, "R0", day(40), NOW)
        loan.change_rate(L, Decimal("0.144"), day(20), None, NOW)
