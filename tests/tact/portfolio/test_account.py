"""Core banking's own books: penalty first, then interest, then principal, oldest instalment first."""

from __future__ import annotations

from datetime import date

from tact.portfolio.account import Account, Due

JAN, FEB, MAR = date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 10)
SCHEDULE = (Due(JAN, 1_000_00, 10_00), Due(FEB, 1_000_00, 8_00), Due(MAR, 1_000_00, 5_00))


def account() -> Account:
    return Account(SCHEDULE, rate_bp=1200)


def test_money_on_the_due_date_is_on_time() -> None:
    books = account()
    books.pay(JAN, 1_010_00)
    assert books.overdue(FEB) == (None, 0)


def test_nothing_is_overdue_on_the_due_date_itself() -> None:
    assert account().overdue(JAN) == (None, 0)
    assert account().overdue(date(2026, 1, 11)) == (JAN, 1)


def test_penalty_is_one_and_a_half_times_the_rate_on_overdue_principal() -> None:
    # 1,000.00 x 0.12 x 1.5 x 10 / 360 = 5.00
    assert account().payoff(date(2026, 1, 20), 1) == 1_010_00 + 5_00


def test_one_cent_less_than_the_payoff_leaves_the_instalment_unpaid() -> None:
    on = date(2026, 1, 20)
    books = account()
    books.pay(on, books.payoff(on, 1) - 1)
    assert books.overdue(on) == (JAN, 1)
    books.pay(on, 1)
    assert books.overdue(on) == (None, 0)


def test_penalty_accrues_on_what_a_part_payment_left() -> None:
    books = account()
    books.pay(date(2026, 1, 20), 5_00 + 10_00 + 400_00)  # penalty so far, interest, part of the principal
    # 600.00 x 0.12 x 1.5 x 10 / 360 = 3.00
    assert books.payoff(date(2026, 1, 30), 1) == 600_00 + 3_00


def test_early_money_is_credit_until_the_next_due_date() -> None:
    books = account()
    books.pay(JAN, 1_010_00 + 1_008_00)
    assert books.overdue(date(2026, 2, 28)) == (None, 0)
    assert books.overdue(date(2026, 3, 11)) == (MAR, 1)


def test_the_oldest_of_several_is_what_counts() -> None:
    books = account()
    assert books.overdue(date(2026, 3, 11)) == (JAN, 3)
    books.pay(date(2026, 3, 11), books.payoff(date(2026, 3, 11), 1))
    assert books.overdue(date(2026, 3, 11)) == (FEB, 2)


def test_a_copy_goes_its_own_way() -> None:
    books = account()
    before = books.copy()
    books.pay(JAN, 1_010_00)
    assert before.overdue(date(2026, 1, 11)) == (JAN, 1)
    books.become(before)
    assert books.overdue(date(2026, 1, 11)) == (JAN, 1)


def test_settled_once_the_whole_schedule_is_paid() -> None:
    books = account()
    books.pay(JAN, 1_010_00 + 1_008_00 + 1_005_00)
    assert not books.settled
    books.close(MAR)
    assert books.settled
