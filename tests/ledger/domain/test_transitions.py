"""The day close looks at a loan on transition dates alone: nothing else changes its standing."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domain.facts import (
    Charge,
    Chargeback,
    ChargeKind,
    Closure,
    ClosureReason,
    HolidayRule,
    LoanFacts,
    Overpayment,
    Pause,
)
from ledger.domain.position import position
from ledger.domain.transitions import next_transition_on
from tests.ledger.domain.calendars import ChosenDays

from .loans import cny, due, loan, on, paid, terms
from .strategies import FIRST, loans
from .strategies import days as some_days

PLAIN = (due(1, "03-10", "1000.00"), due(2, "04-10", "1000.00"))


def transitions(facts: LoanFacts, since: str, until: str = "12-31") -> list[date]:
    found = []
    day = next_transition_on(facts, on(since))
    while day is not None and day <= on(until):
        found.append(day)
        day = next_transition_on(facts, day)
    return found


def days(*texts: str) -> list[date]:
    return [on(text) for text in texts]


@given(
    loans(), st.lists(st.builds(Closure, some_days, st.sampled_from(ClosureReason)), max_size=1), some_days
)
def test_standing_changes_on_transitions_and_on_no_other_day(
    facts: LoanFacts, closures: list[Closure], as_of: date
) -> None:
    facts = replace(facts, closures=tuple(closures))
    end = FIRST + timedelta(days=130)
    while as_of < end:
        standing = position(facts, as_of).standing()
        found = next_transition_on(facts, as_of)
        day = as_of + timedelta(days=1)
        while day < (found or end):
            assert position(facts, day).standing() == standing, day
            day += timedelta(days=1)
        if found is None:
            return
        assert position(facts, found).standing() != standing
        as_of = found


def test_each_unpaid_instalment_is_a_transition_the_day_after_it_fell_due() -> None:
    assert transitions(loan(*PLAIN), "03-01") == days("03-11", "04-11")


def test_a_loan_paid_ahead_is_looked_at_when_its_credit_is_applied() -> None:
    facts = loan(*PLAIN, repayments=(paid("2000.00", "03-01"),))
    assert transitions(facts, "03-01") == days("03-10", "04-10")


def test_nothing_is_left_to_look_at_once_all_is_settled_or_closed() -> None:
    prepaid = loan(
        *PLAIN, repayments=(paid("2000.00", "03-01"),), terms=terms(overpayment=Overpayment.PREPAY)
    )
    assert next_transition_on(prepaid, on("03-01")) is None
    closed = loan(*PLAIN, closures=(Closure(on("03-02"), ClosureReason.SOLD),))
    assert transitions(closed, "03-01") == days("03-02")


def test_grace_begins_and_ends_on_transitions() -> None:
    assert transitions(loan(*PLAIN[:1], terms=terms(grace_days=3)), "03-01") == days("03-11", "03-14")


def test_a_moved_due_date_is_overdue_by_contract_first_and_by_count_later() -> None:
    calendar = ChosenDays(holidays=frozenset(days("03-10", "03-11")))
    moved = terms(holiday_rule=HolidayRule.NEXT_BUSINESS_DAY, calendar=calendar)
    assert transitions(loan(*PLAIN[:1], terms=moved), "03-01") == days("03-11", "03-13")


def test_a_pause_begins_and_ends_on_transitions() -> None:
    facts = loan(*PLAIN[:1], pauses=(Pause(on("03-20"), on("03-25")),))
    assert transitions(facts, "03-01") == days("03-11", "03-20", "03-25")
    endless = loan(*PLAIN[:1], pauses=(Pause(on("03-20")),))
    assert transitions(endless, "03-01") == days("03-11", "03-20")


def test_facts_of_a_later_date_are_transitions() -> None:
    facts = loan(
        *PLAIN[:1],
        repayments=(paid("1000.00", "03-05", reversed_on="03-20"),),
        chargebacks=(Chargeback("R", cny("5.00"), on("04-01")),),
    )
    assert transitions(facts, "03-05") == days("03-10", "03-20", "04-01", "04-02")


def test_a_penalty_charge_that_changes_no_day_does_not_hide_the_next_instalment() -> None:
    facts = loan(*PLAIN, charges=(Charge("C", ChargeKind.PENALTY, cny("9.00"), on("03-20")),))
    assert transitions(facts, "03-01") == days("03-11", "04-11")
