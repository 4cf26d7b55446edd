"""Random loans for the properties: small, but with every kind of fact, close together so that edges meet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from ledger.domain.facts import (
    BorrowerId,
    Charge,
    Chargeback,
    ChargeKind,
    Component,
    GraceRule,
    HolidayRule,
    Instalment,
    LoanFacts,
    LoanId,
    Overpayment,
    PaidPart,
    Pause,
    PenaltyRule,
    RateChange,
    Repayment,
    Reschedule,
    Shape,
    Terms,
)
from tests.ledger.domain.calendars import ChosenDays

FIRST = date(2026, 1, 10)
HORIZON_DAYS = 100

_CALENDAR = ChosenDays(
    holidays=frozenset(FIRST + timedelta(days=day) for day in (12, 13, 14, 40, 41)),
    workdays=frozenset({date(2026, 1, 17), date(2026, 2, 28)}),
)

# Half of the days come from a few that lie a grace or a night apart, so that facts meet on one day.
days = st.one_of(
    st.integers(0, HORIZON_DAYS), st.sampled_from([0, 1, 2, 11, 12, 13, 15, 40, 41, 43, 44, 60, 61, 90])
).map(lambda day: FIRST + timedelta(days=day))
some_rates = st.sampled_from([Decimal(text) for text in ("0", "0.12", "0.144", "0.0435", "0.18")])
amounts = st.one_of(st.integers(1, 2_500), st.sampled_from([1_000, 1_100, 1_150, 2_000, 500]))


@st.composite
def some_terms(draw: st.DrawFn) -> Terms:
    own = draw(st.none() | some_rates)
    cap = draw(st.none() | st.just(Decimal("0.2")))
    return Terms(
        grace_days=draw(st.sampled_from([0, 0, 1, 3, 10])),
        grace_rule=draw(st.sampled_from(GraceRule)),
        holiday_rule=draw(st.sampled_from(HolidayRule)),
        calendar=_CALENDAR,
        day_count=draw(st.sampled_from([360, 365])),
        penalty=PenaltyRule(annual_rate=own, all_in_cap=cap, compound_on_interest=draw(st.booleans())),
        shape=draw(st.sampled_from(Shape)),
        order=tuple(draw(st.one_of(st.just(list(Component)), st.permutations(list(Component))))),
        tolerance=draw(st.sampled_from([0, 0, 10, 100])),
        overpayment=draw(st.sampled_from(Overpayment)),
    )


def instalments(first_seq: int) -> st.SearchStrategy[tuple[Instalment, ...]]:
    parts = st.tuples(
        days, st.sampled_from([1_000, 995, 0]), st.sampled_from([0, 100]), st.sampled_from([0, 50])
    )
    return st.lists(parts, min_size=1, max_size=4).map(
        lambda rows: tuple(Instalment(first_seq + number, *row) for number, row in enumerate(rows))
    )


@st.composite
def _repayments(draw: st.DrawFn) -> tuple[Repayment, ...]:
    rows = draw(st.lists(st.tuples(amounts, days, days, st.none() | days), max_size=5))
    return tuple(
        Repayment(f"R{number}", amount, on, datetime(posted.year, posted.month, posted.day, tzinfo=UTC), gone)
        for number, (amount, on, posted, gone) in enumerate(rows)
    )


pauses = st.lists(st.builds(Pause, days, st.none() | days), max_size=2).map(
    lambda found: tuple(each for each in found if each.to_on is None or each.to_on > each.from_on)
)


@st.composite
def loans(draw: st.DrawFn) -> LoanFacts:
    """A loan with any mix of facts; rare kinds stay rare, so that plain loans are tried too."""
    schedule = draw(instalments(1))
    rare = st.integers(0, 3).map(lambda number: number == 0)
    cut_over = tuple(PaidPart(1, min(400, schedule[0].principal)) for _ in range(draw(rare)))
    charges = st.builds(Charge, st.sampled_from(["C1", "C2"]), st.sampled_from(ChargeKind), amounts, days)
    backs = st.builds(Chargeback, st.sampled_from(["R0", "R1"]), amounts, days)
    changes = st.builds(RateChange, days, some_rates)
    keeps = st.lists(st.sampled_from([row.seq for row in schedule]), unique=True).map(tuple)
    reschedules = st.builds(Reschedule, days, keeps, instalments(11))
    return LoanFacts(
        loan_id=LoanId("L"),
        borrower_id=BorrowerId("B"),
        product="p",
        currency="CNY",
        principal=sum(row.principal for row in schedule),
        annual_rate=draw(some_rates),
        opened_on=date(2026, 1, 1),
        schedule=schedule,
        terms=draw(some_terms()),
        paid_before=cut_over,
        repayments=draw(_repayments()),
        charges=tuple(draw(st.lists(charges, max_size=2, unique_by=lambda each: each.id))),
        chargebacks=tuple(draw(st.lists(backs, max_size=1))),
        pauses=draw(pauses),
        resumed_on=tuple(draw(st.lists(days, max_size=1))),
        freezes=draw(pauses) if draw(rare) else (),
        rate_changes=tuple(draw(st.lists(changes, max_size=2, unique_by=lambda each: each.effective_on))),
        reschedules=tuple(
            draw(st.lists(reschedules, max_size=2, unique_by=lambda each: each.effective_on))
            if draw(rare)
            else ()
        ),
    )
